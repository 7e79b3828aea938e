"""Cedar policies before each execution of ELEANOR. The hook is in `plugin`."""
