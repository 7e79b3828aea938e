"""`eleanor secrets`: are they there, and how they are changed."""
