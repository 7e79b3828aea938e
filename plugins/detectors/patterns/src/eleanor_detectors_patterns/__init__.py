"""Four detectors that read by rule: `injection`, `secrets`, `personal-data` and `hidden-text`.

Each is a module with a hook and a YAML file of rules beside it. The core matches the patterns of
all of them in one pass; what runs here per text is a check of the few hits.
"""
