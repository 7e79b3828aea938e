"""A file of decided cases: JSON Lines, one `PrecedentCase` a line."""

from __future__ import annotations

import inspect
from pathlib import Path

from eleanor_core.api import CLAUSES, EleanorError, InvalidInput, PrecedentCase, parse_json

_FIELDS = tuple(inspect.signature(PrecedentCase).parameters)


def read_cases(file: Path) -> list[PrecedentCase]:
    """Return the cases of `file`, in order; empty lines do not count.

    A line that names no authority is a written example: the file does not prove that people
    decided it. Raises EleanorError, naming the line, if one does not hold a case.
    """
    cases = []
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"precedents/memory (eleanor-precedents-memory) cannot read {file}: {error}"
        raise EleanorError(msg) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            cases.append(_case(line))
        except (InvalidInput, TypeError, ValueError) as error:
            msg = (
                f"precedents/memory (eleanor-precedents-memory) cannot use line {number} of "
                f"{file}: {error}; correct the line or remove it"
            )
            raise EleanorError(msg) from error
    return cases


def _case(line: str) -> PrecedentCase:
    entry = parse_json(line)
    if not isinstance(entry, dict):
        msg = f"it must hold a JSON object, not a {type(entry).__name__}"
        raise TypeError(msg)
    unknown = sorted(entry.keys() - set(_FIELDS))
    if unknown:
        msg = f"unknown keys {unknown}; known are {', '.join(_FIELDS)}"
        raise ValueError(msg)
    missing = sorted({"id", "text", "outcome"} - entry.keys())
    if missing:
        msg = f"missing keys {missing}"
        raise ValueError(msg)
    version = entry.get("version", 1)
    if type(version) is not int or version < 1:
        msg = f"version must be a whole number from 1, got {version!r:.40}"
        raise ValueError(msg)
    return PrecedentCase(
        **{"authority": "example", **entry, "clauses": _clauses(entry.get("clauses", []))},
    )


def _clauses(codes: object) -> tuple[str, ...]:
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        msg = "clauses must be a list of codes"
        raise TypeError(msg)
    unknown = [code for code in codes if code not in CLAUSES]
    if unknown:
        msg = f"clauses {unknown} are not in the clause registry"
        raise ValueError(msg)
    return tuple(codes)
