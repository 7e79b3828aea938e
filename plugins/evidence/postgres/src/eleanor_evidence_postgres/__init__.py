"""ELEANOR's evidence log in PostgreSQL: for services of several processes and machines.

What is here is the registration alone; `log` and the driver are imported when a log opens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from pydantic import Field, field_validator

from eleanor_core.api import (
    EvidenceDeclaration,
    EvidenceSink,
    PluginSettings,
    SecretRef,
    Services,
    hookimpl,
)

__all__ = ["PostgresSettings", "eleanor_register_evidence", "open_log"]


class PostgresSettings(PluginSettings):
    """Settings of the log in PostgreSQL. None makes an acknowledged record less durable."""

    host: str = Field(
        default="localhost", min_length=1, description="The server: a name, or a socket's folder."
    )
    port: int = Field(default=5432, ge=1, le=65535, description="The server's port.")
    database: str = Field(default="eleanor", min_length=1, description="Name of the database.")
    user: str = Field(default="eleanor", min_length=1, description="Role that logs in.")
    password: str | None = Field(
        default=None,
        description="Reference to the role's password, provider:path#key; none where the server "
        "asks for none.",
        examples=["vault:kv/evidence#password"],
    )
    sslmode: str = Field(
        default="prefer",
        pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$",
        description="How far TLS is insisted on, as libpq names it; verify-full over a network.",
    )
    schema_name: str = Field(
        default="eleanor_evidence",
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description="Schema that holds the log; one log a schema.",
    )
    timeout: float = Field(
        default=5.0,
        ge=0.1,
        le=60.0,
        description="Seconds that connecting, waiting for a lock or one statement may take.",
    )
    queue: int = Field(
        default=10_000,
        ge=1,
        description="Most appends that may wait at once; one more is refused as overload.",
    )

    @field_validator("password")
    @classmethod
    def _reference(cls, text: str | None) -> str | None:
        if text is not None:
            SecretRef.parse(text)
        return text


@asynccontextmanager
async def open_log(settings: PostgresSettings, services: Services) -> AsyncIterator[EvidenceSink]:
    """Open the log; its tables are made where they are missing."""
    from eleanor_evidence_postgres.log import opened  # noqa: PLC0415 -- only when a log opens

    async with opened(settings, services) as log:
        yield log


@hookimpl
def eleanor_register_evidence() -> Iterable[EvidenceDeclaration]:
    """Declare the log under the name `postgres`."""
    return [
        EvidenceDeclaration(
            name="postgres",
            factory=open_log,
            settings=PostgresSettings,
            summary="A log in PostgreSQL, for several processes and machines.",
        )
    ]
