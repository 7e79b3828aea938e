"""The pool of worker processes by itself, on both event loops, and what travels to them."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace

import pytest

from eleanor_cli.batching.frames import encode, read_frame
from eleanor_cli.batching.log import Log
from eleanor_cli.batching.pool import open_pool
from eleanor_cli.batching.process import Terms
from eleanor_cli.batching.terms import without_evidence
from eleanor_cli.lines import RawLine
from eleanor_core import Redaction
from eleanor_core.errors import EleanorError
from eleanor_core.evidence import FanOut
from eleanor_core.settings import Settings
from eleanor_core.settings.model import PluginSelection
from eleanor_core.testing import MemoryLog


def terms(home, *sites):
    """Return the terms of workers that judge with the stranger's critic and the chaos."""
    chosen = ("critics/stranger", "detectors/chaos", "evidence/lines")
    settings = Settings(home=home, plugins=PluginSelection(exact=chosen))
    return Terms(
        hello={
            "path": [*sys.path, *map(str, sites)],
            "settings": without_evidence(settings),
            "origins": {},
        },
        plugins={
            "critics/stranger": "eleanor-stranger 1.2.3",
            "detectors/chaos": "eleanor-chaos 1.0",
        },
        silence=30.0,
        limits=settings.limits.of_request,
    )


def raw(*texts):
    lines = ({"id": number, "text": text} for number, text in enumerate(texts, 1))
    return [RawLine(line["id"], json.dumps(line).encode()) for line in lines]


@pytest.mark.long
@pytest.mark.anyio
async def test_a_pool_judges_on_both_loops(site, chaos_site, tmp_path, monkeypatch, anyio_backend):
    monkeypatch.setenv("CHAOS_MARK", str(tmp_path / "mark"))
    memory = MemoryLog()
    log = Log(FanOut({"memory": memory}), Redaction())
    given = terms(tmp_path / "home", site, chaos_site)
    async with open_pool(given, log, 2, stop_seconds=20) as pool:
        judged = await pool.judge(raw("a fine text", "a grave text"))
        assert [item.verdict for item in judged] == ["allow", "deny"]
        judged = await pool.judge(raw("a fine text", "poison always", "an unfair text"))
        assert [item.verdict for item in judged] == ["allow", "error", "constrain"]
    kinds = [json.loads(record.leaf)["kind"] for record in memory.records]
    # The first attempt at the poisoned chunk may have recorded what it could.
    assert kinds.count("assessment") >= 4
    assert kinds.count("abandoned") == 1


@pytest.mark.long
@pytest.mark.anyio
async def test_a_worker_with_other_plugins_is_refused(site, chaos_site, tmp_path, anyio_backend):
    given = terms(tmp_path / "home", site, chaos_site)
    other = replace(given, plugins={**given.plugins, "critics/stranger": "eleanor-stranger 1.2.4"})
    async with open_pool(
        other, Log(FanOut({"memory": MemoryLog()}), Redaction()), 1, stop_seconds=20
    ) as pool:
        with pytest.raises(EleanorError, match="plugins changed"):
            await pool.judge(raw("a fine text"))


@pytest.mark.parametrize("blobs", [(), (b"",), (b"a\n\0", b"", b"\xff" * 70_000)])
def test_a_frame_arrives_as_it_was_sent(blobs):
    head = {"text": "\ud800 \u00e9", "number": 1.5}
    frame = read_frame(io.BytesIO(encode("form", head, blobs) * 2))
    assert (frame.form, frame.head, frame.blobs) == ("form", head, blobs)


def test_a_torn_frame_is_the_end():
    whole = encode("form", {"a": 1}, [b"blob"])
    assert all(read_frame(io.BytesIO(whole[:size])) is None for size in range(len(whole)))
