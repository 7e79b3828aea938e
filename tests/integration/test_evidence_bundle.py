"""A bundle is verified by code that is not ours, and what was changed in it is not."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

import structlog
from eleanor_evidence_local import LocalSettings, open_log

from eleanor_core.api import Services, erasure_id
from eleanor_core.errors import EvidenceCorrupt, UnresolvableRecord
from eleanor_core.evidence import Bundle, prove_growth, prove_record, seal, write_bundle

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "verify_bundle.py"
OUTSIDER = ROOT / "tests" / "fixtures" / "outsider" / "main.go"
GO_PATH = Path("/usr/share/gocode")
"""Where Debian puts Go's packages."""


class Given:
    """A bundle, the key that its reader was given before, and a checkpoint that they kept."""

    def __init__(self, folder: Path, key: str, old: Path) -> None:
        self.folder, self.key, self.old = folder, key, old

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        path = self.folder / name
        before = path.read_text("utf-8")
        path.write_text(change(before), "utf-8")
        assert path.read_text("utf-8") != before


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def make(folder: Path) -> None:
    """Write a log of 300 records, signed when there were 1, 200 and 300, and a bundle of it.

    The last one is the erasure of record 150.
    """
    services = Services(data_dir=folder / "log", log=structlog.get_logger())
    async with open_log(LocalSettings(segment_bytes=60_000), services) as log:
        await log.append(seal("settings", trace_id="0", facts={}))
        await log.checkpoint()
        for start, stop in ((1, 200), (200, 299)):
            async with anyio.create_task_group() as group:
                for number in range(start, stop):
                    payload = {"case": {"text": f"Grüße {number} \U0001f600"}, "result": number / 7}
                    record = seal("assessment", trace_id=str(number), facts={}, payload=payload)
                    group.start_soon(log.append, record)
            if stop == 200:
                (folder / "old").write_text(await log.checkpoint(), "utf-8")
        gone = await anext(log.read(150))
        facts = {"record": gone.record_id}
        erasure = erasure_id(gone.record_id)
        await log.append(seal("erasure", trace_id="", facts=facts, record_id=erasure))
        made = await write_bundle(log, folder / "bundle", payloads=True)
        assert made == Bundle(size=300, records=300, checkpoints=2)
        (folder / "key").write_text("".join(await log.keys()), "utf-8")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    anyio.run(make, folder)
    return folder


@pytest.fixture
def given(made: Path, tmp_path: Path) -> Given:
    """A copy of it, to change."""
    for name in ("bundle", "log", "keys"):
        shutil.copytree(made / name, tmp_path / name)
    return Given(tmp_path / "bundle", (made / "key").read_text("utf-8"), made / "old")


async def run(*command: str | Path, **env: str) -> tuple[int, str]:
    done = await anyio.run_process(
        [*map(str, command)], check=False, env={**os.environ, **env}, stderr=-2
    )
    return done.returncode, done.stdout.decode().strip()


async def script(given: Given, *more: str | Path) -> tuple[int, str]:
    return await run(sys.executable, SCRIPT, given.folder, "--key", given.key, *more)


async def test_the_script_verifies_a_bundle(given: Given) -> None:
    code, said = await script(given, "--old", given.old)
    assert code == 0, said
    assert ": 300 of 300 records, 3 checkpoints, root " in said
    assert said.startswith(f"ok {given.key.partition('+')[0]}")


