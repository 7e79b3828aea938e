"""What the store raises: what happened, whose it is, and what to do now."""

from __future__ import annotations

from typing import Final

from eleanor_core.api import EleanorError

WHOSE: Final = "precedents/pgvector (eleanor-precedents-pgvector)"


class StoreError(EleanorError):
    """The store cannot be used, or cannot take what it was given."""

    code = "precedents"


class RefusedError(ValueError):
    """A version that the store does not take. `number`: of its line, 0 if it came in none."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(f"line {number}: {why}" if number else why)
