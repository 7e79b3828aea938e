"""`eleanor bench precedents`: how well the store finds what is like a case."""