CHANGES: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a leaf": (
        "records.jsonl",
        lambda text: text.replace('\\"trace_id\\":\\"7\\"', '\\"trace_id\\":\\"8\\"', 1),
        "FAIL record 7 is not in the log",
    ),
    "a place": (
        "records.jsonl",
        lambda text: text.replace('"index":7,', '"index":6,', 1),
        "FAIL record 6 is not in the log",
    ),
    "two lines": (
        "records.jsonl",
        lambda text: "".join(sorted(text.splitlines(keepends=True), reverse=True)),
        "is not in the log",
    ),
    "a payload": (
        "records.jsonl",
        lambda text: text.replace("Grüße 9 ", "Grüße 0 ", 1),
        "FAIL record 9: its payload is not the one that it commits to",
    ),
    "what was erased": (
        "records.jsonl",
        lambda text: text.replace('"erased":299', '"erased":298', 1),
        "FAIL record 298 does not say that the payload of",
    ),
    "the size": (
        "checkpoint",
        lambda text: text.replace("\n300\n", "\n299\n", 1),
        "FAIL the signature under the checkpoint of 299 records is wrong",
    ),
    "the signature": (
        "checkpoint",
        lambda text: text.replace("\u2014 eleanor-log/", "\u2014 eleanor-lag/"),
        "FAIL the checkpoint of 300 records is signed by none of the keys",
    ),
    "an earlier checkpoint": (
        "checkpoints.jsonl",
        lambda text: text.replace("\\n200\\n", "\\n201\\n", 1),
        "FAIL the signature under the checkpoint of 201 records is wrong",
    ),
    "a proof of growth": (
        "checkpoints.jsonl",
        lambda text: "".join(
            json.dumps({**json.loads(line), "proof": []}) + "\n" for line in text.splitlines()
        ),
        "FAIL the log of 300 records does not go on from its checkpoint of 1",
    ),
    "the checkpoint that was kept": (
        "checkpoints.jsonl",
        lambda text: text.splitlines(keepends=True)[0],
        "FAIL your checkpoint of 200 records is not one of this log's",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_script_finds_what_was_changed(given: Given, change: str) -> None:
    name, edit, expected = CHANGES[change]
    given.edit(name, edit)
    code, said = await script(given, "--old", given.old)
    assert (code, expected in said) == (1, True), said


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier made of Go's own packages."""
    go = shutil.which("go")
    if go is None or not (GO_PATH / "src" / "golang.org" / "x" / "mod" / "sumdb").is_dir():
        pytest.skip("Go and golang-golang-x-mod-dev are not installed")
    made = tmp_path_factory.mktemp("outsider")
    env = {"GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOFLAGS": "", "GOCACHE": str(made / "c")}

    async def build() -> tuple[int, str]:
        return await run(go, "build", "-o", made / "outsider", OUTSIDER, **env)

    code, said = anyio.run(build)
    assert code == 0, said
    return made / "outsider"


async def test_go_verifies_a_bundle_and_finds_what_was_changed(
    given: Given, outsider: Path
) -> None:
    assert await run(outsider, given.folder, given.key) == (0, "ok 300 of 300")
    for change in ("a leaf", "a place", "the size", "an earlier checkpoint", "a proof of growth"):
        name, edit, _ = CHANGES[change]
        whole = (given.folder / name).read_text("utf-8")
        given.edit(name, edit)
        code, said = await run(outsider, given.folder, given.key)
        assert (code, said[:4]) == (1, "FAIL"), change
        (given.folder / name).write_text(whole, "utf-8")


async def test_a_bundle_of_some_records_holds_no_others(given: Given, tmp_path: Path) -> None:
    services = Services(data_dir=tmp_path / "log", log=structlog.get_logger())
    async with open_log(LocalSettings(), services) as log:
        ids = [record.record_id async for record in log.read()]
        chosen = [ids[255], ids[3]]
        made = await write_bundle(log, tmp_path / "some", record_ids=chosen, payloads=False)
        assert made == Bundle(size=300, records=2, checkpoints=2)
        with pytest.raises(UnresolvableRecord, match="no record x"):
            await write_bundle(log, tmp_path / "none", record_ids=["x"], payloads=False)
        await write_bundle(log, tmp_path / "gone", record_ids=[ids[150]], payloads=True)
        proof = await prove_record(log, ids[3])
        assert proof.startswith("c2sp.org/tlog-proof@v1\nindex 3\n")
        assert (await prove_growth(log, given.old.read_text("utf-8"))).startswith("old 200\n")
    text = (tmp_path / "some" / "records.jsonl").read_text("utf-8")
    assert [json.loads(line)["index"] for line in text.splitlines()] == [3, 255]
    assert "Grüße" not in text
    gone = (tmp_path / "gone" / "records.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["index"] for line in gone] == [150, 299], "with what says why"
    some = Given(tmp_path / "some", given.key, given.old)
    code, said = await script(some, "--old", some.old)
    assert (code, ": 2 of 300 records, " in said) == (0, True), said


async def test_growth_from_what_is_not_this_log_is_not_proved(tmp_path: Path) -> None:
    notes = []
    for name in ("one", "two"):
        services = Services(
            data_dir=tmp_path / name, keys_dir=tmp_path / "keys", log=structlog.get_logger()
        )
        async with open_log(LocalSettings(), services) as log:
            for number in range(3 if name == "one" else 5):
                await log.append(seal("settings", trace_id=str(number), facts={}))
            notes.append(await log.checkpoint())
            if name == "two":
                with pytest.raises(EvidenceCorrupt, match="does not go on from the checkpoint"):
                    await prove_growth(log, notes[0])
    services = Services(data_dir=tmp_path / "one", log=structlog.get_logger())
    async with open_log(LocalSettings(), services) as log:
        with pytest.raises(EvidenceCorrupt, match="of 5 records, and the log has 3"):
            await prove_growth(log, notes[1])
