"""How a value shows itself in a notebook: by asking the one module that makes HTML.

It is looked up by name when asked, so that a value knows no floor above its own, and nobody pays
for HTML who shows none.
"""

from __future__ import annotations

from importlib import import_module


def html(value: object) -> str:
    """Return a value as one HTML element. Raises TypeError for a value that has no such form."""
    return str(import_module("eleanor_core._html").html(value))
