"""What is fuzzed: one function a target. Each takes any bytes, and raises where a promise is broken.

What may be raised on purpose is caught here, by its type; everything else is a finding.
"""

from __future__ import annotations

import asyncio
import atexit
import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fuzz.logs import changed, sound_log, write
from fuzz.making import folder, text_of, value, values

from eleanor_core import EleanorEngine
from eleanor_core.api import (
    RECORD_LIMITS,
    EvidenceCorrupt,
    InvalidInput,
    JsonLimits,
    check_payload,
    parse_json,
)
from eleanor_core.codec import from_json, to_json
from eleanor_core.errors import SettingsError
from eleanor_core.evidence import Redactor
from eleanor_core.evidence.canonical import canonical
from eleanor_core.model import Assessment, FrozenMap, JsonValue, StoredRecord, thaw
from eleanor_core.pipeline.validate import validate
from eleanor_core.pipeline.views import MAX_GROWTH, MAX_VIEWS, views_of
from eleanor_core.registry import load
from eleanor_core.settings import Settings, load_settings
from eleanor_core.settings.model import Limits
from eleanor_core.testing import MemoryLog

ROOT: Final = Path(__file__).parents[2]
TARGETS: Final[dict[str, Callable[[bytes], None]]] = {}
_SMALL: Final = JsonLimits(depth=6, marks=60, keys=8, items=12, string_bytes=64, key_bytes=16)
_COUNTED: Final = b" " * 5000
"""Before a text, so that it is long enough to be counted before it is parsed."""
_LIMITS: Final = Limits(
    text_bytes=400, context_bytes=900, context_depth=5, context_marks=60, context_items=20,
    context_keys=8, context_string_bytes=100, context_key_bytes=20,
)  # fmt: skip
_DETECTORS: Final = [
    "injection",
    "secrets",
    "personal-data",
    "hidden-text",
    "disclosure",
    "overclaim",
    "citations",
    "quantities",
    "language",
    "readability",
]


