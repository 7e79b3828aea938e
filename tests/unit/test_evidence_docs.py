"""The program in docs/evidence.md checks a real log, and finds what was changed in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anyio
import pytest
import structlog

from eleanor_core.api import EvidenceVerifier, Services
from eleanor_core.evidence import seal
from eleanor_core.model import JsonObject
from eleanor_core.testing.sinks import make_erasure

local = pytest.importorskip(
    "eleanor_evidence_local", reason="needs eleanor-evidence-local installed"
)
pytestmark = pytest.mark.anyio
PAGE = Path(__file__).parents[2] / "docs" / "evidence.md"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path / "check.py"
    path.write_text(code, "utf-8")
    return path


async def test_an_outsider_can_check_a_log(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "log"
    settings = local.LocalSettings(segment_bytes=4096)
    services = Services(data_dir=folder, log=structlog.get_logger())
    async with local.open_log(settings, services) as log:
        for n in range(30):
            parts: JsonObject = {
                "case": {"text": "Grüße \U0001f600", "n": [n, n / 7]},
                "result": None,
            }
            facts: JsonObject = {"decision": "allow", "score": n / 3}
            record = seal(
                "assessment", trace_id=str(n), facts=facts, payload=parts if n % 3 else {}
            )
            await log.append(record)
        await log.append(make_erasure(record))
        assert isinstance(log, EvidenceVerifier)
        report = await log.verify()
        assert report.sound
    assert await check(program, folder) == (0, f"31 {report.root}")
    for number, path in enumerate(files(folder)):
        whole = path.read_bytes()
        position = 397 * number % len(whole)
        changed = bytes([whole[position] ^ 1])
        path.write_bytes(whole[:position] + changed + whole[position + 1 :])
        code, said = await check(program, folder)
        assert code != 0, f"{path.name} at byte {position}: {said}"
        path.write_bytes(whole)
    path = min((folder / "payloads").iterdir())
    lines = path.read_bytes().splitlines(keepends=True)
    number, size, digest, _, words = lines[2].split(b" ", 4)
    lines[2] = b" ".join((number, size, digest, b"-" * 64, b"-" * (len(words) - 1) + b"\n"))
    path.write_bytes(b"".join(lines))
    code, said = await check(program, folder)
    assert code != 0
    assert "no erasure says why" in said


def files(folder: Path) -> list[Path]:
    return sorted([*folder.glob("segments/*"), *folder.glob("payloads/*")])


async def check(program: Path, folder: Path) -> tuple[int, str]:
    command = [sys.executable, str(program), str(folder)]
    result = await anyio.run_process(command, check=False)
    return result.returncode, (result.stdout + result.stderr).decode().strip()
