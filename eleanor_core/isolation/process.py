"""How a worker is started: this interpreter, a bare environment, and where to import from."""

from __future__ import annotations

import json
import os
import sys
from typing import Final

_BOOT: Final = (
    "import json,sys; sys.path[:]=json.loads(sys.argv[1]); from {module} import main; main()"
)
_KEPT: Final = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
"""All of the environment that a worker gets: a secret may stand in any other variable."""


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs `main` of a module. Its `sys.argv[2:]`: `arguments`."""
    places = json.dumps([place for place in sys.path if place])
    return [sys.executable, "-I", "-c", _BOOT.format(module=module), places, *arguments]


def environment() -> dict[str, str]:
    """Return the environment of a worker."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
