"""What was pointed at in the text, numbered in its order: one number leads from the text to a word.

Only what is shown gets a number: at the usual detail a critic's first violations, not hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from eleanor_cli.quote import Mark, Quoter
from eleanor_core.model import Abstention, Assessment, CriticViolation, DetectorSignal, Span

USUAL: Final = 6
"""Violations of one critic, or signals of one detector, shown at the usual detail."""

WITNESS: Final = 0
"""The severity under which a detector's mark is shown: it testifies, it does not judge."""

Said = tuple[str, int]
"""A voice (a detector as `detector:NAME`) and the place of the thing among those that it said."""


class Marks:
    """The marks of one judgement. `marks` is in the order of the text."""

    def __init__(self, assessment: Assessment, quoter: Quoter, *, most: int | None = USUAL) -> None:
        """Number what can be shown, at most `most` of each voice."""
        found: list[tuple[Span, Said, int]] = []
        for said, item, severity in _pointing(assessment, most):
            inside = quoter.within(item.span)
            if inside is not None:
                found.append((inside, said, severity))
        found.sort()
        self.marks: Sequence[Mark] = [
            Mark(span, str(number), severity) for number, (span, _, severity) in enumerate(found, 1)
        ]
        self._refs: Mapping[Said, str] = {
            said: mark.ref for mark, (_, said, _) in zip(self.marks, found, strict=True)
        }

    def ref(self, voice: str, index: int) -> str:
        """Return the number of what a voice said, `[2]`, "" if it points at nothing shown."""
        number = self._refs.get((voice, index))
        return f"[{number}]" if number else ""


def _pointing(
    assessment: Assessment, most: int | None
) -> Iterator[tuple[Said, CriticViolation | DetectorSignal, int]]:
    for name, outcome in assessment.critics.items():
        if not isinstance(outcome, Abstention):
            for index, violation in enumerate(outcome.violations[:most]):
                yield (name, index), violation, violation.severity
    for name, testimony in assessment.detectors.items():
        if not isinstance(testimony, Abstention):
            for index, signal in enumerate(testimony.signals[:most]):
                yield (f"detector:{name}", index), signal, WITNESS
