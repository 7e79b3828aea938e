"""What is carried out: an action on a judged case, what it is handed, and what came of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, Literal, TypeAlias, TypeVar

from attrs import Attribute, field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.case import CaseKind
from eleanor_core.model.decision import Constraint
from eleanor_core.model.json import EMPTY_MAP, FrozenMap, JsonObject

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OutcomeValue: TypeAlias = Literal["done", "failed", "unknown"]
"""`done`: it returned. `failed`: it said so itself, by raising. `unknown`: it was cut off (timeout,
cancellation, crash), so nobody here can say whether it took effect."""

ActionEnd: TypeAlias = Literal["returned", "raised", "timeout", "cancelled", "withheld"]
"""`withheld`: it never began, because somebody halted it after the first look and before the
intent."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")


@frozen(kw_only=True)
class Execution:
    """What an action is called with: the case as it was judged, and nothing else.

    `constraints` say what must be changed or kept while carrying it out. `idempotency_key` is the
    same for every attempt at this judgement, in every process: hand it to whatever can tell by it
    that something was done already.
    """

    record_id: str
    trace_id: str
    text: str = field(repr=False)
    context: FrozenMap = field(repr=False)
    kind: CaseKind
    constraints: tuple[Constraint, ...]
    idempotency_key: str


def _is_name(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(
            f"{attribute.name} must be a letter and then up to 63 letters, digits or any of "
            f"'_.-', got {value!r:.80}: it stands in the evidence for good"
        )


def _waits(_: object, attribute: Attribute[check.T], value: check.T) -> None:
    call = value if inspect.isroutine(value) or isinstance(value, partial) else type(value).__call__
    if not inspect.iscoroutinefunction(call):
        raise TypeError(
            f"{attribute.name} must be an async function: only what waits can be cut off in time"
        )


@frozen(kw_only=True)
class Action(Generic[T]):
    """Something to do with a case: `run` is awaited with an `Execution`, once.

    `text`, `context` and `kind` are those that were judged; what `run` is handed is made of them,
    so that what is carried out is what was judged. `name` says what `run` does (`mail.send`), and
    stands in the evidence. `timeout`: seconds; None: the setting `gate.action_timeout`.
    """

    name: str = field(validator=_is_name)
    run: Callable[[Execution], Awaitable[T]] = field(repr=False, validator=_waits)
    text: str = field(repr=False)
    context: JsonObject = field(default=EMPTY_MAP, repr=False)
    kind: CaseKind = "answer"
    timeout: float | None = None


@frozen(kw_only=True)
class Executed(Generic[T_co]):
    """An action that was done: what it returned, and the records of the intent and the outcome."""

    value: T_co
    intent_id: str
    outcome_id: str
