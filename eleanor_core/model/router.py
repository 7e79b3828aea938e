"""Which model answers for a voice, and why."""

from __future__ import annotations

from attrs import field, frozen

from eleanor_core.model import _checks as check


@frozen(kw_only=True)
class RouterSelection:
    """The model chosen for one `role` (a voice's name), with what was passed over and why."""

    role: str = field(validator=check.words)
    model: str = field(validator=check.words)
    reason: str = field(validator=check.words)
    passed_over: tuple[tuple[str, str], ...] = ()
