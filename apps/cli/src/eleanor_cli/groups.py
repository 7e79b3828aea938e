"""The groups of verbs, such as `eleanor evidence`. Each is made when it is named, or listed.

To make all of them takes as long as many a verb.
"""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any, Final

from typer.core import TyperGroup
from typer.main import get_group

_HOMES: Final = {
    "plugins": "eleanor_cli.plugins.commands",
    "review": "eleanor_cli.review.commands",
    "evidence": "eleanor_cli.evidence.commands",
    "precedents": "eleanor_cli.precedents.commands",
    "config": "eleanor_cli.app",
    "secrets": "eleanor_cli.secrets.commands",
    "bench": "eleanor_cli.app",
}
"""The module that holds a group, under the group's own name."""


class Verbs(TyperGroup):
    """The verbs of `eleanor`, and the groups."""

    def __init__(self, **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type] # they are typer's own
        self.commands = _Made({**self.commands, **dict.fromkeys(_HOMES)})


class _Made(UserDict[str, Any]):
    """Verbs by name; a group, which is None at first, is made when it is looked up."""

    def __getitem__(self, name: str) -> object:
        verb = self.data[name]
        if verb is None:
            verb = self.data[name] = get_group(getattr(import_module(_HOMES[name]), name))
            verb.name = name
        return verb
