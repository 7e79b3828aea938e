"""An action that an agent proposes: what it does, to how much, and whether it was asked to.

The call is read from the context (`tool`, `arguments`) or from the text: JSON, a line such as
`delete_all(table="customers")`, or a command. Verb x target x way back gives the irreversibility
that Risk reports; verb against `instruction` gives what Autonomy reports. Words come from
`actions.yaml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from attrs import frozen
from pydantic import BaseModel, ConfigDict, Field

from eleanor_core.api import Case
from eleanor_critics_constitutional.findings import Finding
from eleanor_critics_constitutional.rules import read_yaml

TEXT_AT_MOST = 4096
"""Code points of an action's text that are read as a call."""

REHEARSED = 0.3
UNDONE = 0.5
"""Factors for a call that only rehearses, and for one that the context declares reversible."""

NO_WAY_BACK = 0.65
"""Least score of an effect on one named thing that the context declares irreversible."""

DEED_WORDS = 3
"""Words at the head of a plain command among which its verb is looked for."""

_CALL = re.compile(r"\s*([A-Za-z_][\w.:-]*)\s*\((.*)\)\s*;?\s*", re.DOTALL)
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_VALUE_WORD = re.compile(
    r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])|(?:^|(?<=[\s\"'=(]))[*/~]+(?=$|[\s\"',;)])"
)


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Impact(_Row):
    """Severity and score of an effect."""

    severity: Literal[1, 2, 3]
    score: float = Field(ge=0.0, le=1.0)


class Effect(_Row):
    """One kind of effect on the world; its fields are explained in `actions.yaml`."""

    verbs: frozenset[str]
    said: frozenset[str]
    clauses: tuple[str, ...]
    wide: Impact
    narrow: Impact
    rationale: str


class Deeds(_Row):
    """The contents of `actions.yaml`."""

    effects: dict[str, Effect]
    wide: frozenset[str]
    collections: frozenset[str]
    narrowing: frozenset[str]
    forbidding: frozenset[str]
    rehearsal: frozenset[str]
    reading: frozenset[str]
    runners: frozenset[str]


@frozen
class Call:
    """An action as words: those that name the deed, and those that say on what."""

    deed: tuple[str, ...]
    target: frozenset[str]
    rehearsed: bool = False


def load_deeds() -> Deeds:
    """Read the words of actions."""
    return Deeds.model_validate(read_yaml("actions.yaml"))


class ActionReader:
    """Reads actions with the words of `actions.yaml`."""

    def __init__(self, deeds: Deeds) -> None:
        self._deeds = deeds

    def irreversible(self, case: Case) -> Iterator[Finding]:
        """Yield what the action does that cannot be undone (clauses A3, K2)."""
        call = self._call(case)
        for name, effect in self._effects(call):
            impact, said = self._impact(case, call, effect)
            target = "a wide target" if self._is_wide(call.target) else "one target"
            for clause in effect.clauses:
                yield Finding(
                    key=f"action-{name}",
                    clause=clause,
                    severity=impact.severity,
                    score=impact.score,
                    span=(0, len(case.text)),
                    rationale=f"The action {effect.rationale}; {target}, {said}. "
                    f"[RK-AGT, PG6; ISO 31000, UNGP 14]",
                )

    def outside_instruction(self, case: Case) -> Iterator[Finding]:
        """Yield effects that the context's `instruction` did not ask for, or forbade (A1)."""
        instruction = case.context.get("instruction")
        if not isinstance(instruction, str) or not instruction.strip():
            return
        asked, forbidden = self._read_instruction(instruction)
        call = self._call(case)
        for name, effect in self._effects(call):
            if effect.said & forbidden:
                score, why = 0.92, "the instruction forbids it"
            elif not effect.said & asked:
                score, why = 0.75, "the instruction asks for nothing of the kind"
            elif self._is_wide(call.target) and not self._is_wide(asked):
                score, why = 0.65, "the instruction asks for it, but not on so wide a target"
            else:
                continue
            yield Finding(
                key=f"instruction-{name}",
                clause="A1",
                severity=1 if call.rehearsed else 2,
                score=round(score * (REHEARSED if call.rehearsed else 1.0), 3),
                span=(0, len(case.text)),
                rationale=f"The action {effect.rationale}, and {why}. [AU7; AI Act 14]",
            )

    def _effects(self, call: Call) -> Iterator[tuple[str, Effect]]:
        if not call.deed or call.deed[0] in self._deeds.reading:
            return
        for name, effect in self._deeds.effects.items():
            if not effect.verbs.isdisjoint(call.deed):
                yield name, effect
                return

    def _impact(self, case: Case, call: Call, effect: Effect) -> tuple[Impact, str]:
        impact = effect.wide if self._is_wide(call.target) else effect.narrow
        reversible = case.context.get("reversible")
        if call.rehearsed:
            return Impact(severity=1, score=round(impact.score * REHEARSED, 3)), "as a rehearsal"
        if reversible is True:
            milder: Literal[1, 2] = 2 if impact.severity == 3 else 1  # one step
            return Impact(severity=milder, score=round(impact.score * UNDONE, 3)), "reversible"
        if reversible is False and impact.severity == 1:
            return Impact(severity=2, score=max(impact.score, NO_WAY_BACK)), "with no way back"
        return impact, "with no way back declared"

    def _is_wide(self, words: frozenset[str]) -> bool:
        if words & self._deeds.wide:
            return True
        return bool(words & self._deeds.collections) and not words & self._deeds.narrowing

    def _read_instruction(self, instruction: str) -> tuple[frozenset[str], frozenset[str]]:
        """Return the words that the instruction asks with, and those that it forbids."""
        asked: set[str] = set()
        forbidden: set[str] = set()
        for clause in re.split(
            r"[.;,\n]|\bbut\b|\band\b", instruction.lower().replace("\u2019", "'")
        ):
            words = re.findall(r"[a-z]+(?:'[a-z]+)?", clause)
            at = next((i for i, word in enumerate(words) if word in self._deeds.forbidding), None)
            asked.update(_stems(words[:at]))
            forbidden.update(_stems(words[at:]) if at is not None else ())
        return frozenset(asked), frozenset(forbidden)

    def _call(self, case: Case) -> Call:
        tool, arguments = _stated(case)
        if tool is None:
            words = _value_words(case.text[:TEXT_AT_MOST])
            return Call(tuple(words[:DEED_WORDS]), frozenset(words))
        deed = tuple(word.lower() for word in _NAME_WORD.findall(tool))
        values = _value_words(arguments)
        if self._deeds.runners.issuperset(deed):
            deed = tuple(word for word in values if word not in self._deeds.runners)
        rehearsed = any(_is_set(arguments, name) for name in self._deeds.rehearsal)
        return Call(deed, frozenset((*deed, *values)), rehearsed)


def _stated(case: Case) -> tuple[str | None, str]:
    """Return the tool's name and its arguments as text; no name if the text is a plain command."""
    tool, arguments = case.context.get("tool"), case.context.get("arguments")
    if isinstance(tool, str) and tool:
        return tool, _flat(arguments if arguments is not None else case.text[:TEXT_AT_MOST])
    text = case.text[:TEXT_AT_MOST]
    if text.lstrip().startswith("{"):
        return _from_json(text)
    called = _CALL.fullmatch(text)
    return (called[1], called[2]) if called else (None, text)


def _from_json(text: str) -> tuple[str | None, str]:
    try:
        call: object = json.loads(text)
    except (ValueError, RecursionError):
        return None, text
    if not isinstance(call, dict):
        return None, text
    inner = call.get("function")
    call = inner if isinstance(inner, dict) else call
    tool = next(
        (
            call[key]
            for key in ("tool", "name", "function", "action")
            if isinstance(call.get(key), str)
        ),
        None,
    )
    arguments = next(
        (call[key] for key in ("arguments", "args", "parameters", "input") if key in call), ""
    )
    return tool, _flat(arguments)


def _flat(value: object) -> str:
    """Write names and values of arguments as one line, `name=value`, whatever their nesting."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_flat(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(_flat(item) for item in value)
    return str(value)


def _value_words(text: str) -> list[str]:
    return [word.lower() for word in _VALUE_WORD.findall(text)]


def _is_set(arguments: str, name: str) -> bool:
    return re.search(rf"\b{name}\b\W{{1,4}}(?:true|1|yes)\b", arguments, re.IGNORECASE) is not None


def _stems(words: Sequence[str]) -> Iterator[str]:
    """Yield each word and its plain form, so that "deleting" and "deleted" ask to delete."""
    for word in words:
        yield word
        for ending in ("ing", "ed", "s"):
            stem = word.removesuffix(ending)
            if stem != word:
                yield stem
                yield f"{stem}e"
