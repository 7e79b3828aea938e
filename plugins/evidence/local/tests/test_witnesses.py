"""Witnesses: what they sign is kept, what they do wrong is told, and nothing waits for them."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eleanor_evidence_local import LocalSettings, open_log
from eleanor_evidence_local.keys import is_right
from pydantic import ValidationError

from eleanor_core.api import (
    EvidenceCorrupt,
    Services,
    WitnessedLog,
    check_note,
    read_checkpoint,
    read_note,
    read_verifier_key,
)

pytestmark = pytest.mark.anyio


def parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def goes_on(first: int, second: int, old: bytes, new: bytes, proof: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2, step by step: from the bits of the sizes, with no recursion."""
    if first == second or first == 0:
        return not proof and (first == 0 or old == new)
    path = [old, *proof] if first & (first - 1) == 0 else proof
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for node in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = parent(node, fr), parent(node, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = parent(sr, node)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr, sn) == (old, new, 0)


class Server:
    """A witness as C2SP `tlog-witness` has it, on loopback. It knows one log."""

    def __init__(self, name: str = "witness.example.org/w1", port: int = 0) -> None:
        self.name = name
        self._private = Ed25519PrivateKey.generate()
        self.size, self.root = 0, b""
        self.asked: list[int] = []
        self.statuses: list[int] = []
        self.lie: Callable[[bytes, bytes], bytes] | None = None
        self.drip = False
        self.status = 0
        self.open(port)

    def open(self, port: int) -> None:
        """Live, again after `kill`, and with what it knew."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, kind, answer = server.answered(self.path, body)
                server.statuses.append(status)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                for byte in answer:
                    time.sleep(0.05 * server.drip)
                    self.wfile.write(bytes([byte]))

            def handle(self) -> None:
                with suppress(OSError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()

    def kill(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def public(self) -> bytes:
        return b"\x04" + self._private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.public).digest()[:4]

    @property
    def key(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(self.public).decode()}"

    def answered(self, path: str, body: str) -> tuple[int, str, bytes]:
        """Return status, content type and body, by the order of checks in `tlog-witness`."""
        assert path == "/one/add-checkpoint", path
        head, _, note = body.partition("\n\n")
        first, *proof = head.split("\n")
        old = int(first.removeprefix("old "))
        text = note.partition("\n\n")[0] + "\n"
        size, root = text.split("\n")[1:3]
        self.asked.append(old)
        if self.status:
            return self.status, "text/plain", b"a word of its own\n"
        if old > int(size):
            return 400, "text/plain", b""
        if old != self.size or (old == int(size) and base64.b64decode(root) != self.root != b""):
            return 409, "text/x.tlog.size", f"{self.size}\n".encode()
        hashes = [base64.b64decode(line, validate=True) for line in proof]
        if not goes_on(old, int(size), self.root, base64.b64decode(root), hashes):
            return 422, "text/plain", b""
        if self.lie:
            return 200, "text/plain", self.lie(text.encode(), note.encode())
        self.size, self.root = int(size), base64.b64decode(root)
        return 200, "text/plain", self.line(text.encode())

    def line(self, text: bytes, name: str = "") -> bytes:
        """Return the signature line, stating the time."""
        now = int(time.time())
        value = self._private.sign(b"cosignature/v1\ntime %d\n%b" % (now, text))
        value = base64.b64encode(self.key_id + now.to_bytes(8, "big") + value).decode()
        return f"\u2014 {name or self.name} {value}\n".encode()


@pytest.fixture
def anyio_backend() -> str:
    """Witnesses are asked in threads: the loop has no part in it."""
    return "asyncio"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.kill()


@pytest.fixture
def open_it(folder: Path, said):
    """Open the log with these witnesses; own ones by `own`."""

    def opened(*servers: Server, own=(), seconds: float = 10.0):
        asked = [{"url": f"http://127.0.0.1:{it.port}/one", "key": it.key} for it in servers]
        settings = LocalSettings(witnesses=asked, witness_seconds=seconds)
        return open_log(settings, Services(data_dir=folder, log=said), witnesses=own)

    return opened


async def grow(log, seal, start: int, stop: int) -> str:
    """Return the checkpoint."""
    async with anyio.create_task_group() as group:
        for n in range(start, stop):
            group.start_soon(log.append, seal(n))
    return await log.checkpoint()


def signers(text: str, *servers: Server) -> list[str]:
    """The witnesses among these whose signature, with a time, is right under the note."""
    found = check_note(read_note(text), [read_verifier_key(each.key) for each in servers], is_right)
    return [signed.key.name for signed in found if signed.time]


async def test_each_checkpoint_is_signed_and_stays_so(open_it, seal, server: Server) -> None:
    sizes = [1, 2, 7, 255, 256, 300]
    async with open_it(server) as log:
        assert isinstance(log, WitnessedLog)
        assert await log.witnesses() == {server.key: 0}
        for start, stop in zip([0, *sizes], sizes, strict=False):
            assert signers(await grow(log, seal, start, stop), server) == [server.name]
        assert await log.witnesses() == {server.key: 300}
    assert server.asked == [0, *sizes[:-1]]
    async with open_it(server) as log:
        kept = [text async for text in log.checkpoints()]
        assert [read_checkpoint(read_note(text)).size for text in kept] == sizes
        assert all(signers(text, server) == [server.name] for text in kept)
        assert (await log.verify(known=kept)).sound
        # It has signed this one, and is not asked again.
        assert await log.checkpoint() == kept[-1]
    assert len(server.asked) == len(sizes)


async def test_the_last_one_is_signed_before_the_log_is_closed(
    open_it, seal, server: Server
) -> None:
    async with open_it(server) as log:
        await log.append(seal(0))
    assert (server.size, server.statuses) == (1, [200])
    async with open_it() as log:
        # Who is asked no more has signed all the same.
        assert await log.witnesses() == {}
        assert signers(await log.checkpoint(), server) == [server.name]


async def test_one_that_was_away_signs_the_next_checkpoint(
    open_it, seal, server: Server, said
) -> None:
    async with open_it(server) as log:
        await grow(log, seal, 0, 3)
        server.kill()
        for n in (3, 4):
            assert signers(await grow(log, seal, n, n + 1), server) == []
        assert await log.witnesses() == {server.key: 3}
        told = [line for line in said.lines if "not witnessed" in line]
        assert len(told) == 1
        assert "gave no answer" in told[0]
        server.open(server.port)
        assert signers(await grow(log, seal, 5, 6), server) == [server.name]
    assert server.asked == [0, 3]
    assert "signs again" in said.lines[-1]


@pytest.mark.parametrize("known", [0, 2, 3], ids=["nothing", "less", "more"])
async def test_one_that_knows_another_size_is_asked_from_there(
    open_it, seal, folder: Path, server: Server, known: int
) -> None:
    async with open_it(server) as log:
        notes = [await grow(log, seal, n, n + 1) for n in range(3)]
        if known == 3:
            # It signed, and we lost what it signed: only this log's own file says otherwise.
            file = folder / "cosigned" / server.key_id.hex()
            file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:1]), "utf-8")
        else:
            server.size = known
            server.root = read_checkpoint(read_note(notes[known - 1])).root if known else b""
        server.asked.clear()
        server.statuses.clear()
    async with open_it(server) as log:
        assert signers(await grow(log, seal, 3, 5), server) == [server.name]
    assert server.asked == [1 if known == 3 else 3, known]
    assert server.statuses == [409, 200]


@pytest.mark.parametrize(
    ("size", "root", "expected"),
    [(9, b"", "knows this log with 9 records, and there are 3"), (3, b"x" * 32, "take the proof")],
    ids=["it is ahead", "it knows another log of that size"],
)
async def test_one_that_saw_another_log_is_told_of(
    open_it, seal, server: Server, said, size: int, root: bytes, expected: str
) -> None:
    server.size, server.root = size, root
    async with open_it(server) as log:
        assert signers(await grow(log, seal, 0, 3), server) == []
        assert (await log.verify()).sound
    assert expected in said.lines[-1]
    assert len(server.asked) <= 4


@pytest.mark.parametrize("status", [403, 404, 409, 422, 500, 302])
async def test_one_that_refuses_is_told_of(
    open_it, seal, server: Server, said, status: int
) -> None:
    server.status = status
    async with open_it(server) as log:
        assert signers(await grow(log, seal, 0, 3), server) == []
    assert f"answered {status}" in said.lines[-1]
    # What it says stays outside: nobody knows whose words those are.
    assert "a word" not in "".join(said.lines)


LIES = {
    "over another tree": lambda server, text, note: server.line(text.replace(b"\n3\n", b"\n4\n")),
    "by another key": lambda server, text, note: Server.line(server.other, text),
    "by another key under its name": lambda server, text, note: server.other.line(
        text, server.name
    ),
    "the log's own lines": lambda server, text, note: note.partition(b"\n\n")[2],
    "another note": lambda server, text, note: b"\nmore\n\n" + server.line(text),
    "no line": lambda server, text, note: b"",
    "no text": lambda server, text, note: b"\xff\xfe\n",
    "too long": lambda server, text, note: server.line(text) * 1000,
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
async def test_a_signature_that_is_not_right_is_dropped_and_told(
    open_it, seal, folder: Path, server: Server, said, lie
) -> None:
    server.other = Server()
    try:
        server.lie = lambda text, note: lie(server, text, note)
        async with open_it(server) as log:
            note = await grow(log, seal, 0, 3)
            assert len(read_note(note).signatures) == 2
            assert [text async for text in log.checkpoints()] == [note]
            assert (await log.verify()).sound
        assert "not witnessed" in said.lines[-1]
        assert not (folder / "cosigned").exists()
    finally:
        server.other.kill()


async def test_lines_of_others_are_passed_over(open_it, seal, server: Server) -> None:
    other = Server("other.example.org")
    try:
        server.lie = lambda text, note: other.line(text) + server.line(text)
        async with open_it(server) as log:
            note = await grow(log, seal, 0, 3)
        assert signers(note, server, other) == [server.name]
    finally:
        other.kill()


async def test_a_slow_one_keeps_back_nobody(open_it, seal, server: Server, said) -> None:
    slow = Server("slow.example.org")
    slow.drip = True
    try:
        async with open_it(server, slow, seconds=0.5) as log:
            note = await grow(log, seal, 0, 3)
            assert signers(note, server, slow) == [server.name]
            started = time.monotonic()
            await log.append(seal(3))
            assert time.monotonic() - started < 0.4
            assert await log.witnesses() == {server.key: 3, slow.key: 0}
        # Given up though each byte came in time.
        assert any("not all of it in 0.5 seconds" in line for line in said.lines)
    finally:
        slow.kill()


class Failing:
    """A witness of somebody's own, which raises, or answers what is none."""

    def __init__(self, key: str, answers: Sequence[object]) -> None:
        self.key = key
        self.answers = [*answers]

    def cosign(self, checkpoint: str, old: int, proof: Sequence[bytes], /):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_one_of_your_own_may_do_anything(open_it, seal, server: Server, said) -> None:
    answers = [RuntimeError("out of order"), -1, 1, ["\u2014 x y"], [3], None]
    own = Failing(server.key, answers)
    async with open_it(own=[own]) as log:
        for n in range(5):
            assert signers(await grow(log, seal, n, n + 1), server) == []
    assert "out of order" in next(line for line in said.lines if "not witnessed" in line)
    assert own.answers == []


async def test_what_was_never_finished_counts_for_nothing_and_damage_is_found(
    open_it, seal, folder: Path, server: Server
) -> None:
    async with open_it(server) as log:
        await grow(log, seal, 0, 3)
    (file,) = (folder / "cosigned").iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole + whole[:50])
    async with open_it(server) as log:
        assert signers(await grow(log, seal, 3, 4), server) == [server.name]
        assert [len(read_note(text).signatures) async for text in log.checkpoints()] == [3, 3]
    file.write_bytes(file.read_bytes().replace(b"\\n3\\n", b"\\nx\\n", 1))
    async with open_it(server) as log:
        with pytest.raises(EvidenceCorrupt, match="cosigned"):
            [text async for text in log.checkpoints()]
        (finding,) = (await log.verify()).findings
        assert finding.what == "this is not the line of a checkpoint"


@pytest.mark.parametrize(
    "url",
    ["http://witness.example.org", "ftp://localhost", "https://", "https://a:b@c", "https://a?b"],
)
def test_only_encrypted_addresses_are_taken(url: str) -> None:
    with pytest.raises(ValidationError, match=r"must (be|start)[\s\S]*not a verifier key"):
        LocalSettings(witnesses=[{"url": url, "key": "w1+00+AA=="}])
