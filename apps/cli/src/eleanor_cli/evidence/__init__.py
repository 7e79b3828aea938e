"""`eleanor evidence`: the records, whether they are sound, and proofs of that for others."""
