"""How long payloads are kept: profiles, each with the rule that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Self

from pydantic import Field, model_validator

from eleanor_core.settings.types import Section


class RetentionProfile(Section):
    """How long payloads are kept at least, and from when on they are due to be erased."""

    minimum_days: int = Field(
        default=0,
        ge=0,
        le=36_600,
        description="Days before which a payload is erased on a legal ground alone.",
    )
    maximum_days: int | None = Field(
        default=None,
        ge=1,
        le=36_600,
        description="Days from which on `eleanor evidence retain` erases it; never, if not said.",
        examples=[365],
    )

    @model_validator(mode="after")
    def _minimum_first(self) -> Self:
        if self.maximum_days is not None and self.maximum_days < self.minimum_days:
            raise ValueError("maximum_days is less than minimum_days")
        return self


def _for(days: int) -> RetentionProfile:
    return RetentionProfile(minimum_days=days, maximum_days=days)


# Months and years as days: the longest that so many can have.
PROFILES: Final[Mapping[str, RetentionProfile]] = MappingProxyType(
    {
        "keep": RetentionProfile(),
        "ai-act-deployer": _for(184),
        "ai-act-provider": _for(184),
        "three-years": _for(1096),
        "ten-years": _for(3653),
    }
)
"""The profiles that every installation has. Their sources stand in docs/evidence.md."""
