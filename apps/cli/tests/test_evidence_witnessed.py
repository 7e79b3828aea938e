"""A log whose checkpoints are co-signed: what `verify`, `doctor` and a bundle's reader make of it."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAME = "witness.example.org"
VERIFIER = Path(__file__).parents[3] / "docs" / "verify_bundle.py"


def key_of(private: Ed25519PrivateKey, name: str = NAME) -> tuple[bytes, str]:
    """The key's id, and its text."""
    public = b"\x04" + private.public_key().public_bytes_raw()
    key_id = hashlib.sha256(f"{name}\n".encode() + public).digest()[:4]
    return key_id, f"{name}+{key_id.hex()}+{base64.b64encode(public).decode()}"


@pytest.fixture
def witness():
    """A witness that signs whatever it is sent: the address and the key."""
    private = Ed25519PrivateKey.generate()
    key_id, key = key_of(private)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            text = body.partition(b"\n\n")[2].partition(b"\n\n")[0] + b"\n"
            now = int(time.time())
            signed = private.sign(b"cosignature/v1\ntime %d\n%b" % (now, text))
            value = base64.b64encode(key_id + now.to_bytes(8, "big") + signed).decode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"\u2014 {NAME} {value}\n".encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", key
    server.shutdown()
    server.server_close()
    thread.join()


def test_what_a_witness_signed_is_counted_and_what_it_did_not_is_told(eleanor, witness):
    url, key = witness

    def run(*arguments, asked=True, at=url):
        witnesses = json.dumps([{"url": at, "key": key}] if asked else [])
        return eleanor(
            *arguments,
            ELEANOR_PLUGINS__EXACT='["critics/stranger","evidence/local"]',
            ELEANOR_SINKS__LOCAL__SETTINGS__WITNESSES=witnesses,
        )

    assert run("evaluate", "a grave text", "--json").json["evidence"]
    said = f"{NAME} co-signed 1 checkpoint of 1, the newest of 2 records"
    ran = run("evidence", "verify")
    assert (ran.code, said in " ".join(ran.out.split())) == (0, True), ran.out
    # Who does not ask it, and was given its key, counts as well.
    ran = run("evidence", "verify", "--witness", key, "--json", asked=False)
    assert said in ran.json["local"]["notes"]
    _, other = key_of(Ed25519PrivateKey.generate(), "other.example.org")
    ran = run("evidence", "verify", "--witness", other, "--json", asked=False)
    assert ran.json["local"]["notes"] == ["other.example.org co-signed 0 checkpoints of 1"]
    ran = run("evidence", "verify", "--witness", "no key", asked=False)
    assert (ran.code, "--witness: this is not a verifier key" in ran.err) == (2, True)

    def told():
        findings = run("doctor", "--json").json["findings"]
        return [(item["state"], item["said"]) for item in findings if item["name"] == "witness"]

    assert told() == [("ok", f"{NAME} co-signed evidence/local: 2 records")]
    ran = run("evaluate", "another text", at="http://127.0.0.1:9")
    assert (ran.code, "gave no answer" in ran.err) == (0, True), ran.err
    assert told() == [("note", f"{NAME} co-signed 2 of 4 records in evidence/local")]

    note = run("evidence", "checkpoint").out
    assert f"\u2014 {NAME} " in note
    assert run("evidence", "export", "bundle").code == 0
    given = [sys.executable, "-I", VERIFIER, eleanor.work / "bundle"]
    read = subprocess.run(given, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stderr) == (0, ""), read.stdout
    assert (eleanor.work / "bundle" / "checkpoint").read_text("utf-8") == note
