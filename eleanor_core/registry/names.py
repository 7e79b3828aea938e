"""Refs of the form `kind/name`, and what a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import cast

from eleanor_core.api import Kind


def meant(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" for the known word nearest to `word`, or "" if none is near."""
    near = get_close_matches(word, sorted(set(known)), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def split(ref: str) -> tuple[Kind, str]:
    """Split a ref that the settings have validated into its kind and name."""
    kind, _, name = ref.partition("/")
    return cast("Kind", kind), name
