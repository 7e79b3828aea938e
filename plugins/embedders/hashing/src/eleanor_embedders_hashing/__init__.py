"""Text to vectors without a model: feature hashing of words and pairs of words."""
