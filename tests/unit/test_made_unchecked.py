"""What the engine makes past the checks of a class equals what the class makes, field by field."""

from __future__ import annotations

import struct

from attrs import fields_dict

from eleanor_core.api import Case, CriticResult, DetectorSignal, Embedding, Pattern
from eleanor_core.model import Provenance
from eleanor_core.model.case import shell
from eleanor_core.model.critics import silent_result
from eleanor_core.testing import make_case

VALUES = {
    "critic": "c",
    "score": 0.02,
    "confidence": 0.9,
    "justification": "Nothing of note.",
    "provenance": Provenance(plugin="critics/c", dist="d", version="1"),
}


def test_a_result_that_found_nothing() -> None:
    made = silent_result(**VALUES)  # type: ignore[arg-type] # each value is of its parameter's type
    assert made == CriticResult(**VALUES)  # type: ignore[arg-type] # as above
    assert hash(made) == hash(CriticResult(**VALUES))  # type: ignore[arg-type] # as above


def test_the_case_of_a_voice() -> None:
    case = make_case(
        "Take out the trash.",
        kind="action",
        context={"domain": "home"},
        patterns=(Pattern(id="trash", regex="trash"),),
        signals=(DetectorSignal(detector="d", category="thing"),),
        embedding=Embedding(encoder_id="e", dim=1, data=struct.pack("<f", 1.0)),
    )
    assert case.hits
    values = {name: getattr(case, name) for name in fields_dict(Case)}
    assert shell(**values) == case
    assert shell(**values) is not case
