"""Decided cases in one SQLite file: every version kept, found by the cosine of their embeddings."""
