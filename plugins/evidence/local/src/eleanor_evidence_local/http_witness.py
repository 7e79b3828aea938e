"""A witness that is reached over HTTP: the request `add-checkpoint` of C2SP `tlog-witness`."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from eleanor_core.api import EvidenceUnavailable, consistency_text, read_note

_LONGEST: Final = 1 << 14
"""Most bytes of an answer: far more than its few lines have."""
_MEANINGS: Final = {
    403: "it does not trust the key that signed",
    404: "it does not know this log: have it added there",
    422: "it does not take the proof",
}


class HttpWitness:
    """Sends checkpoints to a server. No redirect is followed, and no proxy asked."""

    def __init__(self, url: str, key: str, seconds: float) -> None:
        """Take the server's prefix, its verifier key, and after how long it is given up."""
        self.key = key
        self._url = urlsplit(url)
        self._seconds = seconds

    def cosign(self, checkpoint: str, old: int, proof: Sequence[bytes], /) -> Sequence[str] | int:
        """Return the lines, or the size that the witness knows. Raises EvidenceUnavailable."""
        body = consistency_text(old, proof, read_note(checkpoint)).encode()
        connection = self._connection()
        late = threading.Event()
        end: threading.Timer | None = None
        try:
            connection.connect()
            # The time-out of a socket begins again with each byte; this one does not.
            end = threading.Timer(self._seconds, _cut, [connection.sock, late])
            end.daemon = True
            end.start()
            connection.request("POST", f"{self._url.path.rstrip('/')}/add-checkpoint", body)
            response = connection.getresponse()
            text = response.read(_LONGEST).decode("utf-8")
            if late.is_set():
                raise TimeoutError
        except (OSError, HTTPException, UnicodeDecodeError) as error:
            why = str(error) if isinstance(error, OSError) else type(error).__name__
            if late.is_set():  # whatever it was in the midst of when it was cut off
                why = f"not all of it in {self._seconds:g} seconds"
            raise EvidenceUnavailable(f"{self._url.netloc} gave no answer: {why}") from error
        finally:
            if end is not None:
                end.cancel()
            connection.close()
        return self._read(response, text)

    def _connection(self) -> HTTPConnection:
        kind = HTTPConnection if self._url.scheme == "http" else HTTPSConnection
        return kind(self._url.hostname or "", self._url.port, timeout=self._seconds)

    def _read(self, response: HTTPResponse, text: str) -> Sequence[str] | int:
        if response.status == 200:
            return text.splitlines()
        size = text.removesuffix("\n")
        told = response.headers.get_content_type() == "text/x.tlog.size"
        if response.status == 409 and told and size.isascii() and size.isdecimal():
            return int(size)
        meaning = _MEANINGS.get(response.status, "that is no answer of a witness")
        raise EvidenceUnavailable(f"{self._url.netloc} answered {response.status}: {meaning}")


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
