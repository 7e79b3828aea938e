"""Text to vectors with all-MiniLM-L6-v2: its weights as int8, its forward pass on any backend."""
