"""Ed25519 (RFC 8032) for reviews: the one place that needs the package `cryptography`.

It comes with the extra `eleanor-core[review]`, and is imported when a signature is made or checked,
never before: who has nothing reviewed does not need it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from eleanor_core.errors import ReviewRefused, SigningUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def verifies(key: str, signature: str, message: bytes) -> bool:
    """Return whether `signature` (hex) over `message` is by the public key `key` (hex)."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 -- an extra
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- as above
            Ed25519PublicKey,
        )
    except ImportError as error:
        raise _missing() from error
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), message
        )
    except (InvalidSignature, ValueError):
        return False
    return True


class PrivateKey:
    """A reviewer's own key, in a file that nobody else can read."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @classmethod
    def create(cls, path: Path) -> PrivateKey:
        """Make a new key and write it to a new file (PEM, PKCS #8). Raises OSError, if it exists.

        Raises SigningUnavailable without `cryptography`.
        """
        try:
            from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 -- an extra
            from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- as above
                Ed25519PrivateKey,
            )
        except ImportError as error:
            raise _missing() from error
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        return cls(key)

    @classmethod
    def load(cls, path: Path) -> PrivateKey:
        """Read a key from its file. Raises OSError, or ReviewRefused if it is no Ed25519 key."""
        try:
            from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 -- an extra
            from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 -- as above
                Ed25519PrivateKey,
            )
        except ImportError as error:
            raise _missing() from error
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise ReviewRefused(
                "malformed",
                f"{path} holds no private key; `eleanor review keys new` makes a file with one",
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ReviewRefused("malformed", f"{path} holds another kind of key than Ed25519")
        return cls(key)

    @property
    def public(self) -> str:
        """The public key, 32 bytes, hex: what is registered."""
        return self._key.public_key().public_bytes_raw().hex()

    def sign(self, message: bytes) -> str:
        """Return the signature over `message`, 64 bytes, hex."""
        return self._key.sign(message).hex()


def _missing() -> SigningUnavailable:
    return SigningUnavailable(
        "a reviewer's signature cannot be made or checked here: the package 'cryptography' is not "
        "installed. Run: pip install 'eleanor-core[review]'"
    )
