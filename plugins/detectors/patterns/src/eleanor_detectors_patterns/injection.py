"""The detector `injection`: text that tries to take over a model.

A phrase that is quoted to be talked about is no attempt; the same phrase found in a blob that had
to be decoded is a graver one. Weak signs (`signs.py`) raise the score where no rule hit, and are a
signal where enough of them stand together. The rules are English, and the result says so of other
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from attrs import evolve

from eleanor_core.api import (
    Case,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    Gap,
    Hit,
    hookimpl,
)
from eleanor_detectors_patterns.detector import (
    Check,
    Judge,
    RuleDetector,
    Span,
    Verdict,
    by_checks,
    declared_reader,
)
from eleanor_detectors_patterns.rules import Rule, rule_book
from eleanor_detectors_patterns.signs import ENOUGH, PREFIX, SignBook, order_in_data, sign_book

DECODED_SCORE: Final = 0.95
"""Score of an instruction that somebody encoded: there is hardly an honest reason to."""

_QUOTES: Final = {
    '"': '"',
    "'": "'",
    "`": "`",
    "«": "»",
    "\u201c": "\u201d",
    "\u201e": "\u201c",
    "\u2018": "\u2019",
}
_MENTION: Final = re.compile(
    r"\b(?:phrases?|words?|sentences?|expressions?|strings?|examples?|such as|called|means?|meaning"
    r"|quot\w+|prompt injections?|injection attacks?|jailbreak\w*|attack\w*|detect\w*|explain\w*"
    r"|translate the|trick\w*|attempt\w*|saying|says|like)\b",
    re.IGNORECASE,
)
_NEAR: Final = 80  # how far from a quotation the words stand that talk about it

_TOLD: Final = re.compile(
    r"(?:\b(?:i|we|she|he|they|not|never|always|often|people|who)|n['\u2019]t|\bdont)\s+$",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(
    r"\b(?:ais?|llm|gpt|chat ?gpt|(?:chat)?bots?|models?|assistants?|personas?|openai|roleplay)\b",
    re.IGNORECASE,
)
_MESSAGE: Final = re.compile(r"\b(?:answers?|results?|poem|story|list)\b", re.IGNORECASE)
_CONTEXT: Final = 500  # code points on both sides in which a text says what it speaks of
_QUESTION: Final = re.compile(r"\b(?:how|what|why|when|should)\b[^.!]{0,60}$", re.IGNORECASE)


def addressed(text: str, span: Span) -> Span | None:
    """Drop what somebody says of himself or of others: "I always forget what you told me"."""
    return None if _TOLD.search(text, max(0, span[0] - 12), span[0]) else span


def about_model(text: str, span: Span) -> Span | None:
    """Drop the same words where nothing near them speaks of a model."""
    near = _MODEL.search(text, max(0, span[0] - _CONTEXT), span[1] + _CONTEXT)
    return span if near else None


def unless_message(text: str, span: Span) -> Span | None:
    """Drop requests about something that the talk itself produced."""
    return None if _MESSAGE.search(text, *span) else span


def unless_code(text: str, span: Span) -> Span | None:
    """Drop delimiters that a line of code or a heading goes on from."""
    return None if text[span[1] : span[1] + 1] in ("(", "_") else span


def unless_asked(text: str, span: Span) -> Span | None:
    """Drop questions about models."""
    return None if _QUESTION.search(text, max(0, span[0] - 60), span[0]) else span


CHECKS: Final[dict[str, Check]] = {
    "about_model": about_model,
    "addressed": addressed,
    "unless_asked": unless_asked,
    "unless_code": unless_code,
    "unless_message": unless_message,
}


def quoted_to_be_discussed(text: str, span: Span) -> bool:
    """Whether `span` lies in a short quotation, and words near it talk about what is quoted."""
    start, end = span
    before, after = text[max(0, start - _NEAR) : start], text[end : end + _NEAR]
    for opening, closing in _QUOTES.items():
        left, right = before.rfind(opening), after.find(closing)
        same = opening == closing
        is_open = before.count(opening) % 2 == 1 if same else left > before.rfind(closing)
        if is_open and right >= 0:
            return bool(_MENTION.search(before, 0, left) or _MENTION.search(after, right))
    return False


def _judge(checked: Judge) -> Judge:
    def judge(rule: Rule, hit: Hit, case: Case) -> Verdict | None:
        verdict = checked(rule, hit, case)
        if verdict is None or quoted_to_be_discussed(case.view(hit.view).text, verdict.span):
            return None
        if hit.view in ("text", "normal"):
            return verdict
        return Verdict(3, max(verdict.score, DECODED_SCORE), verdict.span)

    return judge


# -- language ---------------------------------------------------------------------------------

_ENGLISH: Final = (" the ", " and ", " of ", " is ", " you ", " to ", " a ")
_ENGLISH_WORDS: Final = frozenset(
    re.findall(r"\w+", "the and of is you to a in that it for on are")
)
# Frequent words of German, French, Spanish, Portuguese, Italian, Dutch and Polish.
_OTHER_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        """der das und ist nicht ein eine ich sie mit wie auf für le les des et est pas une dans que
        qui pour vous je el los las y es por una con para como o os não uma il di che non per sono
        het een van niet ik w na nie się jest""",
    )
)
_SAMPLE: Final = 2000  # code points looked at
_WIDE: Final = 1.4  # bytes of UTF-8 a code point, from which most letters are not Latin


def language_gaps(case: Case) -> tuple[Gap, ...]:
    """Say of text in another language than English that its instructions were not assessed."""
    text = case.text[:_SAMPLE]
    plain = text.isascii()
    if plain and any(word in text for word in _ENGLISH):
        return ()
    if not plain and len(text.encode()) > _WIDE * len(text):
        return _OTHER_LANGUAGE
    words = text.lower().split()
    other = sum(map(_OTHER_WORDS.__contains__, words))
    english = sum(map(_ENGLISH_WORDS.__contains__, words))
    return _OTHER_LANGUAGE if other >= 2 and other > english else ()


_OTHER_LANGUAGE: Final = (Gap(concern="instructions in this language", reason="language"),)
_GAPS: Final = {"language": "The rules are English and were measured in English only."}


class InjectionDetector:
    """The rules, and beside them the weak signs. Holds no state between cases."""

    def __init__(self, rules: RuleDetector, signs: SignBook) -> None:
        self._rules = rules
        self._signs = signs

    def __call__(self, case: Case, /) -> DetectorResult:
        """Return a signal for each match that stands, and for signs that are enough together."""
        signs = [hit for hit in case.hits if hit.pattern.startswith(PREFIX)]
        ruled = [hit for hit in case.hits if not hit.pattern.startswith(PREFIX)] if signs else None
        told = self._rules(case if ruled is None else evolve(case, hits=tuple(ruled)))
        score = max(told.score, order_in_data(case.text))
        if not signs:
            return told if score == told.score else evolve(told, score=score)
        signal = next(self._compounds(case, signs), None)
        if signal is None:
            return evolve(told, score=max(score, self._signs.lean(signs)))
        return evolve(told, score=max(score, ENOUGH), signals=(*told.signals, signal))

    def _compounds(self, case: Case, signs: Sequence[Hit]) -> Iterator[DetectorSignal]:
        for name in dict.fromkeys(hit.view for hit in signs):
            span = self._signs.together([hit for hit in signs if hit.view == name])
            if span is not None:
                yield DetectorSignal(
                    detector="injection",
                    category="jailbreak-persona",
                    severity=2,
                    span=case.view(name).origin(*span),
                    view=name,
                    note="It gives a model a role, frees it from rules and forbids it to refuse.",
                )


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `injection`."""
    summary = "Text that tries to take over a model, also in blobs that decode to text."
    book, signs = rule_book("injection"), sign_book()
    rules = RuleDetector("injection", book.rules, _judge(by_checks(CHECKS)), language_gaps)
    detector = InjectionDetector(rules, signs)
    patterns = (*book.patterns(), *signs.patterns())
    return [declared_reader("injection", detector, summary, book.categories, _GAPS, patterns)]
