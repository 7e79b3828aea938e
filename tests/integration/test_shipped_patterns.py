"""The patterns that ship, all together: none is passed over, none is dead, no voice is slow.

Their texts are all strings in the rule files and test cases of the plugins, the expressions among
them too: what they match, what they nearly match, and much that holds the same words.
"""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import accumulate
from pathlib import Path

import pytest
import re2
import yaml
from support.clauses import TEMPLATE
from support.tree import ROOT

from eleanor_core import EleanorEngine
from eleanor_core.api import CriticDeclaration, DetectorDeclaration, Pattern
from eleanor_core.model import Case, CaseKind
from eleanor_core.pipeline import deliberate
from eleanor_core.pipeline.scan import Scanner
from eleanor_core.registry import discover, load
from eleanor_core.settings import Settings
from eleanor_core.settings.model import DEFAULT_PLUGINS

BETWEEN = "\n\x00\n"
EACH = 10
"""Texts of each pattern that are scanned."""


@cache
def shipped() -> Mapping[str, tuple[Pattern, ...]]:
    """Return the patterns of all critics and detectors of this repository, by voice."""
    wanted = {
        ref for ref in (*DEFAULT_PLUGINS, TEMPLATE) if ref.startswith(("critics/", "detectors/"))
    }
    exact = sorted(wanted & {found.ref for found in discover()})
    loaded = load(Settings.model_validate({"plugins": {"exact": exact}})).loaded
    return {
        f"{kind}/{name}": plugin.declaration.patterns
        for kind in ("critics", "detectors")
        for name, plugin in loaded[kind].items()
        if isinstance(plugin.declaration, (CriticDeclaration, DetectorDeclaration))
    }


def strings(value: object) -> Iterator[str]:
    """Yield all strings in what a YAML file holds."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)


@cache
def texts() -> tuple[str, ...]:
    """Return the plugins' texts, each once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = dict.fromkeys(
        pattern.example for patterns in shipped().values() for pattern in patterns
    )
    for path in sorted((ROOT / "plugins").glob("*/*/*/**/*.yaml")):
        found |= dict.fromkeys(strings(yaml.load(path.read_text("utf-8"), Loader=loader)))
    return tuple(text for text in found if text)


@pytest.mark.long
def test_every_pattern_is_run_where_it_matches_and_matches_somewhere() -> None:
    scanner = Scanner(shipped())
    possible: dict[int, set[str]] = {}
    starts = [0, *accumulate(len((text + BETWEEN).encode()) for text in texts())]
    everything = BETWEEN.join(texts()).encode()
    dead = []
    for pattern in {row.regex: row for rows in shipped().values() for row in rows}.values():
        alone = re2.compile(pattern.regex)
        found = {bisect(starts, match.start()) - 1 for match in alone.finditer(everything)}
        hit = [place for place in sorted(found) if alone.search(texts()[place])]
        for place in hit[:EACH]:
            if place not in possible:
                data = texts()[place].encode()
                possible[place] = {rule.regex for rule in scanner._patterns.possible(data)}
            assert pattern.regex in possible[place], (pattern.id, texts()[place])
        if not hit:
            dead.append(pattern.id)
    assert dead == []


UNITS = (
    *"aA1 .,-'\"(:=/\n_{[%#@!?;|<é“中я",
    *("a ", "A ", "1 ", "1,", "1.", "1-", "1+1", "1=1 ", "a, ", "a. ", "a.b", "a-b ", "a=", "a: "),
    *("(a", "a(", '"a" ', "“a", "“a” ", '{"a":', "`a`", "<a>", "[a](", "![", "&&", "...", ".\n"),
    *("no a. ", "not the. ", "I ", "you ", "is ", "he said ", "1% ", "$1 ", "1 kg ", "Monday "),
    *(
        "January 1 ",
        "10.1000/",
        "http://a.",
        "a@b.",
        "A b ",
        "\u200b",
        "a\u200b",
        "\u0301",
        "aB3d ",
    ),
)
"""What is repeated without end, and drives whatever searches with two loops into the square."""
SMALL, LARGE = 2_000, 16_000
LINEAR, MOST = LARGE / SMALL, 3 * LARGE / SMALL


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_voice_takes_more_than_linear_time(tmp_path: Path) -> None:
    examples = [
        pattern.example
        for patterns in shipped().values()
        for pattern in patterns
        if pattern.example
    ]
    slow = {}
    async with EleanorEngine(Settings(home=tmp_path)) as engine:
        for kind in ("answer", "action"):
            for unit in (*UNITS, *examples[::15]):
                taken = seconds(engine, unit, LARGE, kind)
                if max(taken.values()) < 0.02:
                    continue
                small = [seconds(engine, unit, SMALL, kind) for _ in range(3)]
                again = seconds(engine, unit, LARGE, kind)
                for voice, first in taken.items():
                    least = max(0.001, min(one[voice] for one in small))
                    if (ratio := min(first, again[voice]) / least) > MOST:
                        slow[voice, kind, unit] = f"{ratio:.0f} times for {LINEAR:g} times the text"
    assert slow == {}


def seconds(engine: EleanorEngine, unit: str, size: int, kind: CaseKind) -> dict[str, float]:
    """Return the CPU seconds of the scan and of each voice on a text of `size` characters."""
    panel = engine._panel
    assert panel is not None
    text = (unit * (size // len(unit) + 1))[:size]
    taken = {}
    started = time.process_time()
    scan = panel.scanner.scan(text)
    taken["scan"] = time.process_time() - started
    said = {}
    for runner in (panel.detectors, panel.critics):
        signals = deliberate.testimony(said)
        for voice in runner._voices.values():
            case = Case(
                text=text,
                kind=kind,
                views=scan.views,
                hits=scan.hits.get(voice.ref, ()),
                signals=signals,
            )
            started = time.process_time()
            said[voice.name] = voice.call(case)
            taken[voice.ref] = time.process_time() - started
    return taken
