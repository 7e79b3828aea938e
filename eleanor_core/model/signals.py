"""What detectors testify: signals, and the result that carries them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model import _notebook
from eleanor_core.model.made import quick
from eleanor_core.model.provenance import Gap, Provenance

Severity: TypeAlias = Literal[0, 1, 2, 3]
"""Magnitude of impact (UN Guiding Principles 14): 0 none, 1 concern, 2 violation, 3 grave."""


@quick
@frozen(kw_only=True)
class DetectorSignal:
    """One thing that a detector saw. It never holds the matched secret or personal datum itself.

    `span` is in code points of the original text, None where the signal concerns the whole.
    """

    detector: str = field(validator=check.words)
    category: str = field(validator=check.words)
    severity: Severity = field(default=1, validator=check.one_of(1, 2, 3))
    span: tuple[int, int] | None = field(default=None, validator=check.span)
    view: str = field(default="text", validator=check.words)
    note: str = field(default="", validator=check.text)


@quick
@frozen(kw_only=True)
class DetectorResult:
    """A detector's testimony. `score`: probability in [0, 1] that what it looks for is there."""

    detector: str = field(validator=check.words)
    score: float = field(validator=check.unit)
    signals: tuple[DetectorSignal, ...] = field(
        default=(), validator=check.tuple_of(DetectorSignal)
    )
    not_assessed: tuple[Gap, ...] = field(default=(), validator=check.tuple_of(Gap))
    provenance: Provenance | None = None

    def _repr_html_(self) -> str:
        """Return it as HTML, for notebooks."""
        return _notebook.html(self)
