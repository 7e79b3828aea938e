"""The reference backend: cosines and nearest rows with numpy, on the CPU."""
