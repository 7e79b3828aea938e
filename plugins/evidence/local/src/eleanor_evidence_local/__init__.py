"""ELEANOR's embedded evidence log: plain append-only files, and nothing to administer.

What is here is the registration alone; `log` and what it stands on are imported when a log opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pydantic import Field

from eleanor_core.api import (
    EvidenceDeclaration,
    PluginSettings,
    Services,
    Signer,
    TransparencyLog,
    hookimpl,
)

__all__ = ["LocalSettings", "eleanor_register_evidence", "open_log"]


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


@asynccontextmanager
async def open_log(
    settings: LocalSettings, services: Services, *, signer: Signer | None = None
) -> AsyncIterator[TransparencyLog]:
    """Open the log in `services.data_dir`, for writing if no other process has it open so.

    Checkpoints are signed with the key in `services.keys_dir`, or by `signer`: whose key is
    elsewhere declares a sink of their own, whose factory calls this with it.
    """
    from eleanor_evidence_local.log import opened  # noqa: PLC0415 -- only when a log opens

    async with opened(settings, services, signer) as log:
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
