"""Decided cases in PostgreSQL with pgvector: for services of several processes and machines.

What is here is the registration alone; the store and the driver are imported when it is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import Field, field_validator

from eleanor_core.api import (
    EleanorError,
    PluginSettings,
    PrecedentsDeclaration,
    PrecedentStore,
    SecretRef,
    Services,
    hookimpl,
)

__all__ = ["PgvectorSettings", "eleanor_register_precedents", "open_store"]


class PgvectorSettings(PluginSettings):
    """Where the cases are, and how they are searched."""

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
        examples=["vault:kv/precedents#password"],
    )
    sslmode: str = Field(
        default="prefer",
        pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$",
        description="How far TLS is insisted on, as libpq names it; verify-full over a network.",
    )
    schema_name: str = Field(
        default="eleanor_precedents",
        pattern="^[a-z_][a-z0-9_]{0,62}$",
        description="Schema that holds the cases; one store a schema.",
    )
    timeout: float = Field(
        default=5.0,
        ge=0.1,
        le=600.0,
        description="Seconds that connecting, waiting for a lock or one statement may take.",
    )
    index: Literal["none", "hnsw"] = Field(
        default="none",
        description="none: every case in force is compared. hnsw: pgvector's graph is searched, "
        "which is faster beyond a million cases and may miss the nearest.",
    )
    ef_search: int = Field(
        default=100,
        ge=1,
        le=1000,
        description="With hnsw: how many candidates a search keeps (hnsw.ef_search).",
    )

    @field_validator("password")
    @classmethod
    def _reference(cls, text: str | None) -> str | None:
        if text is not None:
            SecretRef.parse(text)
        return text


@asynccontextmanager
async def open_store(
    settings: PgvectorSettings, services: Services
) -> AsyncIterator[PrecedentStore]:
    """Open the store; its tables are made where they are missing.

    Raises EleanorError if there is no embedder, or if the server or its database cannot be used.
    """
    if services.embedder is None:
        raise EleanorError(
            "precedents/pgvector (eleanor-precedents-pgvector) needs an embedder to compare cases, "
            "and none is running: enable one, or block precedents/pgvector"
        )
    from eleanor_precedents_pgvector.store import opened  # noqa: PLC0415 -- at first use

    async with opened(settings, services, services.embedder) as store:
        yield store


@hookimpl
def eleanor_register_precedents() -> Iterable[PrecedentsDeclaration]:
    """Declare the store `pgvector`."""
    yield PrecedentsDeclaration(
        name="pgvector",
        factory=open_store,
        settings=PgvectorSettings,
        summary="Decided cases in PostgreSQL with pgvector, for several processes and machines.",
    )
