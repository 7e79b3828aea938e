"""A version of a case as one line of JSON: what the file holds, and what is imported and exported.

A line that is written holds every field, in the order of the value's fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from attrs import fields

from eleanor_core.api import CLAUSES, InvalidInput, PrecedentCase, parse_json
from eleanor_precedents_sqlite.faults import RefusedError

_FIELDS: Final = tuple(item.name for item in fields(PrecedentCase))
_NEEDED: Final = ("id", "text", "outcome", "authority")


def line_of(case: PrecedentCase) -> str:
    """Return the line of a version, without a line end."""
    entry = {name: getattr(case, name) for name in _FIELDS}
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def case_of(line: str) -> PrecedentCase:
    """Return the version that a line holds.

    Raises InvalidInput, ValueError or TypeError if it holds none.
    """
    entry = parse_json(line)
    if not isinstance(entry, dict):
        msg = f"it must hold a JSON object, not a {type(entry).__name__}"
        raise TypeError(msg)
    if unknown := sorted(entry.keys() - set(_FIELDS)):
        msg = f"unknown keys {unknown}; known are {', '.join(_FIELDS)}"
        raise ValueError(msg)
    # Who decided is not to be guessed: a line without it could make a ruling of an example.
    if missing := [name for name in _NEEDED if name not in entry]:
        msg = f"missing keys {missing}"
        raise ValueError(msg)
    if type(entry.get("version", 1)) is not int:
        msg = f"version must be a whole number, got {entry['version']!r:.40}"
        raise TypeError(msg)
    return PrecedentCase(**{**entry, "clauses": _clauses(entry.get("clauses", []))})


def read_lines(lines: Iterable[str]) -> tuple[list[int], list[PrecedentCase]]:
    """Return the numbers of the lines that are not empty, from 1, and the versions they hold.

    Raises RefusedError for the first line that holds none; its place counts the versions before.
    """
    numbers: list[int] = []
    cases: list[PrecedentCase] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cases.append(case_of(line))
        except (InvalidInput, TypeError, ValueError) as error:
            raise RefusedError(len(cases), f"line {number}: {error}") from error
        numbers.append(number)
    return numbers, cases


def _clauses(codes: object) -> tuple[str, ...]:
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        msg = "clauses must be a list of codes"
        raise TypeError(msg)
    if unknown := [code for code in codes if code not in CLAUSES]:
        msg = f"clauses {unknown} are not in the clause registry"
        raise ValueError(msg)
    return tuple(codes)
