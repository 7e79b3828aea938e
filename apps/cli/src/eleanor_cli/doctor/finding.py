"""What a check finds. A new one is a function that yields these, and a line in `CHECKS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from eleanor_core.settings import Settings

State = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    `note`: it is not there or not so, and nothing that is set needs it. `do`: the cure, if wrong.
    """

    name: str
    state: State
    said: str
    do: str = ""


Check = Callable[[Settings], Iterator[Finding]]
