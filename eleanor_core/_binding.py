"""What binds a record to its case, and a permission to both: the key of this installation.

The log must not hold a plain digest of a case: whoever reads it could try out what a mask hides, a
telephone number say. So digests are MACs, under a key that never goes into the log. It is kept in
`keys/gate.key`, because a review may take days, and other processes of one installation execute
what this one judged.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from eleanor_core._log import Logger
from eleanor_core.errors import describe
from eleanor_core.evidence import canonical
from eleanor_core.pipeline.gate import GateKeeper
from eleanor_core.pipeline.validate import ValidInput

KEY_BYTES: Final = 32
_log = Logger("eleanor.gate")


def bound(home: Path) -> Binding:
    """Return the binding of the installation in `home`.

    Where its key cannot be kept, one is made up: then this process alone can execute what it
    judges, and only until it ends. Judging goes on.
    """
    try:
        return Binding(load_key(home))
    except (OSError, ValueError) as error:
        _log.warning("gate_key_not_kept", reason=describe(error))
        return Binding(secrets.token_bytes(KEY_BYTES))


def load_key(home: Path) -> bytes:
    """Return the installation's key, made on first use. Raises OSError, or ValueError if damaged.

    Two processes that make it at once end up with one: what is linked first stays.
    """
    path = home / "keys" / "gate.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        _make(path)
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} holds {len(key)} bytes where a key of {KEY_BYTES} belongs")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first
            os.link(draft, path)
    finally:
        draft.unlink()


class Binding:
    """The digests of cases and actions, and the gate that seals permissions over them."""

    def __init__(self, key: bytes) -> None:
        self._hmac = hmac.new(key, digestmod="sha256")
        self.gate = GateKeeper(key)

    def case(self, trace_id: str, given: ValidInput) -> str:
        """Return the digest of a case as it was given, before any masking; hex.

        It is another one under each trace, so that the log does not tell which cases are alike.
        """
        text = given.text.encode()
        head = f"eleanor/case/1\n{trace_id}\n{given.kind}\n{len(text)}\n".encode()
        return self._mac(head + text + canonical(given.context))

    def action(self, name: str, case_digest: str) -> str:
        """Return the digest of the action called `name` on the case with this digest; hex."""
        return self._mac(f"eleanor/action/1\n{name}\n{case_digest}".encode())

    def _mac(self, message: bytes) -> str:
        # A copy of one that has the key takes half as long as to begin with the key.
        mac = self._hmac.copy()
        mac.update(message)
        return mac.hexdigest()
