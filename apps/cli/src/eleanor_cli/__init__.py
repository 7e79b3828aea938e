"""The command line. It uses the core's public names and nothing of any plugin."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
