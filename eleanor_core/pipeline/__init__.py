"""Floor 4: the stages, one file each. They see plain mappings of voices, never the registry."""
