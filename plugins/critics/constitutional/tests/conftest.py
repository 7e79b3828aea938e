"""Fixtures: the six critics behind one scanner, as the engine runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, cast

import pytest
from eleanor_critics_constitutional.context import load_cues
from eleanor_critics_constitutional.critic import ConstitutionalCritic
from eleanor_critics_constitutional.examiners import examiner_of
from eleanor_critics_constitutional.needs import NEEDS
from eleanor_critics_constitutional.rules import load_book, load_vocabulary, patterns_of

from eleanor_core.api import Case, CriticResult, DetectorSignal, FrozenMap, Thresholds
from eleanor_core.model import CaseKind, JsonValue, freeze
from eleanor_core.pipeline.scan import Scanner

PRINCIPLES = ("rights", "autonomy", "fairness", "truth", "risk", "pragmatics")


@pytest.fixture
def anyio_backend() -> str:
    """One loop: these critics are called inline and see none; the kit's own voices run on both."""
    return "asyncio"


class Judge(Protocol):
    """Judges a text by all six critics, or by one rule of one critic alone."""

    def __call__(
        self,
        text: str,
        *,
        kind: CaseKind = "answer",
        context: Mapping[str, JsonValue] | None = None,
        signals: Sequence[DetectorSignal] = (),
        rule: str | None = None,
    ) -> dict[str, CriticResult]: ...


@pytest.fixture(scope="session")
def judge() -> Judge:
    """All six critics; each rule of each is also kept as a critic of its own."""
    vocabulary, cues = load_vocabulary(), load_cues()
    books = {name: load_book(name) for name in PRINCIPLES}
    scanner = Scanner({name: patterns_of(book, vocabulary) for name, book in books.items()})
    panel = {
        name: ConstitutionalCritic(book, cues, NEEDS, Thresholds(), examiner_of(name))
        for name, book in books.items()
    }
    alone = {
        rule.id: ConstitutionalCritic(
            book.model_copy(update={"rules": (rule,)}), cues, NEEDS, Thresholds()
        )
        for book in books.values()
        for rule in book.rules
    }
    home = {rule.id: name for name, book in books.items() for rule in book.rules}

    def judge_text(
        text: str,
        *,
        kind: CaseKind = "answer",
        context: Mapping[str, JsonValue] | None = None,
        signals: Sequence[DetectorSignal] = (),
        rule: str | None = None,
    ) -> dict[str, CriticResult]:
        scan = scanner.scan(text)
        asked = panel if rule is None else {home[rule]: alone[rule]}
        return {
            name: critic(
                Case(
                    text=text,
                    kind=kind,
                    context=cast("FrozenMap", freeze(FrozenMap(context))),
                    views=scan.views,
                    hits=scan.hits[name],
                    signals=tuple(signals),
                )
            )
            for name, critic in asked.items()
        }

    return judge_text
