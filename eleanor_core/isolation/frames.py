"""What crosses the pipe of a worker: a length of four bytes, a tag, then as many bytes.

The host makes a tag for each question and takes only the answer that bears it, so that nothing
which a worker wrote before can pass for the answer to what it was not yet asked. Towards the worker
a frame may be pickled, for the host made it. Towards the host it is JSON, and nothing else is ever
made of it.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Final, cast

from eleanor_core.codec import from_json, to_json
from eleanor_core.errors import describe
from eleanor_core.model import CriticResult, DetectorResult, JsonObject, JsonValue

TAG_BYTES: Final = 16
HEAD: Final = struct.Struct(f">I{TAG_BYTES}s")
MAX_FRAME: Final = 16 << 20
"""Bytes of the longest reply: above what the largest result that is accepted takes."""


READY: Final = b'{"form": "ready"}'


class MalformedError(Exception):
    """A result that breaks the contract; the message says how."""


class VoiceRaisedError(Exception):
    """What a voice raised in its worker, in words."""


def frame(data: bytes, tag: bytes) -> bytes:
    """Return the data with its length and its tag before it."""
    return HEAD.pack(len(data), tag) + data


def length_of(head: bytes, tag: bytes) -> int:
    """Return the length of the answer that begins so. Raises MalformedError if it is none."""
    length, answered = HEAD.unpack(head)
    if answered != tag:
        raise MalformedError("its worker wrote what is no answer to what it was asked")
    if length > MAX_FRAME:
        raise MalformedError(f"its reply is longer than {MAX_FRAME} bytes")
    return int(length)


def read_frame(descriptor: int) -> tuple[bytes, bytes] | None:
    """Read one frame, its data and its tag; None at the end. Blocks."""
    head = _read(descriptor, HEAD.size)
    if head is None:
        return None
    length, tag = HEAD.unpack(head)
    data = _read(descriptor, length)
    return None if data is None else (data, tag)


def write_frame(descriptor: int, data: bytes, tag: bytes) -> None:
    """Write one frame. Blocks."""
    rest = memoryview(frame(data, tag))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def parsed(data: bytes) -> JsonObject:
    """Return a reply as the object that it must be. Raises MalformedError."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"its reply is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise MalformedError(f"its reply is a {type(value).__name__}, not an object")
    return value


def said(result: object) -> bytes:
    """Return what a voice returned, as a reply."""
    if isinstance(result, CriticResult):
        form, name = "critic", result.critic
    elif isinstance(result, DetectorResult):
        form, name = "detector", result.detector
    else:
        return fault("malformed", f"returned {type(result).__name__}, not a result")
    try:
        wire = cast("dict[str, JsonValue]", to_json(result))
        body = {key: value for key, value in wire.items() if key not in ("status", "provenance")}
        return json.dumps({"form": form, "name": name, "result": body}).encode()
    except Exception as error:  # noqa: BLE001 -- a result that was tampered with may hold anything
        return fault("malformed", f"no JSON can be made of the result: {error}")


def raised(error: BaseException) -> bytes:
    """Return what a voice raised, as a reply."""
    return fault("raised", describe(error))


def fault(form: str, detail: str) -> bytes:
    """Return what went wrong, as a reply."""
    return json.dumps({"form": form, "detail": detail}).encode()


def outcome(reply: bytes) -> object:
    """Return the result in a reply. Raises VoiceRaisedError, and MalformedError for no result."""
    data = parsed(reply)
    form, detail = data.get("form"), str(data.get("detail"))
    if form == "raised":
        raise VoiceRaisedError(detail)
    if form == "malformed":
        raise MalformedError(detail)
    if form == "ready":
        return None
    try:
        return _result(str(form), str(data["name"]), cast("dict[str, JsonValue]", data["result"]))
    # What cattrs raises for wrong fields is a group, whose own message says little.
    except Exception as error:
        told = "; ".join(map(str, getattr(error, "exceptions", (error,))))
        raise MalformedError(told) from error


def _result(form: str, name: str, body: dict[str, JsonValue]) -> CriticResult | DetectorResult:
    if form == "critic":
        return from_json({**body, "critic": name}, CriticResult)
    signals = cast("list[dict[str, JsonValue]]", body["signals"])
    return from_json(
        {**body, "detector": name, "signals": [item | {"detector": name} for item in signals]},
        DetectorResult,
    )


def _read(descriptor: int, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = os.read(descriptor, min(size, 1 << 16))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
