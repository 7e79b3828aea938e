"""Exit codes: the ones that scripts rely on, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

OK: Final = 0
FAULT: Final = 1
USAGE: Final = 2
SIGNALLED: Final = 128
"""Added to the number of the signal that stopped the program, as shells do."""

BROKEN_PIPE: Final = SIGNALLED + 13
"""What a shell shows for a program whose reader went away (SIGPIPE is 13)."""

DECISIONS: Final[Mapping[str, int]] = MappingProxyType(
    {"allow": OK, "constrain": 10, "review": 11, "deny": 12}
)
