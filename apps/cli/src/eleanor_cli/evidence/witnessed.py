"""What witnesses signed of a log: counted by whoever knows their keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from eleanor_core.api import (
    TransparencyLog,
    VerifierKey,
    check_note,
    read_checkpoint,
    read_note,
)


@frozen(kw_only=True)
class Witnessed:
    """How many checkpoints a witness signed, and how many records the newest of them holds."""

    checkpoints: int = 0
    records: int = 0


async def witnessed(
    log: TransparencyLog, keys: Iterable[VerifierKey]
) -> Mapping[VerifierKey, Witnessed]:
    """Return what each of `keys` co-signed; only signatures that state their time count.

    Raises EvidenceCorrupt at a damaged checkpoint, ValueError at a wrong signature of one of them.
    """
    found = {key: Witnessed() for key in keys}
    async for text in log.checkpoints():
        note = read_note(text)
        size = read_checkpoint(note).size
        for key, before in found.items():
            if any(signed.time is not None for signed in check_note(note, [key], _is_right)):
                found[key] = Witnessed(checkpoints=before.checkpoints + 1, records=size)
    return found


def _is_right(public: bytes, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
