"""A judgement as HTML, for notebooks: made from the wire form, loaded on first use.

It must stay harmless whatever stands in a result, so there is one way for text into it: `_text`
escapes markup and shows control and direction characters as escapes. No script, no link, nothing
loaded; styles stand in the elements themselves, so they reach nothing else on the page. Colours are
those of the page around it, save for the badge, which brings both of its own (after Okabe and Ito),
so it reads in light and in dark. Nothing is told by colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from operator import itemgetter
from types import MappingProxyType
from typing import Final, cast

from eleanor_core.codec import to_json
from eleanor_core.model import (
    CLAUSES,
    Abstention,
    Assessment,
    CriticResult,
    DetectorResult,
    JsonObject,
    JsonValue,
)

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

_DECISIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "allow": ("✓", "#009e73"),
        "constrain": ("±", "#e69f00"),
        "review": ("!", "#cc79a7"),
        "deny": ("✗", "#d55e00"),
    }
)
_SEVERITIES: Final = ("· none", "▂ concern", "▅ violation", "█ grave")
_GATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "acknowledgement": "closed (tier 2): a named person must acknowledge it",
        "determination": "closed (tier 3): a named person must decide: proceed, modify or halt",
        "prohibited": "closed: the policy forbids this, and no human action opens it",
        "record": "closed: no evidence log acknowledged the record",
    }
)

_BOX: Final = (
    "font:14px/1.5 system-ui,sans-serif;max-width:60em;padding:.75em 1em;text-align:left;"
    "border:1px solid rgba(128,128,128,.5);border-radius:6px;overflow-x:auto"
)
_BADGE: Final = (
    "color:#000;font-weight:700;padding:.15em .6em;margin-right:.6em;border-radius:4px;"
    "white-space:nowrap;background:"
)
_CELL: Final = (
    "text-align:left;vertical-align:top;padding:.15em .9em .15em 0;border:0;background:none;"
    "white-space:normal;overflow-wrap:anywhere"
)
_NAME: Final = f"{_CELL};white-space:nowrap;overflow-wrap:normal"
_SOFT: Final = "opacity:.75"
_NUMBER: Final = f"{_NAME};font-variant-numeric:tabular-nums"


def html(value: object) -> str:
    """Return a judgement, or what one voice said, as one HTML element."""
    if isinstance(value, Assessment):
        return _box("".join(_judgement(_object(to_json(value)))))
    if isinstance(value, CriticResult):
        return _box(_voices({value.critic: _object(to_json(value))}))
    if isinstance(value, DetectorResult):
        return _box(_voices({value.detector: _object(to_json(value))}))
    if isinstance(value, Abstention):
        return _box(_voices({value.voice: _object(to_json(value))}))
    msg = f"a {type(value).__name__} has no HTML form"
    raise TypeError(msg)


# -- the parts of a judgement ---------------------------------------------------------------------


def _judgement(result: JsonObject) -> Iterator[str]:
    decision = str(result["decision"])
    mark, colour = _DECISIONS[decision]
    badge = f'<span style="{_BADGE}{colour}">{mark} {decision.upper()}</span>'
    yield f'<div style="font-size:1.1em">{badge}{_text(result["summary"])}</div>'
    yield _sheet(_follows(result))
    yield _part("Critics", _voices(_in_order(result)), shown=True)
    yield _part("Detectors", _voices(_table(result["detectors"])), shown=False)
    yield _part("More", _sheet(_beside(result)), shown=False)


def _in_order(result: JsonObject) -> Mapping[str, JsonObject]:
    """Return the critics: the dissent in its own order, then faults, then the rest."""
    critics = _table(result["critics"])
    dissent = [str(row["critic"]) for row in _rows(result["dissent"])]
    quiet = [name for name in critics if name not in dissent]
    order = dissent + sorted(quiet, key=lambda name: critics[name]["status"] == "ok")
    return {name: critics[name] for name in order}


def _follows(result: JsonObject) -> Iterator[tuple[str, str]]:
    yield "gate", _gate(_object(result["gate"]), str(result["decision"]))
    for row in _rows(result["constraints"]):
        clause = f" ({_clause(row['clause'])})" if row["clause"] else ""
        yield "change", f"<b>{_text(row['critic'])}</b>{clause}: {_text(row['text'])}"
    for row in _rows(result["escalations"]):
        verb = "decide" if row["tier"] == 3 else "acknowledge"
        asked = f"{_clause(row['clause'])}, asked by {_text(row['critic'])}"
        yield verb, f"{asked}: {_text(row['rationale'])}"
    dissent = ", ".join(_text(row["critic"]) for row in _rows(result["dissent"]))
    if dissent:
        yield "dissent", f"{dissent}, kept word for word"
    evidence = result["evidence"]
    yield "record", _code(_object(evidence)["record_id"]) if evidence else "<b>none</b>"


def _gate(gate: JsonObject, decision: str) -> str:
    if gate["open"]:
        return "open, once changed as below" if decision == "constrain" else "open"
    return f"<b>{_GATES[str(gate['requires'])]}</b>"


def _beside(result: JsonObject) -> Iterator[tuple[str, str]]:
    for name in ("precedent", "uncertainty"):
        stage = _object(result[name])
        if stage["status"] != "ok":
            yield name, f"? abstained, {_text(stage['reason'])}: {_text(stage.get('detail', ''))}"
            continue
        numbers = ((key, value) for key, value in stage.items() if isinstance(value, float))
        yield name, ", ".join(f"{_text(key)} {value:.2f}" for key, value in numbers)
        for reason in cast("Sequence[JsonValue]", stage.get("reasons", ())):
            yield name, _text(reason)
    times = _object(result["timings_ms"]).items()
    yield "ms", ", ".join(f"{_text(name)} {_number(value, 1)}" for name, value in times)
    yield "trace", _code(result["trace_id"])
    if result["evidence"]:
        yield "leaf hash", _code(_object(result["evidence"])["leaf_hash"])


# -- voices ---------------------------------------------------------------------------------------


def _voices(voices: Mapping[str, JsonObject]) -> str:
    rows = (_voice(name, said) for name, said in voices.items())
    return f'<table style="border-collapse:collapse;background:none">{"".join(rows)}</table>'


def _voice(name: str, said: JsonObject) -> str:
    cells = (
        (_NAME, f"<b>{_text(name)}</b>"),
        (_NUMBER, _state(said)),
        (_NUMBER, "" if said["status"] != "ok" else _number(said["score"], 2)),
        (_CELL, "".join(f"<div>{line}</div>" for line in _said(said))),
    )
    return "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for style, cell in cells) + "</tr>"


def _state(said: JsonObject) -> str:
    """Return a sign and a word: severity of a critic, number of signals of a detector."""
    if said["status"] != "ok":
        return "? abstained"
    if "signals" not in said:
        return _SEVERITIES[cast("int", said["severity"])]
    severities = [cast("int", row["severity"]) for row in _rows(said["signals"])]
    if not severities:
        return _SEVERITIES[0]
    count = f"{len(severities)} signal{'s' if len(severities) > 1 else ''}"
    return f"{_SEVERITIES[max(severities)].partition(' ')[0]} {count}"


def _said(said: JsonObject) -> Iterator[str]:
    if said["status"] != "ok":
        yield f"{_text(said['reason'])}: {_text(said.get('detail', ''))}"
    for row in _rows(said.get("violations", ())):
        yield f"{_clause(row['clause'])}{_place(row)}: {_text(row['rationale'])}"
    for row in _rows(said.get("signals", ())):
        yield f"<b>{_text(row['category'])}</b>{_place(row)} {_text(row.get('note', ''))}"
    if said.get("justification"):
        yield f'<span style="{_SOFT}">{_text(said["justification"])}</span>'
    for row in _rows(said.get("not_assessed", ())):
        yield f"<i>not assessed:</i> {_text(row['concern'])} ({_text(row['reason'])})"
    source = said.get("provenance")
    if source:
        origin = _object(source)
        whose = f"{_text(origin['dist'])} {_text(origin['version'])}"
        yield f'<span style="{_SOFT};font-size:.85em">{whose}</span>'


def _place(row: JsonObject) -> str:
    if not row["span"]:
        return ""
    start, end = cast("Sequence[int]", row["span"])
    return f' <span style="{_SOFT}">at {start}-{end}</span>'


# -- elements -------------------------------------------------------------------------------------


def _box(inside: str) -> str:
    return f'<div style="{_BOX}">{inside}</div>'


def _part(title: str, inside: str, *, shown: bool) -> str:
    summary = f'<summary style="cursor:pointer;font-weight:600">{title}</summary>'
    return f'<details style="margin-top:.6em"{" open" if shown else ""}>{summary}{inside}</details>'


def _sheet(rows: Iterable[tuple[str, str]]) -> str:
    """Return a table of two columns; a label stands once before all that belongs to it."""
    lines = "".join(
        f'<tr><th scope="row" style="{_NAME};font-weight:400;{_SOFT}">{name}</th>'
        f'<td style="{_CELL}">{"".join(f"<div>{said}</div>" for _, said in group)}</td></tr>'
        for name, group in groupby(rows, key=itemgetter(0))
    )
    style = "border-collapse:collapse;background:none;margin-top:.5em"
    return f'<table style="{style}">{lines}</table>'


def _clause(code: JsonValue) -> str:
    known = CLAUSES.get(str(code))
    return f"<b>{_text(f'{code} {known.title}' if known else code)}</b>"


def _code(text: JsonValue) -> str:
    return f"<code>{_text(text)}</code>"


def _number(value: JsonValue, digits: int) -> str:
    return f"{value:.{digits}f}" if isinstance(value, (int, float)) else _text(value)


def _text(value: JsonValue) -> str:
    """Return text that nothing can break out of, hide in, or turn around."""
    shown = "".join(
        character
        if character == " " or unicodedata.category(character) not in _UNSAFE
        else character.encode("unicode_escape").decode("ascii")
        for character in str(value)
    )
    return f"<bdi>{escape(shown)}</bdi>" if not shown.isascii() else escape(shown)


# -- the wire form, read --------------------------------------------------------------------------


def _object(value: JsonValue) -> JsonObject:
    return cast("JsonObject", value)


def _table(value: JsonValue) -> Mapping[str, JsonObject]:
    return cast("Mapping[str, JsonObject]", value)


def _rows(value: JsonValue) -> Sequence[JsonObject]:
    return cast("Sequence[JsonObject]", value)
