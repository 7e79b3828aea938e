"""Where records go, and how long their payloads are kept: profiles, each for a rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, Self

from pydantic import Field, model_validator

from eleanor_core.settings.types import PluginName, Seconds, Section


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


class EvidenceSettings(Section):
    """Where records go, and how long their payloads stay.

    The first sink is the primary; the others follow it.
    """

    sinks: tuple[str, ...] = Field(
        default=(),
        description="The sinks, the primary first; empty: all enabled ones, by name.",
        examples=[("local", "postgres")],
    )
    required: Literal["primary", "all"] = Field(
        default="primary",
        description="Which sinks must hold a record before its decision leaves: the primary, which "
        "the others follow as they can, or all of them.",
    )
    wait: float = Field(
        default=0.0,
        ge=0,
        description="Seconds for which a record is tried again that a log cannot take, within "
        "deadlines.record; 0: it is refused at once.",
    )
    drain: Seconds = Field(
        default=5.0,
        description="Seconds that those which follow may take to catch up when the engine stops.",
    )
    retention: str = Field(
        default="keep",
        description="Profile that says how long payloads are kept: one of the built-in ones "
        "(docs/evidence.md lists them), or one of evidence.profiles.",
        examples=["ai-act-deployer"],
    )
    profiles: dict[PluginName, RetentionProfile] = Field(
        default_factory=dict,
        description="Retention profiles of your own, by name.",
        examples=[{"house": {}}],
    )

    @model_validator(mode="after")
    def _profile_is_there(self) -> Self:
        if known := PROFILES.keys() & self.profiles.keys():
            raise ValueError(f"the profile {min(known)!r} is built in: give yours another name")
        if self.retention not in PROFILES.keys() | self.profiles.keys():
            raise ValueError(
                f"there is no retention profile {self.retention!r}; there are "
                + ", ".join((*PROFILES, *self.profiles))
            )
        return self

    @property
    def profile(self) -> RetentionProfile:
        """The retention profile in force."""
        return self.profiles.get(self.retention) or PROFILES[self.retention]
