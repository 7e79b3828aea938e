"""The detector `readability`: how hard an English text is to read, by the length of things.

Reading ease after Flesch (1948), grade after Kincaid, Fishburne, Rogers and Chissom (1975). Both
were fitted on passages of 100 words of English prose, so shorter texts and other texts are not
measured. They count lengths; a text of short words can still be hard, and a clear one score badly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from eleanor_core.api import (
    Case,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    Gap,
    hookimpl,
)
from eleanor_detectors_patterns.detector import PRIOR, Span, declared_reader
from eleanor_detectors_patterns.language import ENGLISH, atlas

MIN_WORDS: Final = 100
"""Words from which a text is measured: the size of Flesch's own samples."""
SAMPLE: Final = 8000
"""Code points at the beginning that are read: a dozen of Flesch's samples."""
PROSE_SHARE: Final = 0.2
"""Part of the words that must be frequent English ones, for the formulas to mean anything."""
HARD: Final = 30.0
"""Reading ease below which Flesch calls a text very difficult."""
HARD_GRADE: Final = 16.0
"""School years: more than a first degree takes."""
LONG_MEAN: Final = 30.0
"""Words a sentence, as a mean: Flesch's very difficult style has 29 or more."""
VERY_LONG: Final = 60
"""Words of one sentence."""

CATEGORIES: Final = {
    "hard-to-read": "Reading ease below 30 and a grade of 16 or more.",
    "long-sentences": "Sentences of more than 30 words in the mean.",
    "very-long-sentence": "A sentence of more than 60 words.",
}
GAPS: Final = {"not-english-prose": "The formulas were fitted on English prose, which this is not."}
SCORES: Final = {"hard-to-read": 0.5, "long-sentences": 0.4, "very-long-sentence": 0.35}

_END: Final = re.compile(
    r"[.!?\u2026][\"'\u201d\u2019)\]]*(?=\s)|\n\s*\n|\n(?=\s*(?:[-*\u2022#]|[0-9]+[.)])\s)"
)
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|fig|no|vol|pp|al|e\.g|i\.e|cf|approx|[a-z]))$",
    re.IGNORECASE,
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_VOWELS: Final = re.compile("[aeiouyáàâäéèêëíìîïóòôöúùûü]+")
_SILENT: Final = re.compile(
    r"[aeiouy][^aeiouy\W\d_]*(?:[^aeiouyl\W\d_]e|(?<=[aeiouy])le|[^aeioudty\W\d_]ed"
    r"|[^aeiouyscxzgl\W\d_]es)\b"
)


@dataclass(frozen=True, slots=True)
class Measure:
    """Lengths of a text: `sentences` with their numbers of words; `syllables` of all words."""

    words: int
    syllables: int
    sentences: tuple[tuple[Span, int], ...]

    @property
    def words_a_sentence(self) -> float:
        """Words over sentences."""
        return self.words / len(self.sentences)

    @property
    def ease(self) -> float:
        """Flesch reading ease: 100 very easy, below 30 very difficult."""
        return 206.835 - 1.015 * self.words_a_sentence - 84.6 * self.syllables / self.words

    @property
    def grade(self) -> float:
        """Flesch-Kincaid grade: years of school in the United States."""
        return 0.39 * self.words_a_sentence + 11.8 * self.syllables / self.words - 15.59


def syllables(text: str) -> int:
    """Estimate the syllables of all words: groups of vowels without the silent e."""
    lowered = text.lower()
    return len(_VOWELS.findall(lowered)) - len(_SILENT.findall(lowered))


def sentences(text: str) -> Iterator[Span]:
    """Yield the spans of the sentences; a line of a list is one, an abbreviation ends none."""
    start = 0
    for found in _END.finditer(text):
        if text[found.start()] == "." and _ABBREVIATION.search(
            text, max(start, found.start() - 8), found.start()
        ):
            continue
        yield start, found.end()
        start = found.end()
    yield start, len(text)


def measured(text: str) -> Measure | None:
    """Return the lengths of `text`, or None if it holds no word."""
    counted = [
        ((start, end), len(_WORD.findall(text, start, end))) for start, end in sentences(text)
    ]
    kept = tuple((span, words) for span, words in counted if words)
    total = sum(words for _, words in kept)
    return Measure(total, syllables(text), kept) if total else None


class ReadabilityDetector:
    """An inline detector."""

    def __init__(self, english: frozenset[str]) -> None:
        self._english = english
        self._quiet = DetectorResult(detector="readability", score=PRIOR)

    def __call__(self, case: Case, /) -> DetectorResult:
        """Return what makes the text hard to read, with the figures in the notes."""
        text = case.text[:SAMPLE]
        words = text.lower().split()
        if len(words) < MIN_WORDS:
            return self._quiet
        if sum(word in self._english for word in words) < PROSE_SHARE * len(words):
            gap = Gap(concern="how hard it is to read", reason="not-english-prose")
            return DetectorResult(detector="readability", score=PRIOR, not_assessed=(gap,))
        measure = measured(text)
        signals = tuple(_signals(measure)) if measure else ()
        if not signals:
            return self._quiet
        score = max(SCORES[signal.category] for signal in signals)
        return DetectorResult(detector="readability", score=score, signals=signals)


def _signals(measure: Measure) -> Iterator[DetectorSignal]:
    figures = (
        f"Reading ease {measure.ease:.0f}, grade {measure.grade:.0f}, "
        f"{measure.words_a_sentence:.0f} words a sentence"
    )
    if measure.ease < HARD and measure.grade >= HARD_GRADE:
        yield _signal("hard-to-read", f"{figures}.")
    if measure.words_a_sentence > LONG_MEAN:
        yield _signal("long-sentences", f"{figures}.")
    for span, words in measure.sentences:
        if words > VERY_LONG:
            yield _signal("very-long-sentence", f"A sentence of {words} words.", span)


def _signal(category: str, note: str, span: Span | None = None) -> DetectorSignal:
    return DetectorSignal(
        detector="readability", category=category, severity=1, span=span, note=note
    )


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `readability`."""
    detector = ReadabilityDetector(frozenset(atlas().languages[ENGLISH].split()))
    summary = "How hard English prose is to read: Flesch, Flesch-Kincaid, length of sentences."
    return [declared_reader("readability", detector, summary, CATEGORIES, GAPS)]
