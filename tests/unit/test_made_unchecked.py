"""The quick ways to make a value make what attrs makes, and refuse what it refuses."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import evolve, field, frozen
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import CriticResult, CriticViolation, EscalationSignal
from eleanor_core.model import Abstention, DetectorSignal, Gap, Provenance
from eleanor_core.model.made import quick, unchecked

VIOLATION = CriticViolation(clause="D2", severity=2, rationale="It degrades her.")
GIVEN: Mapping[str, Any] = {
    "critic": "c",
    "score": 0.02,
    "confidence": 0.9,
    "provenance": Provenance(plugin="critics/c", dist="d", version="1"),
}


class Words(str):
    """No plain str."""

    __slots__ = ()


# Subclasses are made as attrs makes them.
class OfAttrs(CriticResult):
    """A result."""


class SignalOfAttrs(DetectorSignal):
    """A signal."""


class EscalationOfAttrs(EscalationSignal):
    """An escalation."""


class FaultOfAttrs(Abstention):
    """A fault."""


SCALARS = st.sampled_from(
    ["", "c", "ß", "\ud800", Words("c"), 0, 1, 2, 3, True, 0.0, -0.0, 0.5, 1.5, float("nan"), None]
)
TUPLES = st.sampled_from([(), (VIOLATION,), (Gap(concern="a", reason="b"),), [], (0, 3), (3, 0)])
ANY = SCALARS | TUPLES


def made(form: Callable[..., object], values: Mapping[str, object]) -> object:
    """Return the fields of what is made of `values`, or what making it raises."""
    try:
        value = form(**values)
    except (AttributeError, TypeError, ValueError) as error:
        return type(error), str(error)
    names = type(value).__attrs_attrs__  # type: ignore[attr-defined] # attrs puts it there
    return [(type(part := getattr(value, item.name)), repr(part)) for item in names]


def some(*names: str, **required: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw arguments, wrong ones among them."""
    return st.fixed_dictionaries(required, optional=dict.fromkeys(names, ANY))


@given(
    some(
        "justification", "violations", "escalations", "not_assessed", "severity",
        critic=SCALARS, score=SCALARS, confidence=SCALARS,
    )
)  # fmt: skip
def test_a_result_is_made_as_attrs_makes_it(values: dict[str, object]) -> None:
    assert made(CriticResult, values) == made(OfAttrs, values)


@given(some("severity", "span", "view", "note", detector=SCALARS, category=SCALARS))
def test_a_signal_is_made_as_attrs_makes_it(values: dict[str, object]) -> None:
    assert made(DetectorSignal, values) == made(SignalOfAttrs, values)


@given(some(clause=st.sampled_from(["D2", "F1", "", "Z9"]), tier=SCALARS, rationale=SCALARS))
def test_an_escalation_is_made_as_attrs_makes_it(values: dict[str, object]) -> None:
    assert made(EscalationSignal, values) == made(EscalationOfAttrs, values)


@given(some("detail", "score", voice=SCALARS, reason=st.sampled_from(["late", "tired", 1])))
def test_a_fault_is_made_as_attrs_makes_it(values: dict[str, object]) -> None:
    assert made(Abstention, values) == made(FaultOfAttrs, values)


def test_what_is_made_is_as_good_as_any() -> None:
    result = CriticResult(**GIVEN)
    assert type(result) is CriticResult
    with pytest.raises(FrozenInstanceError):
        result.score = 0.0  # type: ignore[misc] # that it cannot be set is the point
    with pytest.raises(FrozenInstanceError):
        del result.score
    assert evolve(result, score=0.5).score == 0.5
    assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result


def test_an_argument_that_is_missing_or_unknown_is_named() -> None:
    with pytest.raises(TypeError, match=r"CriticResult\.__init__\(\) .*'confidence'"):
        CriticResult(critic="c", score=0.0)  # type: ignore[call-arg] # that is the point
    with pytest.raises(TypeError, match=r"CriticResult\.__init__\(\) .*'mood'"):
        CriticResult(**GIVEN, mood="sunny")


def test_unchecked_makes_what_the_class_makes() -> None:
    quickly = unchecked(CriticResult)(**GIVEN)
    assert quickly == CriticResult(**GIVEN)
    assert hash(quickly) == hash(CriticResult(**GIVEN))
    assert type(quickly) is CriticResult
    with pytest.raises(FrozenInstanceError):
        quickly.score = 0.0  # type: ignore[misc] # as above


def test_unchecked_checks_nothing() -> None:
    assert unchecked(Gap)(concern="", reason="").concern == ""


def test_defaults_that_a_function_makes() -> None:
    @quick
    @frozen(kw_only=True)
    class Basket:
        fruit: list[str] = field(factory=list)

    assert Basket().fruit == Basket().fruit == []
    assert Basket().fruit is not Basket().fruit
    assert unchecked(Basket)().fruit is not unchecked(Basket)().fruit
    assert Basket(fruit=["a pear"]).fruit == ["a pear"]
