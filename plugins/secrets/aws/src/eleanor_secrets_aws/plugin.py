"""The provider `aws`: a reference `aws:NAME#KEY` is a secret of AWS Secrets Manager.

Credentials are found as boto3 finds them (a role of the machine, the environment, a profile) and
never stand in these settings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from eleanor_core.api import (
    CachedSecrets,
    CachingSettings,
    Log,
    SecretRef,
    SecretsDeclaration,
    SecretsProvider,
    SecretValue,
    Services,
    hookimpl,
    in_threads,
)

if TYPE_CHECKING:
    from eleanor_secrets_aws.store import SecretsManager


class AwsSettings(CachingSettings):
    """Settings of the provider `aws`."""

    region: str | None = Field(
        default=None,
        description="The AWS region, such as us-west-2; default: as boto3 finds it.",
    )
    secret_prefix: str = Field(
        default="",
        description="What every secret's name starts with, before the reference's. A reference "
        "that is an ARN stands as it is.",
    )
    endpoint_url: str | None = Field(
        default=None,
        description="Another address of the service, such as that of a VPC endpoint. https, or "
        "http on this machine.",
    )

    @field_validator("endpoint_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "https:")
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("must start with https://; http:// is for this machine alone")
        return url


class AwsSecrets(CachedSecrets):
    """The provider: the store behind the cache, and its changes."""

    def __init__(self, store: SecretsManager, settings: AwsSettings, log: Log) -> None:
        super().__init__(in_threads(store.read), settings, log)
        self._put = in_threads(store.put)
        self._retire = in_threads(store.retire)

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        """Make `value` the version AWSCURRENT; the one before it becomes AWSPREVIOUS."""
        version = await self._put(ref, value)
        await self.refresh(ref)
        return version

    async def retire(self, ref: SecretRef, /) -> int:
        """Take the label AWSPREVIOUS off: a version without a label is deleted by AWS in time."""
        ended = await self._retire(ref)
        await self.refresh(ref)
        return ended


@asynccontextmanager
async def open_secrets_manager(
    settings: AwsSettings, services: Services
) -> AsyncIterator[SecretsProvider]:
    """Make the client and yield the provider. The service is asked when the first secret is."""
    from eleanor_secrets_aws.store import SecretsManager  # noqa: PLC0415 -- imports boto3

    store = await in_threads(SecretsManager)(
        region=settings.region,
        prefix=settings.secret_prefix,
        endpoint=settings.endpoint_url,
        timeout=settings.timeout,
    )
    try:
        yield AwsSecrets(store, settings, services.log)
    finally:
        store.close()


@hookimpl
def eleanor_register_secrets() -> Iterable[SecretsDeclaration]:
    """Declare the provider."""
    yield SecretsDeclaration(
        name="aws",
        factory=open_secrets_manager,
        settings=AwsSettings,
        summary="AWS Secrets Manager.",
    )
