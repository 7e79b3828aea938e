"""The keys that checkpoints are signed with: one private key, and every verifier key there was.

The private key is a file that only its owner can read, in the form of Go's `note` package. The
verifier keys stand in a file beside it, oldest first; none is ever taken out, so that what an old
key signed can be checked for ever. The library for Ed25519 is imported when it is first needed.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from eleanor_core.api import (
    EvidenceUnavailable,
    Signer,
    VerifierKey,
    is_key_name,
    read_verifier_key,
)
from eleanor_evidence_local.disk import make_folder, sync_folder, write_whole

_PRIVATE: Final = "PRIVATE+KEY+"
_SEED: Final = 32


class KeyFile:
    """The key in a file, as a `Signer`."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the key's name and its 32 bytes."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- 30 ms
            Ed25519PrivateKey,
        )

        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.name = name
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes, /) -> bytes:
        """Return the signature, 64 bytes."""
        return self._key.sign(message)


class Keys:
    """The keys of one log."""

    def __init__(
        self, folder: Path, log_name: str, origin: str = "", signer: Signer | None = None
    ) -> None:
        """Take the folder for keys, the log's name among others, and how it is called outside.

        `signer` signs in place of a key file. `origin` is taken when the first key is made; it
        must not change afterwards. Raises EvidenceUnavailable if it did, or cannot be a name.
        """
        self._private = folder / f"evidence-{log_name}.key"
        self.public_path = folder / f"evidence-{log_name}.pub"
        self._signer = signer
        known = self.verifiers()
        self._origin = known[-1].name if known else origin
        if origin and not is_key_name(origin):
            raise EvidenceUnavailable(f"the setting origin: {origin!r} has a space or a plus in it")
        if origin and self._origin != origin:
            raise EvidenceUnavailable(
                f"the setting origin says {origin!r}, and this log is {self._origin!r}, as its "
                f"keys in {self.public_path} say: a log cannot be renamed; set it back"
            )

    def verifiers(self) -> tuple[VerifierKey, ...]:
        """Return every key that this log signed with, oldest first."""
        try:
            lines = self.public_path.read_text("utf-8").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise EvidenceUnavailable(f"{self.public_path} cannot be read: {error}") from error
        try:
            return tuple(map(read_verifier_key, filter(None, lines)))
        except ValueError as error:
            raise EvidenceUnavailable(f"{self.public_path}: {error}") from error

    def signer(self, signed_as: str = "") -> Signer:
        """Return what signs now; the key is made where there is none. Raises EvidenceUnavailable.

        `signed_as`: the name on the log's checkpoints so far, if it has any; no other one may sign.
        That its verifier key is kept is on stable storage when this returns.
        """
        signer = self._signer or self._read()
        if signer is None and signed_as and not self.verifiers():
            raise EvidenceUnavailable(
                f"the keys of {signed_as} are gone: restore {self._private.name} and "
                f"{self.public_path.name} in {self._private.parent} from a copy"
            )
        signer = self._signer = signer or self._made()
        self._keep(signer, signed_as)
        return signer

    def replaced(self) -> tuple[Signer, Signer]:
        """Make a new key, to sign with from now on; return it, and the one before."""
        before = self.signer()
        if not isinstance(before, KeyFile):
            raise EvidenceUnavailable("this log's key is not in a file: change it where it is kept")
        self._signer = self._made()
        self._keep(self._signer)
        return self._signer, before

    def _read(self) -> KeyFile | None:
        try:
            text = self._private.read_text("utf-8").removesuffix("\n")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise EvidenceUnavailable(f"{self._private} cannot be read: {error}") from error
        name, _, rest = text.removeprefix(_PRIVATE).partition("+")
        with suppress(ValueError):
            raw = base64.b64decode(rest.partition("+")[2], validate=True)
            if raw[:1] == b"\x01" and len(raw) == _SEED + 1:
                key = KeyFile(name, raw[1:])
                if _text_of(key, raw[1:]) == text:
                    return key
        raise EvidenceUnavailable(
            f"{self._private} is not a private key: restore it from a copy, or move it away, and "
            "a new one is made"
        )

    def _made(self) -> KeyFile:
        seed = secrets.token_bytes(_SEED)
        name = self._origin or f"eleanor-log/{secrets.token_hex(8)}"
        key = KeyFile(name, seed)
        try:
            make_folder(self._private.parent)
            # Kept first: no signature is ever made that nobody can check.
            self._keep(key)
            write_whole(self._private, f"{_text_of(key, seed)}\n".encode())
            sync_folder(self._private.parent)
        except OSError as error:
            raise EvidenceUnavailable(f"{self._private} cannot be written: {error}") from error
        return key

    def _keep(self, signer: Signer, signed_as: str = "") -> None:
        key = VerifierKey(name=signer.name, public=signer.public)
        known = self.verifiers()
        if key in known:
            return
        name = known[-1].name if known else signed_as
        if name and key.name != name:
            raise EvidenceUnavailable(
                f"the key of {key.name} cannot sign for {name}: give it that name"
            )
        make_folder(self.public_path.parent)
        lines = "".join(f"{each}\n" for each in (*known, key))
        write_whole(self.public_path, lines.encode())
        sync_folder(self.public_path.parent)
        self._origin = key.name


def is_right(public: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the Ed25519 signature is that of `public` over `message` (RFC 8032)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- as above
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- as above
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _text_of(key: KeyFile, seed: bytes) -> str:
    verifier = VerifierKey(name=key.name, public=key.public)
    secret = base64.b64encode(b"\x01" + seed).decode()
    return f"{_PRIVATE}{key.name}+{verifier.key_id.hex()}+{secret}"


def in_words(keys: Sequence[VerifierKey]) -> str:
    """Return the names and ids of keys, for a message."""
    return ", ".join(f"{key.name}+{key.key_id.hex()}" for key in keys) or "none"
