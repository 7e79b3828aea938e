"""The published example: valid, read back, and its decision recomputed from its critics."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import jsonschema
import pytest

from eleanor_core.codec import WIRE_FORMS, from_json, result_schema, to_json
from eleanor_core.evidence import canonical
from eleanor_core.model import (
    Abstention,
    Assessment,
    CriticResult,
    DetectorSignal,
    JsonObject,
    Provenance,
    SecretValue,
    thaw,
)
from eleanor_core.pipeline.aggregate import Heard, Seat, aggregate

EXAMPLE = json.loads(
    Path(__file__).parent.parent.joinpath("fixtures", "result.json").read_text("utf-8")
)

WHENCE = Provenance(plugin="critics/a", dist="d", version="1")


def check(result: object) -> None:
    """Raise if `result` is not of the published form."""
    schema = thaw(result_schema())
    jsonschema.Draft202012Validator(schema).validate(result)  # type: ignore[arg-type] # a schema


def test_the_schema_is_a_schema_and_the_example_is_valid() -> None:
    schema = thaw(result_schema())
    jsonschema.Draft202012Validator.check_schema(schema)  # type: ignore[arg-type] # a schema
    check(EXAMPLE)


def test_the_decision_follows_from_the_critics() -> None:
    example = from_json(EXAMPLE, Assessment)
    heard = Heard(
        critics=example.critics,
        detectors=example.detectors,
        precedent=example.precedent,
        uncertainty=example.uncertainty,
    )
    decision = aggregate(
        heard, {"rights": Seat(principle="rights"), "risk": Seat(principle="risk")}
    )
    assert decision.value == example.decision
    assert decision.summary == example.summary
    assert decision.dissent == example.dissent
    assert decision.escalations == example.escalations
    assert decision.gate == example.gate
    assert decision.constraints == example.constraints


def test_the_wire_form_goes_there_and_back() -> None:
    example = from_json(EXAMPLE, Assessment)
    again = to_json(example)
    check(again)
    assert from_json(again, Assessment) == example


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("decision",), "maybe"),
        (("critics", "rights", "score"), 1.5),
        (("critics", "rights", "status"), "fine"),
        (("critics", "risk", "reason"), "tired"),
        (("critics", "rights", "violations", 0, "clause"), "Z9"),
        (("gate", "requires"), None),
        (("extra",), 1),
        (("critics", "rights", "extra"), 1),
    ],
)
def test_the_schema_and_the_codec_refuse_what_is_not_of_the_form(
    path: tuple[str | int, ...], value: object
) -> None:
    broken = json.loads(json.dumps(EXAMPLE))
    inner: dict[str | int, object] = broken
    for step in path[:-1]:
        inner = inner[step]  # type: ignore[assignment] # the path leads through containers
    inner[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        check(broken)
    with pytest.raises(Exception, match=r".+"):
        from_json(broken, Assessment)


def test_a_secret_has_no_wire_form() -> None:
    secret = SecretValue("hunter2")
    with pytest.raises(TypeError, match="no wire form"):
        to_json(secret)
    assert repr(secret) == "***"
    for leak in (str, lambda value: f"{value}", lambda value: f"{value:>9}"):
        with pytest.raises(TypeError, match="reveal"):
            leak(secret)


def test_every_key_of_the_example_is_documented_by_the_schema() -> None:
    properties: JsonObject = result_schema()["properties"]  # type: ignore[assignment] # an object
    assert set(EXAMPLE) <= set(properties)


def values_of(value: object) -> Iterator[object]:
    """Yield every value of the model in `value`, itself included."""
    if attrs.has(type(value)):
        yield value
        for name in attrs.fields_dict(type(value)):
            yield from values_of(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from values_of(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from values_of(item)


def test_a_value_and_its_wire_form_have_one_canonical_form() -> None:
    seen = list(values_of(from_json(EXAMPLE, Assessment)))
    seen += [
        Abstention(voice="a", reason="late"),
        Abstention(voice="a", reason="late", detail="é", provenance=WHENCE),
        DetectorSignal(detector="d", category="c", view="base64", note="n"),
        DetectorSignal(detector="d", category="c", severity=3, span=(0, 4)),
        CriticResult(critic="c", score=1, confidence=0.25),
        from_json(EXAMPLE | {"sampled": True, "evidence": None}, Assessment),
    ]
    assert {type(value) for value in seen} >= set(WIRE_FORMS)
    for value in seen:
        assert canonical(value) == canonical(to_json(value))


def test_what_has_no_canonical_form_is_named_by_its_place_in_the_wire_form() -> None:
    broken = from_json(EXAMPLE | {"timings_ms": {"total": math.nan}}, Assessment)
    with pytest.raises(ValueError, match=re.escape("at $.timings_ms.total")):
        canonical(broken)
