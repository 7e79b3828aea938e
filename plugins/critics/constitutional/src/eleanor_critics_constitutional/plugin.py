"""What the entry points name: one hook for each of the six critics.

Rules are read when the hook runs, so that a critic that is not enabled costs nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from eleanor_core.api import (
    CriticDeclaration,
    InlineCritic,
    PluginSettings,
    Services,
    hookimpl,
)
from eleanor_critics_constitutional.context import load_cues
from eleanor_critics_constitutional.critic import ConstitutionalCritic
from eleanor_critics_constitutional.examiners import CODED, GAPS, examiner_of
from eleanor_critics_constitutional.needs import NEEDS
from eleanor_critics_constitutional.rules import (
    RuleBook,
    load_book,
    load_vocabulary,
    patterns_of,
)

LANGUAGE: Final = {"language": "the text is not in English, the language of the rules"}


class CriticPlugin:
    """The target of one entry point."""

    def __init__(self, principle: str) -> None:
        self._principle = principle

    @hookimpl
    def eleanor_register_critics(self) -> tuple[CriticDeclaration, ...]:
        """Declare the critic of this principle, with its rules' patterns."""
        book = load_book(self._principle)
        return (
            CriticDeclaration(
                name=self._principle,
                summary=book.summary,
                principle=book.principle,
                clauses=book.clauses | CODED.get(self._principle, frozenset()),
                factory=partial(start, book),
                execution="inline",
                thread_safe=True,
                patterns=patterns_of(book, load_vocabulary()),
                gaps={**LANGUAGE, **GAPS.get(self._principle, {})},
            ),
        )


@asynccontextmanager
async def start(
    book: RuleBook, _settings: PluginSettings, services: Services
) -> AsyncIterator[InlineCritic]:
    """Yield the critic of `book`."""
    examine = examiner_of(book.principle)
    yield ConstitutionalCritic(book, load_cues(), NEEDS, services.thresholds, examine)


rights: Final = CriticPlugin("rights")
autonomy: Final = CriticPlugin("autonomy")
fairness: Final = CriticPlugin("fairness")
truth: Final = CriticPlugin("truth")
risk: Final = CriticPlugin("risk")
pragmatics: Final = CriticPlugin("pragmatics")
