"""The six critics that ELEANOR comes with, as readable rules. The hooks are in `plugin.py`."""
