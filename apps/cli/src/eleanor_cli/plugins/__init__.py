"""`eleanor plugins`: what is installed, what is used, what broke, and whether it is as locked."""
