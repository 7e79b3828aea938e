"""A proxy on this machine that spoils what passes through it: what a network and a server do.

For tests of whatever speaks HTTP to a store or a model. It runs in threads of its own, so it serves
either event loop.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

Fault: TypeAlias = Literal["slow", "reset", "truncate", "garbage"] | int
"""`slow`: the answer comes `delay` seconds late. `reset`: the connection is reset, no answer.
`truncate`: half of the answer. `garbage`: 200 with what is no JSON. A number: an answer with this
status, whose body repeats the request, headers and all."""

UPSTREAM_TIMEOUT: Final = 30.0
_OWN: Final = frozenset({"connection", "transfer-encoding", "content-length", "date", "server"})


class FaultProxy:
    """A context manager. `url` is the proxy's; set `fault` to spoil what comes, None to let it by.

    `times`: how many requests are still to be spoilt, None for all. `passed` counts all requests.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.fault: Fault | None = None
        self.times: int | None = None
        self.delay = 1.0
        self.passed = 0
        self._lock = threading.Lock()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def next_fault(self) -> Fault | None:
        """Count a request and return what is to be done to it."""
        with self._lock:
            self.passed += 1
            if self.times is None:
                return self.fault
            self.times -= 1
            return self.fault if self.times >= 0 else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        """Serve every method alike, those that HTTP does not know too."""
        if super().parse_request():
            self._serve()
        return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base's name
        """Write nothing."""

    def _serve(self) -> None:
        self.close_connection = True
        proxy = cast("_Server", self.server).proxy
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = proxy.next_fault()
        if fault == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif fault == "garbage":
            self._answer(200, [], b"<html>not what you asked")
        elif isinstance(fault, int):
            self._answer(fault, [], str(self.headers).encode() + body)
        else:
            if fault == "slow":
                time.sleep(proxy.delay)
            status, headers, answer = self._ask(proxy.upstream, body)
            cut = len(answer) // 2 if fault == "truncate" else len(answer)
            self._answer(status, headers, answer, cut)

    def _ask(self, upstream: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        host = urlsplit(upstream)
        client = http.client.HTTPConnection(
            host.hostname or "", host.port, timeout=UPSTREAM_TIMEOUT
        )
        try:
            client.request(self.command, self.path, body or None, dict(self.headers))
            answer = client.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        except OSError:
            return 502, [], b"the proxy cannot reach what is behind it"
        finally:
            client.close()

    def _answer(
        self, status: int, headers: list[tuple[str, str]], body: bytes, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body[:cut])
