"""An action as calls: which tool, on what, and whether it only rehearses.

Read are the context (`tool`, `arguments`) or the text: JSON in the forms in which models and
protocols write tool calls, lines such as `Tool: NAME` or `Action Input: ...`, a call such as
`delete_all(table="customers")`, commands of a shell, or a plain sentence that orders something.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from eleanor_core.api import Case

TEXT_AT_MOST = 4096
"""Code points of an action's text that are read as calls."""

CALLS_AT_MOST = 20
"""Calls that are read of one action."""

DEED_WORDS = 3
"""Words at the head of a plain command among which its verb is looked for."""

_CALL: Final = re.compile(r"\s*([A-Za-z_][\w.:-]*)\s*\((.*)\)[\s;]*", re.DOTALL)
_HEADED: Final = re.compile(
    r"^[ \t]*(tool|action|function|purpose|instruction|action input|tool input|arguments|args|input"
    r"|parameters)[ \t]*:[ \t]*(\S[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_NAMING: Final = frozenset({"tool", "action", "function"})
_NAME_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_VALUE_WORD: Final = re.compile(
    r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])|\b777\b|(?:^|(?<=[\s\"'=(]))[*/~]+(?=$|[\s\"',;)])"
)
_COMMANDS: Final = re.compile(r"&&|\|\||[;|\n]")
_COURTESY: Final = frozenset((
    "please", "now", "then", "i", "we", "will", "shall", "must", "let", "me", "us", "going", "to",
    "the", "agent", "assistant", "next", "and", "also", "first", "sudo", "you", "should",
))  # fmt: skip
_LISTS: Final = ("tool_calls", "calls", "actions", "steps")
_INNER: Final = ("function", "params", "function_call", "tool_call", "call")
_TOOLS: Final = ("tool", "name", "tool_name", "function", "action", "command")
_ARGUMENTS: Final = (
    "arguments", "args", "parameters", "input", "action_input", "tool_input", "kwargs",
)  # fmt: skip


@frozen
class Call:
    """One call. `deed`: the words that name what is done; `target`: those that say on what.

    `stated`: its arguments as one line. `meaning`: what the tool is said to be for, and what it was
    told to do in words; never the contents of arguments. `made`: False for a tool that is only
    described. `named`: False for a command or a sentence, which names no tool.
    """

    deed: tuple[str, ...]
    target: frozenset[str]
    stated: str = ""
    meaning: str = ""
    rehearsed: bool = False
    made: bool = True
    named: bool = True


class CallReader:
    """Reads calls. Holds no state between cases.

    `runners`: tools that run whatever they are given. `rehearsal`: arguments whose truth says that
    nothing will really happen.
    """

    def __init__(self, runners: frozenset[str], rehearsal: frozenset[str]) -> None:
        self._runners = runners
        self._rehearsal = rehearsal

    def read(self, case: Case) -> tuple[Call, ...]:
        """Return the calls of an action, in their order."""
        tool, arguments = case.context.get("tool"), case.context.get("arguments")
        text = case.text[:TEXT_AT_MOST]
        if isinstance(tool, str) and tool:
            said = _flat(arguments if arguments is not None else text)
            return tuple(self._named(tool, said))
        calls = [call for found in _forms(text) for call in self._named(*found)]
        return tuple(calls[:CALLS_AT_MOST])

    def announced(self, text: str) -> tuple[Call, ...]:
        """Return the call that `text` writes out under the heading `Tool:`, whatever its kind."""
        head = text[:TEXT_AT_MOST]
        found = _headed(head, ("tool",)) if "ool:" in head else None
        return tuple(self._named(*found)) if found else ()

    def _named(self, tool: str | None, arguments: str, meaning: str = "") -> Iterator[Call]:
        if tool is None:
            yield from map(self._ordered, filter(str.strip, _COMMANDS.split(arguments)))
            return
        deed = tuple(word.lower() for word in _NAME_WORD.findall(tool))
        if self._runners.issuperset(deed):
            yield from map(self._ordered, filter(str.strip, _COMMANDS.split(arguments)))
            return
        yield Call(
            deed=deed,
            target=frozenset((*deed, *_words(arguments))),
            stated=arguments,
            meaning=meaning,
            rehearsed=any(_is_set(arguments, name) for name in self._rehearsal),
            made=bool(arguments) or not meaning,
        )

    def _ordered(self, command: str) -> Call:
        words = _words(command)
        plain = [word for word in words if word not in self._runners and word not in _COURTESY]
        return Call(tuple(plain[:DEED_WORDS]), frozenset(words), stated=command, named=False)


def _forms(text: str) -> Iterator[tuple[str | None, str, str]]:
    if text.lstrip()[:1] in ("{", "["):
        yield from _from_json(text) or [(None, text, "")]
        return
    headed = _headed(text, _NAMING)
    if headed is not None:
        yield headed
        return
    lines = text.split("\n")
    called = [_CALL.fullmatch(line) for line in lines if line.strip()]
    whole = _CALL.fullmatch(text)
    if len(called) > 1 and all(called):
        yield from ((match[1], match[2], "") for match in called if match)
    elif whole is not None:
        yield whole[1], whole[2], ""
    else:
        yield None, text, ""


def _headed(text: str, naming: Iterable[str]) -> tuple[str, str, str] | None:
    """Return tool, arguments and meaning of a call in lines such as `Tool: NAME`."""
    lines = {match[1].lower(): match[2] for match in _HEADED.finditer(text)}
    tool = next((lines[name] for name in naming if name in lines), None)
    if tool is None:
        return None
    said = [line for name, line in lines.items() if name not in _NAMING and name != "purpose"]
    meaning = [lines[name] for name in ("purpose", "instruction") if name in lines]
    return tool, " ".join(said), " ".join(meaning)


def _from_json(text: str) -> list[tuple[str | None, str, str]]:
    """Return the calls in JSON; none if it is no JSON, or nested too deep to be a call."""
    try:
        return [_said(call) for call in _objects(json.loads(text))]
    except (ValueError, RecursionError):
        return []


def _said(call: Mapping[str, object]) -> tuple[str | None, str, str]:
    tool = next((name for key in _TOOLS if isinstance(name := call.get(key), str)), None)
    arguments = next((call[key] for key in _ARGUMENTS if key in call), None)
    return tool, _flat(call if arguments is None and tool is None else arguments or ""), ""


def _objects(found: object) -> Iterator[Mapping[str, object]]:
    """Yield the objects that are calls, at whatever depth the usual wrappings put them."""
    if isinstance(found, list):
        for item in found:
            yield from _objects(item)
    elif isinstance(found, dict):
        lists = [found[key] for key in _LISTS if isinstance(found.get(key), list)]
        inner = [found[key] for key in _INNER if isinstance(found.get(key), dict)]
        yield from _objects((lists or inner)[0]) if lists or inner else (found,)


def _flat(value: object) -> str:
    """Write names and values of arguments as one line, `name=value`, whatever their nesting."""
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_flat(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(_flat(item) for item in value)
    return str(value)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _VALUE_WORD.findall(text)]


def _is_set(arguments: str, name: str) -> bool:
    return re.search(rf"\b{name}\b\W{{1,4}}(?:true|1|yes)\b", arguments, re.IGNORECASE) is not None
