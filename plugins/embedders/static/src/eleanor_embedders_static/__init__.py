"""Text to vectors with a table of word vectors, distilled from all-MiniLM-L6-v2."""
