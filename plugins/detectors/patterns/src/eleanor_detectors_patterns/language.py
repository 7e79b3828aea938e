"""The detector `language`: which languages and scripts a text is written in.

Stop-word profiles tell languages in Latin, Cyrillic and Arabic letters, other scripts tell
themselves. The rules of this panel are English: text in another language is a gap, said here once
for all of them, and a signal that shows where it stands.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import itemgetter
from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict

from eleanor_core.api import (
    Case,
    DetectorDeclaration,
    DetectorResult,
    DetectorSignal,
    Gap,
    hookimpl,
)
from eleanor_detectors_patterns.detector import PRIOR, Span, declared_reader
from eleanor_detectors_patterns.rules import table

ENGLISH: Final = "English"
LATIN: Final = "Latin"
PASSAGE: Final = 320
"""Code points of a passage, the piece of text of which one language is told, at least."""
MOST_PASSAGES: Final = 64
"""About as many passages a text is cut into: those of a long text are longer."""
MIN_WORDS: Final = 4
"""Stop words from which a passage shows its language."""
MIN_SHARE: Final = 0.12
"""Part of the words of a passage that must be stop words of its language."""
FOREIGN_LEAD: Final = 1.5
"""How many times as many stop words as of English another language needs."""
CLEAR_SHARE: Final = 0.25
"""Part of the words that are frequent in English, from which no other language is looked for."""
SCRIPT_SHARE: Final = 0.3
"""Part of the letters from which the script tells the language."""
MIN_LETTERS: Final = 4
"""Letters from which a script tells the language: "3 μm" does not."""
MIXED_SHARE: Final = 0.1
MIXED_LETTERS: Final = 20
UNKNOWN_WORDS: Final = 60
"""Words from which a text without frequent words counts as one of an unknown language."""
UNKNOWN_SHARE: Final = 0.04

SCORES: Final = {
    "other-language": 0.9,
    "several-languages": 0.7,
    "mixed-scripts": 0.4,
    "unknown-language": 0.4,
}
GAPS: Final = {
    "other-language": "The rules of this panel are English; they find nothing in other languages.",
    "unknown-language": "The language of the text has no profile here, so no rule may fit it.",
}

_BEYOND_LATIN: Final = re.compile("[\u0370-\u1dff\u1f00-\u1fff\u2c00-\U0003134f]")
_BREAK: Final = re.compile(r"\s")
_RANGE: Final = re.compile("(.)-(.)")


class Script(BaseModel):
    """The ranges of its letters, such as "a-z", and its language, if there is only one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    letters: str
    language: str = ""


