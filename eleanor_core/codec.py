"""The one converter between values and JSON. Nothing else imports cattrs.

cattrs is imported when the first value passes: a start needs none, and the record of a judgement
is written by `evidence.canonical`.

`to_json` gives the wire form (plain dicts, lists and scalars), `from_json` takes it back and
refuses unknown keys. Secrets cannot pass: there is no form for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar, cast, get_args, get_origin

from attrs import AttrsInstance, frozen

from eleanor_core.errors import quoted
from eleanor_core.model import (
    EMPTY_MAP,
    Abstention,
    Assessment,
    CriticResult,
    DecisionMade,
    DetectorResult,
    DetectorSignal,
    Event,
    FrozenMap,
    JsonObject,
    JsonValue,
    PrecedentAlignment,
    SecretValue,
    UncertaintyAnalysis,
    freeze,
    thaw,
)

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")
Wire = dict[str, JsonValue]


@frozen
class WireForm:
    """How the wire form of a class differs from its fields, all of them, by name.

    `fixed`: members that are the same for every value. `omitted`: fields that the surroundings say
    already. `if_set`: fields that are left out where they have their default.
    """

    fixed: JsonObject = EMPTY_MAP
    omitted: tuple[str, ...] = ()
    if_set: tuple[str, ...] = ()


WIRE_FORMS: Final[Mapping[type[AttrsInstance], WireForm]] = MappingProxyType(
    {
        CriticResult: WireForm(FrozenMap({"status": "ok"}), ("critic",), ("provenance",)),
        DetectorSignal: WireForm(omitted=("detector",), if_set=("view", "note")),
        DetectorResult: WireForm(FrozenMap({"status": "ok"}), ("detector",), ("provenance",)),
        PrecedentAlignment: WireForm(FrozenMap({"status": "ok"}), if_set=("provenance",)),
        UncertaintyAnalysis: WireForm(FrozenMap({"status": "ok"}), if_set=("provenance",)),
        # Severity and confidence of a fault are there for readers that expect a number.
        Abstention: WireForm(
            FrozenMap({"status": "abstained", "severity": 0, "confidence": 0.0}),
            ("voice",),
            ("detail", "provenance"),
        ),
        Assessment: WireForm(if_set=("sampled",)),
    }
)
"""What is inside stands before what it is inside of. Other classes are written as their fields."""


def to_json(value: object) -> JsonValue:
    """Return the wire form of a value of the model. Raises TypeError for a secret."""
    return cast("JsonValue", _converter().unstructure(value))


def from_json(data: JsonValue, form: type[T]) -> T:
    """Build a `form` from its wire form. Raises cattrs' errors on unknown keys or bad values."""
    return _converter().structure(data, form)


def event_to_json(event: Event) -> Wire:
    """Return an event with its `type` and whether it is provisional.

    The `decision` event carries the whole result under `result`.
    """
    head: Wire = {"type": event.type, "provisional": event.provisional}
    if isinstance(event, DecisionMade):
        return head | {"trace_id": event.trace_id, "result": to_json(event.assessment)}
    return head | cast("Wire", to_json(event))


@cache
def result_schema() -> JsonObject:
    """Return the published JSON Schema (2020-12) of a result's wire form."""
    text = files("eleanor_core").joinpath("schemas", "result.schema.json").read_text("utf-8")
    return cast("JsonObject", freeze(json.loads(text)))


_BY_KEY = {CriticResult: "critic", DetectorResult: "detector", Abstention: "voice"}
"""The field that the key of the surrounding mapping says."""


@cache
def _converter() -> Converter:
    from cattrs import Converter  # noqa: PLC0415 -- see above

    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook_factory(_is_tuple, _unstructure_tuple)
    converter.register_unstructure_hook(FrozenMap, thaw)
    converter.register_structure_hook(FrozenMap, lambda data, _: freeze(data))
    converter.register_unstructure_hook(SecretValue, _refuse)
    for form in WIRE_FORMS:
        converter.register_unstructure_hook(form, _unstructure(form, converter))
    converter.register_structure_hook(Assessment, _structure_assessment(converter))
    return converter


def _is_tuple(form: object) -> bool:
    return get_origin(form) is tuple


def _unstructure_tuple(
    form: object, converter: Converter
) -> Callable[[tuple[object, ...]], list[object]]:
    """Write `tuple[X, ...]` as a list. Most are empty, and cattrs' own hook makes a generator."""
    write = converter.get_unstructure_hook(get_args(form)[0])
    return lambda items: [write(item) for item in items]


def _refuse(_: SecretValue) -> JsonValue:
    msg = "a secret value has no wire form"
    raise TypeError(msg)


def _unstructure(
    form: type[AttrsInstance], converter: Converter
) -> Callable[[AttrsInstance], Wire]:
    from cattrs.gen import make_dict_unstructure_fn, override  # noqa: PLC0415 -- as above

    wire = WIRE_FORMS[form]
    omitted = dict.fromkeys(wire.omitted, override(omit=True))
    overrides = omitted | dict.fromkeys(wire.if_set, override(omit_if_default=True))
    write = make_dict_unstructure_fn(form, converter, **overrides)  # type: ignore[arg-type] # fields, none of which is an option of its own
    fixed = dict(wire.fixed)
    return (lambda value: fixed | write(value)) if fixed else write


def _structure_assessment(
    converter: Converter,
) -> Callable[[Mapping[str, JsonValue], type[Assessment]], Assessment]:
    from cattrs.gen import make_dict_structure_fn, override  # noqa: PLC0415 -- as above

    return make_dict_structure_fn(
        Assessment,
        converter,
        critics=override(struct_hook=_structure_outcomes(converter, CriticResult)),
        detectors=override(struct_hook=_structure_outcomes(converter, DetectorResult)),
        precedent=override(struct_hook=_structure_stage(converter, PrecedentAlignment, "recall")),
        uncertainty=override(
            struct_hook=_structure_stage(converter, UncertaintyAnalysis, "uncertainty")
        ),
    )


def _structure_outcomes(
    converter: Converter, form: type[CriticResult | DetectorResult]
) -> Callable[[Mapping[str, Wire], object], Mapping[str, object]]:
    def build(data: Mapping[str, Wire], _: object) -> Mapping[str, object]:
        return {name: _outcome(converter, form, name, entry) for name, entry in data.items()}

    return build


def _structure_stage(
    converter: Converter, form: type[AttrsInstance], name: str
) -> Callable[[Wire, object], object]:
    return lambda data, _: _outcome(converter, form, name, data)


def _outcome(converter: Converter, form: type[AttrsInstance], name: str, data: Wire) -> object:
    entry = dict(data)
    status = entry.pop("status", None)
    if status == "abstained":
        form = Abstention
        entry.pop("severity", None)
        entry.pop("confidence", None)
    elif status != "ok":
        msg = f"{name}: status must be 'ok' or 'abstained', got {quoted(status, 40)}"
        raise ValueError(msg)
    if form in _BY_KEY:
        entry[_BY_KEY[form]] = name
    if form is DetectorResult:
        signals = cast("list[Wire]", entry.get("signals", []))
        entry["signals"] = [signal | {"detector": name} for signal in signals]
    return converter.structure(entry, form)
