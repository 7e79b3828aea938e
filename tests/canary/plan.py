"""What is planted in one run, and what goes wrong in it."""

from __future__ import annotations

from pydantic import Field

from canary.birds import Canary
from eleanor_core.api import PluginSettings


class Plan:
    """What is planted in one run. `said`: where it came to be said."""

    def __init__(self, failure: str, turn: int, canaries: dict[str, Canary]) -> None:
        self.failure = failure
        self.turn = turn
        self.canaries = canaries
        self.said: set[str] = set()

    def say(self, place: str) -> str:
        """Return what is planted there."""
        self.said.add(place)
        if self.is_to("plugin settings are refused", "settings are refused"):
            # No plugin is loaded then, and so no shape is known.
            return self.name(place)
        return self.canaries[place].said(self.turn)

    def name(self, place: str) -> str:
        """Return the known value alone, where something short is said."""
        self.said.add(place)
        return self.canaries[place].known_as(self.turn)

    @property
    def patience(self) -> float:
        """Seconds that anything may take: few where something hangs, many on a busy machine."""
        return 0.2 if self.failure.endswith(("hangs", "swallows")) else 20.0

    def is_to(self, *failures: str) -> bool:
        return self.failure in failures


class ShelfSettings(PluginSettings):
    api_token: str = Field(default="", description="A token.")
    database: str = Field(default="", description="An address with a login.")
    more: dict[str, dict[str, str]] = Field(default={}, description="Two tables down.")
    passwords: list[str] = Field(default=[], description="Several passwords.")
