"""The published example: valid, read back, and its decision recomputed from its critics."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from eleanor_core.codec import from_json, result_schema, to_json
from eleanor_core.model import Assessment, JsonObject, SecretValue, thaw
from eleanor_core.pipeline.aggregate import Heard, Seat, aggregate

EXAMPLE = json.loads(
    Path(__file__).parent.parent.joinpath("fixtures", "result.json").read_text("utf-8")
)


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
