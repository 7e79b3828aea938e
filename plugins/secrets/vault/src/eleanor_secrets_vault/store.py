"""The server as a store of secrets: KV of both versions, and secrets that are leased."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import hvac
from attrs import frozen

from eleanor_core.api import (
    SecretNotFound,
    SecretRef,
    SecretUnavailable,
    SecretValue,
    SecretVersions,
    value_of,
    with_value,
)
from eleanor_secrets_vault.session import Session
from eleanor_secrets_vault.wire import Answer, RefusedError, part, seconds

RENEW_BELOW: Final = 0.4
"""Of a lease: where less is left it is renewed, or another one taken."""


@frozen
class Place:
    """Where a reference leads. `version`: of KV, 0 for an engine that leases."""

    mount: str
    path: str
    version: int


@frozen
class Lease:
    """Leased data: it is valid for some seconds, which the server may prolong."""

    id: str
    data: SecretValue
    since: float
    duration: float
    first_duration: float
    renewable: bool

    @property
    def left(self) -> float:
        """Seconds until the data is no longer valid."""
        return self.since + self.duration - time.monotonic()


class Store:
    """Plain calls that wait, for threads."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._mounts: dict[str, int] = {}
        self._leases: dict[str, Lease] = {}
        self._given_up: list[Lease] = []
        self._lock = threading.Lock()

    def read(self, ref: SecretRef) -> SecretVersions:
        """Return what is valid now. In KV version 2 that is the current version and the last."""
        place = self._place(ref)
        match place.version:
            case 1:
                answer = self._send(
                    ref,
                    lambda c: c.secrets.kv.v1.read_secret(path=place.path, mount_point=place.mount),
                )
                return SecretVersions(values=(value_of(ref, _text(answer, "data")),))
            case 2:
                return self._versions(ref, place)
        return self._leased(ref)

    def put(self, ref: SecretRef, value: SecretValue) -> str:
        """Store `value` beside the other keys. KV version 2 refuses if somebody else was faster."""
        place = self._place(ref)
        if not ref.key or not place.version:
            raise SecretUnavailable(
                f"{ref}: only a key of a KV secret can be changed: write mount/path#key"
            )
        if place.version == 1:
            whole, _ = self._whole(
                ref, lambda c: c.secrets.kv.v1.read_secret(path=place.path, mount_point=place.mount)
            )
            data = _data(with_value(ref, whole, value))
            self._send(
                ref,
                lambda c: c.secrets.kv.v1.create_or_update_secret(
                    path=place.path, secret=data, mount_point=place.mount
                ),
            )
            return ""
        whole, version = self._version(ref, place, None)
        data = _data(with_value(ref, whole, value))
        try:
            answer = self._send(
                ref,
                lambda c: c.secrets.kv.v2.create_or_update_secret(
                    path=place.path, secret=data, cas=version, mount_point=place.mount
                ),
            )
        except RefusedError:
            raise SecretUnavailable(
                f"{ref}: somebody else changed it meanwhile (400): look at it, and try again"
            ) from None
        return str(part(answer, "data").get("version", ""))

    def retire(self, ref: SecretRef) -> int:
        """Destroy every version before the current one. KV version 1 keeps none."""
        place = self._place(ref)
        if place.version != 2:
            return 0
        answer = self._send(
            ref,
            lambda c: c.secrets.kv.v2.read_secret_metadata(
                path=place.path, mount_point=place.mount
            ),
        )
        current = int(seconds(part(answer, "data"), "current_version"))
        former = [
            int(number)
            for number, about in part(answer, "data", "versions").items()
            if int(number) < current and not (isinstance(about, Mapping) and about.get("destroyed"))
        ]
        if former:
            self._send(
                ref,
                lambda c: c.secrets.kv.v2.destroy_secret_versions(
                    path=place.path, versions=former, mount_point=place.mount
                ),
            )
        return len(former)

    def forget(self, path: str) -> None:
        """Let the next `read` of a leased path take another lease.

        The one before it is not given back yet: somebody may still be using it.
        """
        with self._lock:
            if lease := self._leases.pop(path, None):
                self._given_up = [lease, *(old for old in self._given_up if old.left > 0)]

    def close(self) -> None:
        """Give back all leases, then the token."""
        with self._lock:
            taken = [*self._leases.values(), *self._given_up]
        for lease in taken:
            self._session.send("giving back a lease", partial(_revoke, lease.id))
        self._session.log_out()

    # -- KV ---------------------------------------------------------------------------------------

    def _versions(self, ref: SecretRef, place: Place) -> SecretVersions:
        whole, version = self._version(ref, place, None)
        current, former = value_of(ref, whole), self._former(ref, place, version - 1)
        return SecretVersions(values=(current, *former), version=str(version))

    def _former(self, ref: SecretRef, place: Place, version: int) -> tuple[SecretValue, ...]:
        """Return the value of an earlier version, unless that is deleted or was without the key."""
        try:
            return (value_of(ref, self._version(ref, place, version)[0]),) if version > 0 else ()
        except SecretNotFound:
            return ()

    def _version(
        self, ref: SecretRef, place: Place, version: int | None
    ) -> tuple[SecretValue, int]:
        return self._whole(
            ref,
            lambda c: c.secrets.kv.v2.read_secret_version(
                path=place.path,
                version=version,
                mount_point=place.mount,
                raise_on_deleted_version=True,
            ),
            "data",
        )

    def _whole(
        self, ref: SecretRef, request: Callable[..., object], *keys: str
    ) -> tuple[SecretValue, int]:
        answer = self._send(ref, request)
        number = seconds(part(answer, "data", "metadata"), "version")
        return _text(answer, *keys, "data"), int(number)

    def _place(self, ref: SecretRef) -> Place:
        """Find the mount of a path: the server tells whoever may read below it."""
        path = ref.path.strip("/")
        for mount, version in self._mounts.items():
            if path.startswith(f"{mount}/"):
                return Place(mount, path[len(mount) + 1 :], version)
        answer = part(
            self._send(ref, lambda c: c.adapter.get(f"/v1/sys/internal/ui/mounts/{path}")), "data"
        )
        mount = str(answer.get("path", "")).strip("/")
        if not (mount and path.startswith(f"{mount}/")):
            raise SecretNotFound(f"{ref}: no mount and path; write mount/path#key")
        kv = answer.get("type") == "kv"
        version = int(str(part(answer, "options").get("version") or 1)) if kv else 0
        self._mounts[mount] = version
        return Place(mount, path[len(mount) + 1 :], version)

    def _send(self, ref: SecretRef, request: Callable[..., object]) -> Answer:
        return self._session.send(str(ref), request)

    # -- leases -----------------------------------------------------------------------------------

    def _leased(self, ref: SecretRef) -> SecretVersions:
        with self._lock:
            held = self._leases.get(ref.path)
            if not held or held.left <= held.duration * RENEW_BELOW:
                held = (held and self._renewed(ref, held)) or self._taken(ref)
            if not held.id:
                return SecretVersions(values=(value_of(ref, held.data),))
            self._leases[ref.path] = held
        if ref.key:
            raise SecretNotFound(
                f"{ref}: this secret is leased, and its parts belong together: leave out the key, "
                "and read the parts from the JSON object"
            )
        return SecretVersions(values=(held.data,), lease=max(0.0, held.left))

    def _taken(self, ref: SecretRef) -> Lease:
        answer = self._send(ref, lambda c: c.read(ref.path))
        duration = seconds(answer, "lease_duration")
        return Lease(
            id=str(answer.get("lease_id") or ""),
            data=_text(answer, "data"),
            since=time.monotonic(),
            duration=duration,
            first_duration=duration,
            renewable=answer.get("renewable") is True,
        )

    def _renewed(self, ref: SecretRef, held: Lease) -> Lease | None:
        """Return the lease prolonged, or None where it ends: then another one is taken."""
        if not (held.renewable and held.id):
            return None
        try:
            answer = self._send(ref, lambda c: c.sys.renew_lease(lease_id=held.id))
        except (RefusedError, SecretNotFound):
            return None
        duration = seconds(answer, "lease_duration")
        if duration < held.first_duration / 2:
            return None
        return Lease(
            id=held.id,
            data=held.data,
            since=time.monotonic(),
            duration=duration,
            first_duration=held.first_duration,
            renewable=answer.get("renewable") is True,
        )


def _revoke(lease_id: str, client: hvac.Client) -> object:
    return client.sys.revoke_lease(lease_id=lease_id)


def _text(answer: Answer, *keys: str) -> SecretValue:
    return SecretValue(json.dumps(part(answer, *keys)))


def _data(whole: SecretValue) -> dict[str, object]:
    data: dict[str, object] = json.loads(whole.reveal())
    return data
