"""A log to try things on, records made by hand, and both event loops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from eleanor_evidence_local import LocalSettings, disk, journal, open_log
from eleanor_evidence_local.keys import Keys
from eleanor_evidence_local.notary import Signing
from eleanor_evidence_local.store import Store

from eleanor_core.api import EvidenceSink, SealedRecord, Services

Seal: TypeAlias = Callable[..., SealedRecord]
OpenLog: TypeAlias = Callable[..., AbstractAsyncContextManager[EvidenceSink]]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)


class Said:
    """A structured logger that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def debug(self, event: str, **fields: object) -> None:
        self.lines.append(f"debug {event} {fields}")

    def info(self, event: str, **fields: object) -> None:
        self.lines.append(f"info {event} {fields}")

    def warning(self, event: str, **fields: object) -> None:
        self.lines.append(f"warning {event} {fields}")

    def error(self, event: str, **fields: object) -> None:
        self.lines.append(f"error {event} {fields}")


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "evidence"


@pytest.fixture
def open_it(folder: Path, said: Said) -> OpenLog:
    """Open the log in `folder` with the settings given."""

    def opened(**settings: int) -> AbstractAsyncContextManager[EvidenceSink]:
        return open_log(LocalSettings(**settings), Services(data_dir=folder, log=said))

    return opened


@pytest.fixture
def store(folder: Path, said: Said, signing_of: Callable[[Path], Signing]) -> Callable[[], Store]:
    """Open the log's files without a thread."""
    return partial(Store, folder, 1 << 20, said, signing_of(folder))


@pytest.fixture
def signing_of() -> Callable[[Path], Signing]:
    """What signs the log in a folder, with the default settings."""

    def signing(folder: Path) -> Signing:
        settings = LocalSettings()
        keys = Keys(folder.parent / "keys", folder.name)
        return Signing(keys, settings.checkpoint_records, settings.checkpoint_seconds)

    return signing


@pytest.fixture
def replace_sync(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], None]], None]:
    """Have every sync of a file done by another function."""

    def replace(sync: Callable[[int], None]) -> None:
        for module in (disk, journal):
            monkeypatch.setattr(module, "sync", sync)

    return replace


def canonical(value: object) -> bytes:
    """RFC 8785 for ASCII keys, ASCII text and small integers, which is all that is used here."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


@pytest.fixture
def seal() -> Seal:
    """Make records: the `n`th with a text as its payload, None for no payload."""

    def sealed(n: int, text: str | None = "hello", **facts: object) -> SealedRecord:
        salt = hashlib.sha256(str(n).encode()).digest()
        value = canonical({"text": text})
        record_id = f"01900000-0000-7000-8000-{n:012x}"
        commitment = hashlib.sha256(salt + value).hexdigest()
        leaf = canonical(
            {
                "commitments": {} if text is None else {"case": commitment},
                "facts": facts,
                "kind": "assessment",
                "record_id": record_id,
                "schema": "eleanor/record/1",
                # Later than any checkpoint that is signed here.
                "time": "2126-01-31T12:00:00.000000Z",
                "trace_id": f"trace-{n}",
            }
        )
        payload = b'{"case":{"salt":"%b","value":%b}}' % (salt.hex().encode(), value)
        return SealedRecord(
            record_id=record_id,
            leaf_hash=hashlib.sha256(b"\x00" + leaf).hexdigest(),
            leaf=leaf,
            payload=b"" if text is None else payload,
        )

    return sealed
