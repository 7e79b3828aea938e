"""`eleanor review`: who may open a gate, what waits for them, and what they decide."""
