"""Stage 1 with what Python can put in the place of JSON: copied as what it is, or refused."""

from __future__ import annotations

import enum
import gc
import threading
from collections import ChainMap, OrderedDict, UserDict, defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.errors import InvalidInput
from eleanor_core.model import FrozenMap, thaw
from eleanor_core.pipeline.validate import ValidInput, validate
from eleanor_core.settings.model import Limits

LIMITS = Limits()


def valid(context: object, text: object = "a text") -> ValidInput:
    return validate(text, context, "answer", None, LIMITS)


def refused(context: object = None, text: object = "a text", kind: object = "answer") -> str:
    with pytest.raises(InvalidInput) as caught:
        validate(text, context, kind, None, LIMITS)
    return str(caught.value)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Share(float):
    """Such as a number of numpy's."""


class Pair(NamedTuple):
    left: int
    right: list[int]


def test_subclasses_of_the_plain_types_are_copied_as_what_they_are() -> None:
    ordered = OrderedDict(b=[Colour.RED], a=Level.HIGH)
    given = {
        Colour.RED: Share(0.5),
        "ordered": ordered,
        "default": defaultdict(list, {"x": 1}),
        "proxy": MappingProxyType({"x": ("y",)}),
        "pair": Pair(1, [2]),
        "chain": ChainMap({"x": True}, {"z": None}),
        "user": UserDict(x=FrozenMap({"y": 1})),
    }
    held = valid(given).context
    assert thaw(held) == {
        "red": 0.5,
        "ordered": {"b": ["red"], "a": 3},
        "default": {"x": 1},
        "proxy": {"x": ["y"]},
        "pair": [1, [2]],
        "chain": {"x": True, "z": None},
        "user": {"x": {"y": 1}},
    }
    assert {type(leaf) for leaf in _leaves(held)} <= {str, int, float, bool, type(None)}
    assert type(valid(None, Colour.RED).text) is str


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, FrozenMap):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif type(value) is tuple:
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _trap(*_args: object, **_kwargs: object) -> Any:
    raise AssertionError("it was called")


TRAPS = dict.fromkeys(
    [
        "__repr__",
        "__str__",
        "__format__",
        "__eq__",
        "__ne__",
        "__lt__",
        "__le__",
        "__gt__",
        "__ge__",
        "__hash__",
        "__len__",
        "__bool__",
        "__iter__",
        "__contains__",
        "__getitem__",
        "__getattribute__",
        "__int__",
        "__float__",
        "__index__",
        "__sub__",
        "__neg__",
        "__abs__",
        "items",
        "keys",
        "values",
        "encode",
        "isascii",
        "copy",
    ],
    _trap,
)


@pytest.mark.parametrize(
    ("base", "value", "plain"),
    [
        (str, "words", "words"),
        (int, 7, 7),
        (float, 0.5, 0.5),
        (list, [1, "a"], (1, "a")),
        (tuple, (1, "a"), (1, "a")),
        (dict, {"a": 1}, {"a": 1}),
    ],
)
def test_no_method_of_a_subclass_is_called(base: Any, value: object, plain: object) -> None:
    hostile = type("Hostile", (base,), TRAPS)(value)
    held = valid({"a": [hostile]}).context["a"]
    assert held == (plain,)


@pytest.mark.parametrize("base", [str, int, float, list, tuple, dict, object])
def test_nothing_of_a_hostile_value_stands_in_the_error(base: Any) -> None:
    hostile = type("Hostile" + "x" * 200, (base,), TRAPS)()
    for said in (refused([hostile]), refused(kind=hostile), refused({"a": {1: hostile}})):
        assert len(said) < 300
    if base not in (str, int, float):
        assert "must be a string, got " in refused(text=hostile)


class Liar(type):
    """A metaclass whose classes lie about their name, or raise."""

    @property
    def __name__(cls) -> str:  # type: ignore[override] # on purpose
        raise AssertionError("it was asked")

    def __hash__(cls) -> int:
        raise AssertionError("it was hashed")

    def __eq__(cls, _other: object) -> bool:
        raise AssertionError("it was compared")


class OfLiar(metaclass=Liar):
    @property
    def __class__(self) -> Any:
        raise AssertionError("it was asked")


def test_a_hostile_class_is_refused_by_its_real_name() -> None:
    assert "OfLiar cannot be read: it raised AssertionError" in refused({"a": OfLiar()})
    assert "must be a string, got OfLiar" in refused(text=OfLiar())
    assert "got OfLiar" in refused(kind=OfLiar())


class Odd(Mapping[str, object]):
    """A mapping that is read through nothing but what is given."""

    def __init__(self, items: Any, length: int = 0) -> None:
        self._items, self._length = items, length

    def items(self) -> Any:
        return self._items()

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, key: str) -> object:
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("by its items alone")


def _endless() -> Iterator[tuple[str, int]]:
    number = 0
    while True:
        number += 1
        yield str(number), number


