"""Array work with JAX: compiled for the CPU or for GPUs."""
