"""Ten detectors that read by rule, each behind an entry point of its own.

Each is a module with a hook, and a YAML file of rules or words beside it. The core matches the
patterns of all of them in one pass; what runs here per text is a check of the few hits. `language`
and `readability` have no patterns: they count words.
"""
