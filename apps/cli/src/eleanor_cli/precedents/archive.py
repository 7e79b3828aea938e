"""The archive that the verbs work on. Only the store and what it needs are started for that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from eleanor_cli import logs
from eleanor_cli.options import Options
from eleanor_cli.running import run
from eleanor_core import Precedents, open_precedents
from eleanor_core.api import PrecedentArchive
from eleanor_core.errors import EleanorError, PrecedentsUnavailable, quoted
from eleanor_core.model import PrecedentCase
from eleanor_core.settings.model import RecallSettings

_NEAR: Final = 3
"""Ids that are offered in place of one that nobody knows."""


class UnknownPrecedentError(EleanorError):
    """A case that the store does not hold."""

    code = "unknown_precedent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A store that is running, the same one as an archive, and how recall asks it."""

    precedents: Precedents
    archive: PrecedentArchive
    recall: RecallSettings

    async def versions(self, case_id: str) -> Sequence[PrecedentCase]:
        """Return a case's versions, oldest first. Raises UnknownPrecedentError if it has none."""
        versions = await self.archive.versions(case_id)
        if versions:
            return versions
        near = get_close_matches(case_id, [case.id async for case in self.archive.newest()], _NEAR)
        hint = f"is it {' or '.join(near)}? " if near else ""
        msg = (
            f"{self.precedents.whose} holds no case {quoted(case_id, 80)}: {hint}"
            "`eleanor precedents list --all` shows every id"
        )
        raise UnknownPrecedentError(msg)


def with_archive(options: Options, main: Callable[[Opened], Awaitable[int]]) -> int:
    """Start the store, call `main` with it, stop it, and return what `main` returned.

    Raises PrecedentsUnavailable if none runs, or if it keeps no archive.
    """
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)

    async def opened() -> int:
        async with open_precedents(loaded.settings, redaction=options.redaction) as precedents:
            if not isinstance(precedents.store, PrecedentArchive):
                msg = (
                    f"{precedents.whose} keeps no archive: its cases can be found and added to by "
                    "an engine, and not listed, versioned, exported or retired. Enable a store "
                    "that keeps one, such as precedents/sqlite, and block this one"
                )
                raise PrecedentsUnavailable(msg)
            recall = loaded.settings.recall
            return await main(
                Opened(precedents=precedents, archive=precedents.store, recall=recall)
            )

    return run(opened)
