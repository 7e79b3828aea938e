"""`eleanor precedents`: read and keep the decided cases that recall compares with."""
