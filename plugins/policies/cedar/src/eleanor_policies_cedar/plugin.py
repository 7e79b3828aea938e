"""The hook, and how the policies are read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field

from eleanor_core.api import (
    ExecutionPolicy,
    PluginSettings,
    PolicyDeclaration,
    Services,
    hookimpl,
)


class CedarSettings(PluginSettings):
    """Settings of the Cedar policies."""

    files: tuple[Path, ...] = Field(
        default=(),
        description="Policies of your own, beside the doctrine's: .cedar files, by absolute path.",
        examples=[("/etc/eleanor/office-hours.cedar",)],
    )


@hookimpl
def eleanor_register_policies() -> Iterable[PolicyDeclaration]:
    """Declare the policies under the name `cedar`."""
    yield PolicyDeclaration(
        name="cedar",
        factory=open_policies,
        settings=CedarSettings,
        summary="Asks Cedar policies before each execution; the doctrine's are among them.",
    )


@asynccontextmanager
async def open_policies(
    settings: CedarSettings, _services: Services
) -> AsyncIterator[ExecutionPolicy]:
    """Yield the policies. Raises where a file is missing or a policy does not fit the schema."""
    from eleanor_policies_cedar.policies import CedarPolicies  # noqa: PLC0415 -- loads cedarpy

    yield CedarPolicies(settings.files)
