"""Array work with PyTorch: on the CPU, on CUDA devices, on Apple's GPUs."""