def _exit() -> Iterator[tuple[str, int]]:
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (_endless, "the limit is 10000"),
        (lambda: [("a", 1)] * 2, "the key 'a' stands there twice"),
        (lambda: [("a", 1, 2)], "Odd cannot be read: it raised ValueError"),
        (lambda: [7], "Odd cannot be read: it raised TypeError"),
        (lambda: [(b"a", 1)], "keys must be strings, found bytes"),
        (lambda: [(None, 1)], "keys must be strings, found NoneType"),
        (lambda: 1 / 0, "Odd cannot be read: it raised ZeroDivisionError"),
        (_exit, "Odd cannot be read: it raised SystemExit"),
        (lambda: None, "Odd cannot be read: it raised TypeError"),
    ],
)
def test_a_mapping_that_cannot_be_read_is_refused(items: Any, said: str) -> None:
    assert said in refused({"a": [Odd(items)]})
    assert "$.context.a[0]" in refused({"a": [Odd(items)]})


def test_what_a_mapping_says_of_its_length_is_not_asked() -> None:
    for length in (-1, 0, 10**9):
        assert valid({"a": Odd(lambda: [("b", 1)], length)}).context == {"a": {"b": 1}}


def test_a_context_that_changes_while_it_is_read_is_kept_as_it_was() -> None:
    given: dict[str, Any] = {"later": [1]}

    def items() -> list[tuple[str, int]]:
        given.clear()
        given["new"] = 0
        return [("b", 1)]

    given = {"first": Odd(items), "later": [1, 2]}
    assert valid(given).context == {"first": {"b": 1}, "later": (1, 2)}


def test_threads_that_change_it_do_no_harm() -> None:
    given: dict[str, Any] = {str(number): [number] for number in range(200)}
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            given[f"n{number % 50}"] = [number] * (number % 7)
            given.pop(f"n{number * 7 % 50}", None)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            held = valid(given).context
            assert {str(number) for number in range(200)} <= set(held)
    finally:
        stop.set()
        thread.join()


def test_what_contains_itself_is_refused_at_its_depth() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "nested deeper than 32 levels" in refused({"a": loop})
    both: dict[str, object] = {}
    both["again"] = UserDict(back=both)
    assert "nested deeper than 32 levels" in refused(both)


def test_many_references_to_one_thing_count_as_many() -> None:
    laugh: object = "ha"
    for _ in range(9):
        laugh = [laugh] * 10
    assert "more than 80000 commas and brackets" in refused({"a": laugh})
    assert "larger than 1000000 bytes" in refused({"a": ["é" * 200_000] * 5000})


@pytest.mark.parametrize(
    "value",
    [b"bytes", {1, 2}, (item for item in ()), 1j, range(3), object, memoryview(b""), Ellipsis],
)
def test_what_is_no_json_is_refused_by_its_type(value: object) -> None:
    said = refused({"a": {"b": value}})
    assert f"$.context.a.b: {type(value).__name__} is not a JSON value" in said


def test_an_integer_of_any_length_is_refused_at_once() -> None:
    assert "integer beyond 2^53 - 1" in refused({"a": 1 << 10_000_000})
    assert "integer beyond 2^53 - 1" in refused({"a": [Level.HIGH, type("I", (int,), {})(2**53)]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=5))
def test_the_copy_is_equal_and_shares_no_container(context: dict[str, Any]) -> None:
    held = valid(context).context
    assert thaw(held) == context
    for inner in gc.get_referents(*held.values()):
        assert type(inner) is not list
    context["new"] = 1
    assert "new" not in held or held["new"] != 1


TIGHT = Limits(
    context_bytes=120, context_depth=4, context_marks=24, context_keys=4, context_items=6,
    context_string_bytes=12, context_key_bytes=6,
)  # fmt: skip
WILD = st.recursive(
    st.sampled_from([None, True, 0, 2**53 - 1, 2**53, -(2**53), 0.5, float("nan"), float("inf")])
    | st.text(alphabet="ab\u00e9\u4e2d\U0001f600", max_size=14)
    | st.sampled_from(["\ud800", "\udc00", b"", Level.HIGH, Colour.RED, Share(0.5), (1, ["x"])]),
    lambda inner: (
        st.lists(inner, max_size=7)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(alphabet="ab\u00e9\ud800", max_size=8), inner, max_size=5)
        | st.dictionaries(st.sampled_from(["a", Colour.RED, 1]), inner, max_size=2)
    ),
    max_leaves=12,
)


def outcome(context: object) -> str:
    try:
        return repr(validate("a text", context, "answer", "t", TIGHT).context)
    except InvalidInput as error:
        return f"{error.path}: {error}"


@given(st.dictionaries(st.text(alphabet="abc", max_size=7), WILD, max_size=5))
def test_what_is_plainly_right_is_kept_as_the_walk_would_keep_it(context: dict[str, Any]) -> None:
    """A dict may be frozen in one go; a mapping of another type never is."""
    assert outcome(context) == outcome(UserDict(context))


def test_a_long_context_of_strings_that_are_no_ascii_is_looked_at_once() -> None:
    words = {str(number): "\u00e9" * 24_000 for number in range(20)}
    assert valid(words).context == words
    assert "larger than 1000000 bytes" in refused({**words, "more": "\u00e9" * 24_000})
    assert "500002 bytes; the limit is 500000" in refused({"a": "\u00e9" * 250_001})
    assert "500001 characters; the limit is 500000" in refused({"a": "a" * 500_001})