class Atlas(BaseModel):
    """All that the YAML file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: Mapping[str, str]
    scripts: Mapping[str, Script]
    categories: Mapping[str, str]


class Passage(NamedTuple):
    """A piece of text with its language; empty where it could not be told."""

    span: Span
    language: str


class Profiles:
    """Tells language and script; made once from the file, then only read."""

    def __init__(self, atlas: Atlas) -> None:
        self._known: dict[str, list[str]] = {}
        for language, words in atlas.languages.items():
            for word in dict.fromkeys(words.split()):
                self._known.setdefault(word, []).append(language)
        self.english = frozenset(atlas.languages[ENGLISH].split())
        others = (words for language, words in atlas.languages.items() if language != ENGLISH)
        self._foreign = frozenset(word for words in others for word in words.split())
        ranges = sorted(
            (first, last, name)
            for name, script in atlas.scripts.items()
            for first, last in _RANGE.findall(script.letters)
        )
        self._firsts = [first for first, _, _ in ranges]
        self._ranges = ranges
        self._only = {name: script.language for name, script in atlas.scripts.items()}

    def scripts(self, text: str) -> Counter[str] | None:
        """Count the letters of each script; None if all are Latin."""
        if text.isascii() or _BEYOND_LATIN.search(text) is None:
            return None
        counts: Counter[str] = Counter()
        for char, number in Counter(text).items():
            place = bisect_right(self._firsts, char) - 1
            if place < 0:
                counts[LATIN] += number * char.isalpha()
            elif char <= self._ranges[place][1]:
                counts[self._ranges[place][2]] += number
        return counts

    def tally(self, words: Iterable[str]) -> Counter[str]:
        """Count the stop words of each language."""
        found = filter(None, map(self._known.get, words))
        return Counter(chain.from_iterable(found))

    def language(self, letters: Counter[str] | None, words: list[str]) -> tuple[str, int]:
        """Return the language of a passage and its stop words; empty if it cannot be told.

        `letters`: those of the passage by script, or None if all are Latin.
        """
        if letters:
            others = letters.total() - letters[LATIN]
            if others >= MIN_LETTERS and others > SCRIPT_SHARE * letters.total():
                return self._by_script(letters, words), 0
        english = sum(map(self.english.__contains__, words))
        if english >= MIN_WORDS and english >= MIN_SHARE * len(words):
            clear = english >= CLEAR_SHARE * len(words)
            # No other language has more of its words here than all of them together.
            if clear or sum(map(self._foreign.__contains__, words)) < FOREIGN_LEAD * english:
                return ENGLISH, english
        tally = self.tally(words)
        if not tally:
            return "", 0
        best, hits = max(tally.items(), key=itemgetter(1))  # the first of several
        if hits < MIN_WORDS or hits < MIN_SHARE * len(words):
            return "", hits
        return (ENGLISH if hits < FOREIGN_LEAD * english else best), hits

    def _by_script(self, letters: Counter[str], words: list[str]) -> str:
        beyond = ((number, name) for name, number in letters.items() if name != LATIN)
        script = "Kana" if letters["Kana"] else max(beyond)[1]
        if script == "Han":
            return "Chinese"
        if self._only[script]:
            return self._only[script]
        tally = self.tally(words)
        return tally.most_common(1)[0][0] if tally else f"a language in {script} letters"


def words_of(text: str) -> list[str]:
    """Return the words; an elided article is a word of its own.

    Capitals stay, so that names such as "La Scala" hold no stop words; only a text that is all in
    capitals is read in small letters.
    """
    text = text.replace("\u2019", "'").replace("'", "' ")
    return (text.lower() if text.isupper() else text).split()


def pieces(text: str) -> Iterator[Span]:
    """Yield spans of passages, which end at white space if there is any near."""
    size = max(PASSAGE, len(text) // MOST_PASSAGES)
    start = 0
    while start < len(text):
        found = _BREAK.search(text, start + size, start + 2 * size)
        end = found.start() if found else min(len(text), start + 2 * size)
        yield start, end
        start = end


class LanguageDetector:
    """An inline detector; one pass over the text."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._quiet = DetectorResult(detector="language", score=PRIOR)

    def __call__(self, case: Case, /) -> DetectorResult:
        """Return a signal for each passage in another language, and what the whole shows."""
        text = case.text
        passages: list[Passage] = []
        count = frequent = 0
        shown: Counter[str] = Counter()
        for start, end in pieces(text):
            piece = text[start:end]
            words = words_of(piece)
            letters = self._profiles.scripts(piece)
            language, hits = self._profiles.language(letters, words)
            if letters:
                shown += letters
            if not language:
                count += sum(map(str.isalpha, words))
                frequent += hits
            passages.append(Passage((start, end), language))
        told = {passage.language for passage in passages} - {""}
        if told == {ENGLISH} and not shown:
            return self._quiet
        unknown = not told and count >= UNKNOWN_WORDS and frequent < UNKNOWN_SHARE * count
        signals = [*_foreign(passages), *_whole(shown, told, unknown=unknown)]
        if not signals:
            return self._quiet
        return DetectorResult(
            detector="language",
            score=max(SCORES[signal.category] for signal in signals),
            signals=tuple(signals),
            not_assessed=_gaps(told, unknown=unknown),
        )


def _whole(letters: Counter[str], told: set[str], *, unknown: bool) -> Iterator[DetectorSignal]:
    """Yield what no single passage shows."""
    if len(told) > 1:
        yield _signal("several-languages", f"Passages in {' and '.join(sorted(told))}.")
    if unknown:
        yield _signal("unknown-language", "Words of no language that has a profile.")
    least = max(MIXED_LETTERS, MIXED_SHARE * letters.total())
    shown = {name for name, number in letters.items() if number >= least}
    if shown & {"Kana", "Hangul"}:
        shown.discard("Han")
    if len(shown) > 1:
        yield _signal("mixed-scripts", f"Letters of {' and '.join(sorted(shown))}.")


def _signal(category: str, note: str, span: Span | None = None) -> DetectorSignal:
    return DetectorSignal(detector="language", category=category, severity=1, span=span, note=note)


def _foreign(passages: list[Passage]) -> Iterator[DetectorSignal]:
    """Yield a signal for each run of passages in one language other than English."""
    run: Passage | None = None
    for passage in (*passages, Passage((0, 0), "")):
        if run and passage.language == run.language:
            run = Passage((run.span[0], passage.span[1]), run.language)
            continue
        if run and run.language != ENGLISH:
            yield _signal("other-language", f"It reads as {run.language}.", run.span)
        run = passage if passage.language else None


def _gaps(told: set[str], *, unknown: bool) -> tuple[Gap, ...]:
    if unknown:
        return (Gap(concern="text in an unknown language", reason="unknown-language"),)
    others = sorted(told - {ENGLISH})
    return tuple(Gap(concern=f"text in {name}", reason="other-language") for name in others)


def atlas() -> Atlas:
    """Read the profiles from the YAML file beside this module."""
    return Atlas.model_validate(table("language"))


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `language`."""
    known = atlas()
    summary = "The languages and scripts of a text; what is not English is a stated gap."
    detector = LanguageDetector(Profiles(known))
    return [declared_reader("language", detector, summary, known.categories, GAPS)]
