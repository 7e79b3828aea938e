"""What is planted, how it is written, and how it is found again whatever was done to it.

Nothing here uses the code under test: what finds a leak must not share a blind spot with what is to
prevent it.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from urllib.parse import quote

from attrs import frozen

# Every canary begins and ends with the same few characters, so that all are found by a few searches,
# and one that was cut in two as well.
HEAD, TAIL, SHAPE = "Qz7xKv9Wp", "Jd4mHg8Rb", "Tn6yBc3L"
SHAPED = r"\bcnry_[A-Za-z0-9]{24}\b"
PERSON = "Quillon Vexley"

Write = Callable[[str], str]

KNOWN: Mapping[str, Write] = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 after a byte": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64 after two bytes": lambda text: base64.b64encode(b"xy" + text.encode() + b"z").decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal, upper case": lambda text: text.encode().hex(":").upper(),
    "URL": lambda text: quote(text, safe=""),
    "URL, every character": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "URL, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(json.dumps(text)),
    "Unicode escapes": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "HTML": lambda text: html.escape(text),
    "HTML, every character": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "over lines": lambda text: "\n".join(text[i : i + 6] for i in range(0, len(text), 6)),
    "over chunks": lambda text: json.dumps([text[i : i + 4] for i in range(0, len(text), 4)]),
}
"""How a known value is written where it is planted."""

SCANNED: Mapping[str, Write] = {
    name: KNOWN[name] for name in ("plain", "base64", "hexadecimal", "URL, every character")
}
"""How a secret that is known by its shape alone is written: as the scan decodes it."""


@frozen
class Canary:
    """What is planted at one position: a value that is known, and one that has a known shape."""

    number: int

    @property
    def known(self) -> str:
        """Return a value with the characters that encodings change."""
        return f"{HEAD}/{self.number:03}&+\"'<{TAIL}"

    @property
    def shaped(self) -> str:
        """Return a token of the shape that the panel declares."""
        return f"cnry_{SHAPE}{self.number:016}"

    def said(self, turn: int) -> str:
        """Return both as they are written in this turn: each turn is another pair of encodings."""
        shaped = [*SCANNED.values()][0 if turn < 0 else (turn + self.number) % len(SCANNED)]
        return f"{self.known_as(turn)} and {shaped(self.shaped)}"

    def known_as(self, turn: int) -> str:
        """Return the value as it is written in this turn; in a turn below 0 all is plain."""
        write = [*KNOWN.values()][0 if turn < 0 else (turn + self.number) % len(KNOWN)]
        return write(self.known)


def found(blob: bytes) -> list[str]:
    """Return every trace of a canary in `blob`, with what stands around it."""
    text = blob.decode("utf-8", "replace")
    traces = []
    for form in (text, re.sub(r"[^A-Za-z0-9]", "", text)):
        for name, trace in _traces():
            # Hexadecimal digits and letters of escapes may be of either case.
            where = form.find(trace) if name != "folded" else form.lower().find(trace)
            if where >= 0:
                traces.append(f"{trace} in ...{form[max(0, where - 60) : where + 90]}...")
    return traces


@cache
def _traces() -> tuple[tuple[str, str], ...]:
    parts = (HEAD, TAIL, SHAPE)
    exact = {trace for part in parts for trace in (part, *_in_base64(part))}
    folded = {trace.lower() for part in parts for trace in _in_digits(part)}
    return (*(("exact", trace) for trace in exact), *(("folded", trace) for trace in folded))


def _in_base64(part: str) -> Iterable[str]:
    """Return what base64 makes of these characters wherever they stand in what is encoded."""
    for before in range(3):
        code = base64.b64encode(bytes(before) + part.encode()).decode()
        yield code[-(-8 * before // 6) : 8 * (before + len(part)) // 6]


def _in_digits(part: str) -> Iterator[str]:
    yield part.encode().hex()
    yield "".join(f"%{ord(char):02x}" for char in part)
    yield "".join(f"\\u{ord(char):04x}" for char in part)
    yield "".join(f"u{ord(char):04x}" for char in part)
    yield "".join(f"&#{ord(char)};" for char in part)
    yield "".join(str(ord(char)) for char in part)
