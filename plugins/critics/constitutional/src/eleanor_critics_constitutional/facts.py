"""Which sentences state a fact that somebody could look up, read from their grammar alone.

A fact here is a statement in the indicative about something beside the two who speak: it has a
subject, then a finite verb. Instructions, questions, greetings, wishes, opinions, advice and what
happens in the speaker's own life are none. The grammar is word lists (`grammar.yaml`), so a
sentence that is built in an unusual way is missed rather than taken for a fact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from attrs import frozen
from pydantic import BaseModel, ConfigDict

from eleanor_critics_constitutional.claims import Claim
from eleanor_critics_constitutional.rules import read_yaml

WORDS_AT_LEAST: Final = 3
WORDS_OF_ANSWER: Final = 8
PREDICATE: Final = 6
"""Words of a fact, at least; of an answer without a verb, at most; looked at behind a verb."""

PLAIN: Final = 0.07
TASK: Final = 0.12
"""What raises the score below an objection where nothing bears the text out: all of it is stated
plainly; the question is one of those that are often answered wrongly.
"""

_LINK = re.compile(r"https?://|www\.")
_WORD = re.compile(r"[a-z]+")
_YEAR = re.compile(r"\b(?:1\d|20)\d\d\b")
_HOW_MANY: Final = tuple(["how", word] for word in ("many", "much", "old", "long", "far", "tall"))


class Grammar(BaseModel):
    """The word lists of `grammar.yaml`, where each is explained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verbs: frozenset[str]
    modals: frozenset[str]
    speakers: frozenset[str]
    opinions: frozenset[str]
    openings: frozenset[str]
    asking: frozenset[str]
    factual: frozenset[str]
    plural: frozenset[str]
    before_participle: frozenset[str]
    fillers: frozenset[str]
    objects: frozenset[str]
    openers: frozenset[str]
    commands: frozenset[str]
    hedges: frozenset[str]
    computed: frozenset[str]
    recalled: frozenset[str]
    beyond: frozenset[str]
    made_up: frozenset[str]


@frozen
class Reading:
    """What a text says without evidence. `doubt` in [0, 0.45], as a part of its score."""

    stated: bool
    doubt: float


class Facts:
    """Reads sentences by one grammar. Holds no state."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._unfounded = grammar.speakers | grammar.modals | grammar.openings
        self._finite = grammar.verbs | grammar.modals

    def read(self, said: Iterable[Claim], question: str = "") -> Reading:
        """Return whether the sentences state a fact, and their doubt where nothing bears them out.

        A plain statement says more than one that denies or leaves open. Some tasks are often
        done wrong: sums, words and sources that must be exact, what was not there to be seen.
        """
        count, plain, stated = 0, 0, False
        for claim in said:
            fact, says = self._kind(claim, question)
            stated = stated or fact
            count += says
            plain += says and self._plain(claim)
            if fact and not question:  # one fact says it all
                break
        asked = frozenset(_WORD.findall(question.lower()))
        doubt = TASK * self._tasks(question, asked) if question else 0.0
        if count and self._grammar.made_up.isdisjoint(asked):
            doubt += PLAIN * plain / count
        return Reading(stated=stated, doubt=doubt)

    def _kind(self, claim: Claim, question: str) -> tuple[bool, bool]:
        """Return whether the sentence states a fact, and whether it says anything at all.

        Beside a question every statement says something, be it of the speaker.
        """
        place = self._verb(claim)
        fact = self._fact(claim, place) if place else self.answers(claim, question)
        return fact, fact or bool(place and question)

    def checkable(self, claim: Claim) -> bool:
        """Return whether the sentence states something that somebody could look up."""
        place = self._verb(claim)
        return bool(place) and self._fact(claim, place)

    def _fact(self, claim: Claim, place: int) -> bool:
        if claim.tokens[0] in self._grammar.asking:
            return False
        upto = claim.tokens[: place + 1]
        predicate = self._predicate(claim.tokens, place)
        return self._unfounded.isdisjoint(upto) and self._grammar.opinions.isdisjoint(predicate)

    def answers(self, claim: Claim, question: str) -> bool:
        """Return whether a few words without a verb state a fact, as the answer to `question`."""
        asked = question.lower().split()
        if not asked or not asked[-1].endswith("?") or len(claim.tokens) > WORDS_OF_ANSWER:
            return False
        factual = asked[0] in self._grammar.factual or asked[:2] in _HOW_MANY
        own = self._grammar.speakers | self._grammar.opinions
        return factual and own.isdisjoint((*asked, *claim.tokens))

    def _plain(self, claim: Claim) -> bool:
        denies = bool(claim.negations()) and self._grammar.speakers.isdisjoint(claim.tokens)
        return not denies and self._grammar.hedges.isdisjoint(claim.tokens)

    def _tasks(self, question: str, words: frozenset[str]) -> int:
        folded = question.lower()
        phrases = (phrase for phrase in self._grammar.beyond if " " in phrase)
        return (
            (not words.isdisjoint(self._grammar.computed))
            + (not words.isdisjoint(self._grammar.recalled) or bool(_YEAR.search(folded)))
            + (
                not words.isdisjoint(self._grammar.beyond)
                or bool(_LINK.search(folded))
                or any(phrase in folded for phrase in phrases)
            )
        )

    def _verb(self, claim: Claim) -> int:
        """Return the place of the first finite verb that has a subject; 0 if none, or an order."""
        tokens = claim.tokens
        if len(tokens) < WORDS_AT_LEAST or claim.text.endswith(("?", ":")) or self._orders(tokens):
            return 0
        if tokens[0] in self._grammar.plural:
            return 1
        for place in range(1, len(tokens)):
            word = tokens[place]
            if word in self._finite or (word[-2:] == "ed" and self._past(word, tokens[place - 1])):
                return place
        return 0

    def _past(self, word: str, before: str) -> bool:
        """Return whether a word in -ed is a verb: what stands before it makes no participle."""
        loose = before in self._grammar.before_participle or before.endswith("ly")
        return not loose and not before[0].isdigit() and len(word) > len("need")

    def _orders(self, tokens: tuple[str, ...]) -> bool:
        """Return whether the sentence opens as an order does: a verb, then its object."""
        first, second = tokens[0], tokens[1]
        if first in self._grammar.commands:
            return True
        return first not in self._grammar.openers and (
            second in self._grammar.objects or second[0].isdigit()
        )

    def _predicate(self, tokens: tuple[str, ...], place: int) -> list[str]:
        """Return the verb and the first words behind it that say something."""
        after = tokens[place + 1 : place + PREDICATE]
        return [tokens[place], *[word for word in after if word not in self._grammar.fillers][:2]]


def load_grammar() -> Grammar:
    """Read `grammar.yaml`."""
    return Grammar.model_validate(read_yaml("grammar.yaml"))
