"""The contract of critics, and what is this critic's own."""

from __future__ import annotations

import eleanor_critics_example
import pytest

from eleanor_core.api import FrozenMap
from eleanor_core.testing import CriticContract, Harness


class TestCivility(CriticContract):
    """COPY: name your module. The class inherits all the tests of the kit."""

    plugin = eleanor_critics_example
    texts = (
        "You are an idiot.",
        'She wrote: "You are an idiot." I did not answer.',
        "You idiots, you're all worthless!",
    )


class TestCivilityThatReadsQuotes(TestCivility):
    """The same contract with another setting."""

    settings = FrozenMap({"quoted": True})


@pytest.mark.anyio
async def test_an_insult_constrains(harness: Harness) -> None:
    """A concern at or above the threshold asks for a change; it needs no human."""
    async with harness(plugins=[eleanor_critics_example]) as engine:
        assessment = await engine.run(text="You are an idiot.")
    assert assessment.decision == "constrain"
    assert [item.critic for item in assessment.constraints] == ["civility"]
