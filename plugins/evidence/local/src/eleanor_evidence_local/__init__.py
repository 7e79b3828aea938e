"""ELEANOR's embedded evidence log: plain append-only files, and nothing to administer.

What is here is the registration alone; `log` and what it stands on are imported when a log opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

from eleanor_core.api import (
    EvidenceDeclaration,
    PluginSettings,
    Services,
    Signer,
    TransparencyLog,
    Witness,
    hookimpl,
    read_verifier_key,
)

__all__ = ["LocalSettings", "WitnessSettings", "eleanor_register_evidence", "open_log"]


class WitnessSettings(BaseModel):
    """One witness: where it is asked, and what its signatures are checked with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="Its prefix, before /add-checkpoint: https, or http on loopback.")
    key: str = Field(description="Its verifier key, NAME+ID+KEY.")

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        plain = not (parts.username or parts.password or parts.query or parts.fragment)
        if not (parts.hostname and plain):
            raise ValueError("must be an address such as https://witness.example.org/prefix")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("must start with https://; http:// is for this machine alone")
        return url

    @field_validator("key")
    @classmethod
    def _readable(cls, key: str) -> str:
        read_verifier_key(key)
        return key


class LocalSettings(PluginSettings):
    """Settings of the embedded log. None of them makes an acknowledged record less durable."""

    segment_bytes: int = Field(
        default=16 << 20,
        ge=4096,
        le=1 << 40,
        description="Size in bytes from which a segment or payload file is followed by a new one.",
    )
    queue: int = Field(
        default=10_000,
        ge=1,
        description="Most appends that may wait at once; one more is refused as overload.",
    )
    checkpoint_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Seconds after which a record that is under no signed checkpoint gets one.",
    )
    checkpoint_records: int = Field(
        default=8192,
        ge=1,
        description="Records without a checkpoint after which one is signed before its time.",
    )
    origin: str = Field(
        default="",
        description="Name of the log in its checkpoints, such as example.org/eleanor; it is taken "
        "when the first key is made. Empty: a random one.",
    )
    witnesses: tuple[WitnessSettings, ...] = Field(
        default=(),
        description="Witnesses that are asked to sign each checkpoint: url and key of each.",
    )
    witness_seconds: float = Field(
        default=5.0,
        gt=0,
        description="Seconds after which a witness is given up until the next checkpoint.",
    )


@asynccontextmanager
async def open_log(
    settings: LocalSettings,
    services: Services,
    *,
    signer: Signer | None = None,
    witnesses: Sequence[Witness] = (),
) -> AsyncIterator[TransparencyLog]:
    """Open the log in `services.data_dir`, for writing if no other process has it open so.

    Checkpoints are signed with the key in `services.keys_dir`, or by `signer`: whose key is
    elsewhere declares a sink of their own, whose factory calls this with it; in the same way with
    `witnesses` that are reached otherwise than over HTTP, besides those of the settings.
    """
    from eleanor_evidence_local.log import opened  # noqa: PLC0415 -- only when a log opens

    async with opened(settings, services, signer, witnesses) as log:
        yield log


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    """Declare the log under the name `local`."""
    return [
        EvidenceDeclaration(
            name="local",
            factory=open_log,
            settings=LocalSettings,
            summary="Append-only segment files with a rebuildable index; one writing process.",
        )
    ]
