"""`eleanor doctor`: what this system and this installation can and cannot give, tried and said."""
