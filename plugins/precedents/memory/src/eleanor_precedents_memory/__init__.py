"""Decided cases, kept in memory and found by the cosine of their embeddings."""