def target(function: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Put a function among the targets."""
    TARGETS[function.__name__] = function
    return function


# -- input ----------------------------------------------------------------------------------------


@target
def parsing(data: bytes) -> None:
    """What is accepted, the json module reads the same; it can be recorded, and holds to limits."""
    for limits in (JsonLimits(), _SMALL):
        read = _read(data, limits)
        assert read == _read(_COUNTED + data, limits)
        for held in read:
            assert json.loads(data, object_pairs_hook=_once) == held
            _assert_recorded(held)


def _read(data: bytes, limits: JsonLimits) -> list[JsonValue]:
    """Return the one value that a text holds, or none."""
    try:
        return [parse_json(data, limits)]
    except InvalidInput as error:
        assert len(str(error).encode()) < 2000
        assert error.path.startswith("$")
        return []


def _assert_recorded(value: JsonValue) -> None:
    """Fail unless the value reads back from its form in a record."""
    written = canonical(value)
    parse_json(written, RECORD_LIMITS)
    # A large double stands there with the digits that tell it from others, and zeros.
    assert json.loads(written, parse_int=float) == value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    assert len(table) == len(pairs), "a key stands there twice"
    return table


@target
def validation(data: bytes) -> None:
    """Whatever Python hands over is refused by InvalidInput, or kept deeply frozen."""
    text, context = values(data)
    try:
        given = validate(text, context, "answer", None, _LIMITS)
    except InvalidInput as error:
        assert len(str(error).encode()) < 2000
        return
    _assert_frozen(given.context, _LIMITS.context_depth)
    assert len(given.text.encode()) <= _LIMITS.text_bytes
    _assert_recorded(thaw(given.context))


def _assert_frozen(value: object, depth: int) -> None:
    if type(value) is FrozenMap:
        assert depth > 0
        for key, item in value.items():
            assert type(key) is str
            _assert_frozen(item, depth - 1)
    elif type(value) is tuple:
        assert depth > 0
        for item in value:
            _assert_frozen(item, depth - 1)
    else:
        assert value is None or type(value) in (str, int, float, bool)


# -- normal forms, detectors, redaction -----------------------------------------------------------


@target
def views(data: bytes) -> None:
    """Views keep their limits, and every span of theirs lies in the text."""
    text = text_of(data)
    made, notes = views_of(text)
    assert made[0].text == text
    assert len(made) <= MAX_VIEWS
    assert sum(len(view.text) for view in made[1:]) <= MAX_GROWTH * len(text)
    for view in made:
        for start in range(0, len(view.text), 7):
            first, end = view.origin(start, start + 1)
            assert 0 <= first <= end <= len(text)
    assert all(note.isprintable() for note in notes)


@cache
def _engine() -> tuple[asyncio.AbstractEventLoop, EleanorEngine, MemoryLog]:
    log = MemoryLog()
    chosen = [*(f"detectors/{name}" for name in _DETECTORS), "critics/risk"]
    engine = EleanorEngine({"home": str(folder()), "plugins": {"exact": chosen}}, plugins=[log])
    loop, started, stop = asyncio.new_event_loop(), asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with engine:
            started.set()
            await stop.wait()

    task = loop.create_task(live())
    loop.run_until_complete(started.wait())
    assert not engine.broken, engine.broken

    @atexit.register
    def end() -> None:
        stop.set()
        loop.run_until_complete(task)
        loop.close()

    return loop, engine, log


@target
def detectors(data: bytes) -> None:
    """No text makes a detector fail; what all of them say has a wire form that reads back."""
    loop, engine, log = _engine()
    text = text_of(data)
    if not text or text.isspace():
        return
    assessment = loop.run_until_complete(engine.run(text=text))
    for name, outcome in assessment.detectors.items():
        wire: Any = to_json(outcome)
        assert wire["status"] == "ok", f"{name}: {wire}"
        for signal in wire["signals"]:
            assert signal["span"] is None or 0 <= signal["span"][0] <= signal["span"][1] <= len(
                text
            )
    assert from_json(to_json(assessment), Assessment) == assessment
    log.records.clear()


@cache
def _redactor() -> Redactor:
    chosen = {"plugins": {"exact": ["detectors/secrets", "detectors/personal-data"]}}
    loaded = load(Settings.model_validate(chosen)).loaded["detectors"]
    return Redactor([pattern for item in loaded.values() for pattern in item.declaration.patterns])  # type: ignore[attr-defined] # of a detector


@target
def redaction(data: bytes) -> None:
    """A masked text has its length, and masking it again changes nothing."""
    text = text_of(data)
    masked = _redactor().text(text)
    assert len(masked) == len(text)
    assert all(new in (old, "*") for old, new in zip(text, masked, strict=True))
    assert _redactor().text(masked) == masked
    half = len(text) // 2
    parts = [text[:half], {text[half:]: text}]
    assert _redactor().value(_redactor().value(parts)) == _redactor().value(parts)


# -- codec, settings ------------------------------------------------------------------------------


@cache
def _example() -> Any:
    return json.loads((ROOT / "tests" / "fixtures" / "result.json").read_text("utf-8"))


@target
def codec(data: bytes) -> None:
    """A result with anything in any place is refused by an error, or has a form that reads back."""
    wire = json.loads(json.dumps(_example()))
    at = iter(data)
    for _ in range(1 + next(at, 0) % 3):
        _replace(wire, at)
    try:
        wire = parse_json(json.dumps(wire))
    except InvalidInput:
        return
    try:
        assessment = from_json(wire, Assessment)
    except Exception as error:
        assert not isinstance(error, (AssertionError, RecursionError, MemoryError))
        return
    try:
        again = to_json(assessment)
        assert from_json(again, Assessment) == assessment
        canonical(again)
    except (ValueError, TypeError, UnicodeError) as error:
        raise AssertionError(f"accepted, and has no form of its own: {error}") from error


def _replace(wire: Any, at: Iterator[int]) -> None:
    """Put some value in the place of one that stands there."""
    for _ in range(6):
        steps = list(wire) if isinstance(wire, dict) else list(range(len(wire)))
        step = steps[next(at, 0) % len(steps)]
        if next(at, 0) % 3 and isinstance(wire[step], (dict, list)) and wire[step]:
            wire = wire[step]
        else:
            break
    put = value(at, 2)
    try:
        wire[step] = json.loads(json.dumps(put, default=str, skipkeys=True))
    except ValueError:
        wire.pop(step)


@target
def settings(data: bytes) -> None:
    """Any file and any variable is read, or refused by SettingsError."""
    suffix = (".yaml", ".toml", ".env", "")[(data[:1] or b"\x00")[0] % 4]
    rest, place = data[1:], folder()
    env = {"ELEANOR_SETTINGS_FILE": "", "ELEANOR_ENV_FILE": "", "ELEANOR_HOME": str(place)}
    path = place / f"settings{suffix}"
    file, env_file = None, None
    if suffix:
        path.write_bytes(rest)
        file, env_file = (None, path) if suffix == ".env" else (path, None)
    else:
        name, _, value = text_of(rest).partition("=")
        env[f"ELEANOR_{name.upper()}"] = value
    try:
        loaded = load_settings(file=file, env_file=env_file, env=env)
    except SettingsError as error:
        str(error).encode()
        return
    assert isinstance(loaded.settings, Settings)


# -- the evidence log -----------------------------------------------------------------------------


@target
def evidence(data: bytes) -> None:
    """A log whose files were changed in any way is read without a crash, and never passed off."""
    from eleanor_evidence_local.verify import Scope, verify

    files, roots = sound_log()
    names = list(files)
    chosen = names[(data[:1] or b"\x00")[0] % len(names)]
    place = folder() / "log"
    write(place, {**files, chosen: changed(files[chosen], data[1:])})
    scope = Scope(
        folder=place,
        end=None,
        catalog=None,
        verifiers=(),
        known=(),
        signed=0,
        published=lambda: True,
        rebuild=None,
        get=lambda _: None,
    )
    try:
        report = verify(scope)
    except EvidenceCorrupt:
        return
    assert not report.sound or report.root in roots


@target
def records(data: bytes) -> None:
    """Every reader of a line, a leaf, a payload or a journal names what is wrong, or reads it."""
    from eleanor_evidence_local import journal, layout, lines

    from eleanor_core.api import Frontier
    from eleanor_core.evidence import open_payload

    leaf, _, rest = data.partition(b"\x00")
    for read in (
        lambda: lines.read_leaf(data, 0),
        lambda: lines.read_payload(data, 0, "0" * 64),
        lambda: lines.peaks_of(data, len(data) % 7),
    ):
        try:
            read()
        except lines.BadLine as problem:
            str(problem).encode()
    lines.is_torn(data)
    lines.is_torn_header(data)
    place = journal.begins_at(data)
    if place is not None:
        journal.replay(data, place, Frontier())
    try:
        layout.heading(leaf)
    except ValueError as error:
        str(error).encode()
    for problem in check_payload(leaf, rest):
        problem.encode()
    stored = StoredRecord(index=0, record_id="r", leaf=leaf, leaf_hash="0" * 64, payload=rest)
    try:
        opened = open_payload(stored)
    except EvidenceCorrupt:
        return
    assert isinstance(opened, Mapping)
