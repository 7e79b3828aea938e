"""ELEANOR's embedded evidence log: plain append-only files, and nothing to administer.

What is here is the registration alone; `log` and what it stands on are imported when a log opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pydantic import Field

from eleanor_core.api import (
    EvidenceDeclaration,
    EvidenceSink,
    PluginSettings,
    Services,
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


@asynccontextmanager
async def open_log(settings: LocalSettings, services: Services) -> AsyncIterator[EvidenceSink]:
    """Open the log in `services.data_dir`, for writing if no other process has it open so."""
    from eleanor_evidence_local.log import opened  # noqa: PLC0415 -- only when a log opens

    async with opened(settings, services) as log:
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
