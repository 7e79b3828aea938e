"""What detectors testify of ordinary text decides nothing, with the default plugins."""

from __future__ import annotations

import pytest

from eleanor_core.model import Abstention
from eleanor_core.settings.model import DEFAULT_PLUGINS
from eleanor_core.testing import Harness

DEFAULT = [ref for ref in DEFAULT_PLUGINS if not ref.startswith("evidence/")]
WITHOUT = [ref for ref in DEFAULT if not ref.startswith("detectors/")]
SEEN = {
    "citations": "The manual is at https://manual.example.org/fridge, ISBN 978-0-306-40615-7.",
    "disclosure": "When I was a child, my mother baked on Sundays. I miss you all.",
    "language": "Wie komme ich mit dem Bus in die Stadt, und was kostet das für die Kinder?",
    "overclaim": "There is no doubt that the bakery will definitely grow.",
    "personal-data": "Mr. Varga moved into 12 Elm Street in May.",
    "quantities": "The shop opens on Tuesday, 4 March 2024.",
}


@pytest.mark.long
@pytest.mark.anyio
async def test_a_signal_of_an_ordinary_text_changes_no_decision(harness: Harness) -> None:
    async with harness(plugins=WITHOUT) as engine:
        without = [(await engine.run(text=text)).decision for text in SEEN.values()]
    async with harness(plugins=DEFAULT) as engine:
        for (name, text), decision in zip(SEEN.items(), without, strict=True):
            result = await engine.run(text=text)
            outcome = result.detectors[name]
            assert not isinstance(outcome, Abstention), outcome
            assert outcome.signals, name
            assert result.decision == decision, text
