"""Canaries in every position, through success and every failure: none comes out anywhere."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterable

import pytest

from canary.birds import KNOWN, PERSON, found
from canary.registry import FAILURES, MAY_HOLD_A_PERSON, NEVER_SHOWN, SHORT, SINKS
from canary.surface import CANARIES, Run, run
from eleanor_core import Redaction
from eleanor_core.model import SecretValue


def table(runs: Iterable[Run]) -> str:
    """Return what was planted and found, by sink."""
    runs = list(runs)
    pairs = {(place, item.failure) for item in runs for place in item.said}
    lines = [
        f"{len({place for place, _ in pairs})} positions x {len({item.failure for item in runs})} "
        f"failures, {len(pairs)} pairs that apply, planted {sum(len(item.said) for item in runs)} "
        f"times, {len(KNOWN)} encodings"
    ]
    for sink in SINKS:
        blobs = [item.sinks.blobs.get(sink, b"") for item in runs]
        traces = sum(len(found(blob)) for blob in blobs)
        lines.append(f"{sink:24} {sum(map(len, blobs)):>12,} bytes {traces:>6} found")
    return "\n".join(lines)


def let_loose(failures: Iterable[str], turns: Iterable[int]) -> list[Run]:
    """Run every failure in every turn, and check each run."""
    runs = []
    for turn in turns:
        for number, failure in enumerate(failures):
            with pytest.MonkeyPatch.context() as patch:
                item = run(failure, turn + number, patch)
            for sink, blob in item.sinks.blobs.items():
                assert not found(blob), f"{failure}, {sink}, turn {item.turn}: {found(blob)[0]}"
                if sink not in MAY_HOLD_A_PERSON:
                    assert PERSON.encode() not in blob, f"{failure}: {PERSON} in {sink}"
            runs.append(item)
    return runs


def test_no_canary_comes_out_in_short() -> None:
    runs = let_loose(SHORT, [0])
    assert {item.failure for item in runs} == set(SHORT)
    assert PERSON.encode() in runs[0].sinks.blobs["payload"]


@pytest.mark.long
def test_no_canary_comes_out(capsys: pytest.CaptureFixture[str]) -> None:
    runs = let_loose(FAILURES, range(len(KNOWN)))
    assert {place for item in runs for place in item.said} == set(CANARIES)
    with capsys.disabled():
        print(f"\n{table(runs)}")


# -- the control: a leak that is put in on purpose is found -----------------------------------------


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Take away every mask, one way or another for each sink."""
    monkeypatch.setattr(Redaction, "texts", lambda _self, texts: texts)
    monkeypatch.setattr(Redaction, "known_in", lambda _self, _views: ())
    monkeypatch.setattr("eleanor_core.pipeline.scan.Scan.masked", lambda _self, text: text)
    monkeypatch.setattr("eleanor_core.settings.show.masked", lambda value, *_: value)
    monkeypatch.setattr(SecretValue, "__repr__", SecretValue.reveal)
    monkeypatch.setenv("CANARY_PRINTS", "1")
    return monkeypatch


def test_a_leak_on_purpose_is_found_at_every_sink(leaky: pytest.MonkeyPatch) -> None:
    runs = [
        run(failure, -1, leaky)
        for failure in ("streamed", "none", "sink raises from", "critic does not start from")
    ]
    leaking = {sink for item in runs for sink, blob in item.sinks.blobs.items() if found(blob)}
    assert leaking == set(SINKS)
    people = {
        sink for item in runs for sink, blob in item.sinks.blobs.items() if PERSON.encode() in blob
    }
    assert people >= MAY_HOLD_A_PERSON


@pytest.mark.parametrize("sink", ["log", "standard log", "broken", "leaf", "payload", "crash"])
def test_one_mask_that_is_missing_is_found(sink: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failure, patch, instead = {
        "log": ("streamed", "processor", lambda _self, _logger, _method, event: event),
        "standard log": ("streamed", "filter", lambda _self, _record: True),
        "broken": ("critic does not start", "text", lambda _self, text: text),
        "leaf": ("streamed", "texts", lambda _self, texts: texts),
        "payload": ("streamed", "value", lambda _self, value: value),
        "crash": ("sink raises", "told", lambda _self, error: error),
    }[sink]
    monkeypatch.setattr(Redaction, patch, instead)
    assert found(run(failure, -1, monkeypatch).sinks.blobs[sink])


@pytest.mark.long
def test_a_leak_on_purpose_is_found_from_every_position(leaky: pytest.MonkeyPatch) -> None:
    runs = [run(failure, -1, leaky) for failure in FAILURES]
    everything = b"".join(blob for item in runs for blob in item.sinks.blobs.values())
    silent = {
        name
        for name, canary in CANARIES.items()
        if f"/{canary.number:03}&+".encode() not in everything
        and f"%2F{canary.number:03}&+".encode() not in everything
    }
    assert silent == NEVER_SHOWN


# -- the value itself -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        *(str, "{}".format, "%s".__mod__, bytes, pickle.dumps, copy.copy, copy.deepcopy, vars),
        *(dict, lambda value: value.__getstate__(), lambda value: f"{value}"),
    ],
)
def test_a_value_refuses_to_become_anything_else(use) -> None:
    canary = CANARIES["provider, current"].known
    with pytest.raises((TypeError, AttributeError)) as caught:
        use(SecretValue(canary))
    assert not found(repr(caught.value).encode())
    assert not found(repr([SecretValue(canary)]).encode())


def test_what_knows_the_values_tells_none() -> None:
    redaction = Redaction()
    redaction.learn({"here": CANARIES["provider, current"].known})
    redaction.text("so that it is looked for")
    known = redaction.known
    for use in (pickle.dumps, copy.copy, copy.deepcopy, vars, lambda item: item.__getstate__()):
        with pytest.raises(TypeError) as caught:
            use(known)
        assert not found(repr(caught.value).encode())
    held = [getattr(known, name) for name in dir(known) if "__held" in name or "__search" in name]
    assert len(held) == 2
    assert not found(repr([known, vars(redaction), *held]).encode())
