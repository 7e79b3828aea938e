"""Who said it, and what it did not look at."""

from __future__ import annotations

from attrs import field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.made import quick


@frozen(kw_only=True, cache_hash=True)
class Provenance:
    """Where a voice comes from. The core stamps it; what a plugin claims of itself is not used."""

    plugin: str
    dist: str
    version: str


@quick
@frozen(kw_only=True)
class Gap:
    """What a voice says it did not assess, and why. `reason` is one that its declaration lists."""

    concern: str = field(validator=check.words)
    reason: str = field(validator=check.words)
