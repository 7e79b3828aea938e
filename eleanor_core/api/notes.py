"""Signed notes, and the checkpoints that are written as such: the texts an outsider reads.

The formats are C2SP's: `signed-note`, `tlog-checkpoint`, `tlog-cosignature`, `tlog-proof` and the
request of `tlog-witness` (c2sp.org). Nothing here computes a signature: a `Signer` makes it, and
whoever checks one brings the library for it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from attrs import field, frozen

from eleanor_core.api.protocols import Signer

ED25519: Final = 0x01
"""Signature type of a note's own Ed25519 signature."""
COSIGNATURE: Final = 0x04
"""Signature type of an Ed25519 signature that states when it was made (`cosignature/v1`)."""

Ed25519Check: TypeAlias = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> whether the signature is right (RFC 8032)."""

_KEY_BYTES: Final = 32
_HASH_BYTES: Final = 32
_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_MOST_SIGNATURES: Final = 64


@frozen(kw_only=True)
class VerifierKey:
    """What checks a key's signatures. Its text form is `name+id+key`, as in `signed-note`."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """Four bytes that stand in the signature beside the name."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        key = _base64(bytes([self.kind]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{key}"


def read_verifier_key(text: str) -> VerifierKey:
    """Return the key that a line states. Raises ValueError."""
    name, _, rest = text.partition("+")
    stated, _, key = rest.partition("+")
    raw = _bytes(key)
    found = VerifierKey(name=name, kind=raw[0] if raw else 0, public=raw[1:])
    if not is_key_name(name) or len(found.public) != _KEY_BYTES or found.key_id.hex() != stated:
        raise ValueError("this is not a verifier key: NAME+ID+KEY, as in C2SP signed-note")
    return found


def is_key_name(name: str) -> bool:
    """Return whether a key can have this name."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name))


@frozen(kw_only=True)
class Signature:
    """A signature line: who says to have signed, with what key, and the rest of its bytes."""

    name: str
    key_id: bytes
    value: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"\u2014 {self.name} {_base64(self.key_id + self.value)}"


@frozen(kw_only=True)
class Note:
    """A text, which ends in a line feed, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n" + "".join(f"{signature}\n" for signature in self.signatures)


def read_note(text: str) -> Note:
    """Return the note. Raises ValueError if a character of it is not where it belongs."""
    body, gap, lines = text.rpartition("\n\n")
    signatures = tuple(map(_signature, lines.split("\n")[:_MOST_SIGNATURES]))[:-1]
    note = Note(text=f"{body}\n", signatures=signatures)
    signed = signatures and all(is_key_name(line.name) and line.value for line in signatures)
    if not gap or not signed or str(note) != text or not _is_plain(text):
        raise ValueError("this is not a signed note: a text, an empty line, and signatures")
    return note


@frozen(kw_only=True)
class Checkpoint:
    """What a log says of itself: its name, how many leaves, and the root of the tree over them."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def read_checkpoint(note: Note) -> Checkpoint:
    """Return what a note says of a log; extension lines are passed over. Raises ValueError."""
    origin, size, root, *extensions = (*note.text.split("\n"), "", "")
    if origin and size.isascii() and size.isdecimal():
        found = Checkpoint(origin=origin, size=int(size), root=_bytes(root))
        whole = "\n".join((*str(found).split("\n")[:-1], *filter(None, extensions), ""))
        if len(found.root) == _HASH_BYTES and whole == note.text:
            return found
    raise ValueError("this is not a checkpoint: an origin, a size and a root hash, a line each")


def sign_checkpoint(checkpoint: Checkpoint, time: int, signers: Iterable[Signer]) -> Note:
    """Return the checkpoint as a note with two lines of each signer.

    The first is its Ed25519 signature, the second one that states `time` as well, in seconds since
    the epoch. Raises whatever a signer raises.
    """
    text = str(checkpoint)
    lines: list[Signature] = []
    for signer in signers:
        for kind, prefix in ((ED25519, b""), (COSIGNATURE, time.to_bytes(_TIME_BYTES, "big"))):
            key = VerifierKey(name=signer.name, public=signer.public, kind=kind)
            value = prefix + signer.sign(_message(kind, text, prefix))
            lines.append(Signature(name=key.name, key_id=key.key_id, value=value))
    return Note(text=text, signatures=tuple(lines))


@frozen(kw_only=True)
class Signed:
    """A key whose signature under a note is right. `time`: what it says of when, or None."""

    key: VerifierKey
    time: int | None = None


def check_note(note: Note, keys: Iterable[VerifierKey], check: Ed25519Check) -> tuple[Signed, ...]:
    """Return which of `keys` signed the note; lines of other keys are passed over.

    A key counts for both kinds of signature. Raises ValueError if the line of a known key is wrong.
    """
    known = {
        (key.name, key.key_id): key
        for given in keys
        for key in (
            VerifierKey(name=given.name, public=given.public, kind=kind)
            for kind in (ED25519, COSIGNATURE)
        )
    }
    found: list[Signed] = []
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        length = _TIME_BYTES if key.kind == COSIGNATURE else 0
        prefix, signature = line.value[:length], line.value[length:]
        if not check(key.public, _message(key.kind, note.text, prefix), signature):
            raise ValueError(f"the signature of {line.name}+{line.key_id.hex()} is wrong")
        found.append(Signed(key=key, time=int.from_bytes(prefix, "big") if length else None))
    return tuple(found)


def inclusion_text(index: int, proof: Sequence[bytes], checkpoint: Note) -> str:
    """Return the proof that a record is under a checkpoint, as a `tlog-proof`."""
    return _proof_text(f"c2sp.org/tlog-proof@v1\nindex {index}", proof, checkpoint)


def consistency_text(old: int, proof: Sequence[bytes], checkpoint: Note) -> str:
    """Return the proof that a checkpoint goes on from `old` records: what a witness is sent."""
    return _proof_text(f"old {old}", proof, checkpoint)


def _proof_text(head: str, proof: Sequence[bytes], checkpoint: Note) -> str:
    return "\n".join((head, *map(_base64, proof), "", str(checkpoint)))


def _message(kind: int, text: str, prefix: bytes) -> bytes:
    if kind == COSIGNATURE:
        text = f"cosignature/v1\ntime {int.from_bytes(prefix, 'big')}\n{text}"
    return text.encode()


def _signature(line: str) -> Signature:
    _, _, rest = line.partition("\u2014 ")
    name, _, value = rest.rpartition(" ")
    raw = _bytes(value)
    return Signature(name=name, key_id=raw[:_ID_BYTES], value=raw[_ID_BYTES:])


def _is_plain(text: str) -> bool:
    return all(character >= " " or character == "\n" for character in text)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    """Return what the text encodes; nothing where it is not the one encoding of its bytes."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if _base64(raw) == text else b""
