"""The provider `aws` against a real server of the API (moto), with real boto3 clients on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest
from eleanor_secrets_aws import plugin

from eleanor_core import Secrets, load_settings, open_secrets
from eleanor_core.api import (
    SecretNotFound,
    SecretRef,
    SecretUnavailable,
    SecretValue,
)
from eleanor_core.testing import FaultProxy, SecretsProviderContract

if find_spec("moto") is None:
    pytest.skip("moto is not installed", allow_module_level=True)

import boto3

pytestmark = pytest.mark.long

ROADMAP = """\
security:
  secret_provider: aws  # aws, vault, or env (dev only)
  aws:
    region: us-west-2
    secret_prefix: eleanor/prod/
"""
PLAIN, TABLE = "an example value, not a secret", "another-example-value"
REF = SecretRef.parse("aws:contract/plain")
KEYED = SecretRef.parse("aws:contract/table#api_key")
SERVER: dict[str, str] = {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module", autouse=True)
def _server() -> Iterator[None]:
    """moto, in a process of its own; credentials are AWS's documented examples."""
    examples = {
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in examples.items():
            patch.setenv(name, value)
        port = _free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        SERVER["url"] = f"http://127.0.0.1:{port}"
        try:
            _wait_for(port, server)
            yield
        finally:
            server.terminate()
            server.wait(10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "moto ended by itself"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("moto did not start within 30 s")


@pytest.fixture
def client() -> Iterator[object]:
    """A client of an operator, with an empty store."""
    made = boto3.client("secretsmanager", region_name="us-west-2", endpoint_url=SERVER["url"])
    for secret in made.list_secrets(IncludePlannedDeletion=True)["SecretList"]:
        made.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    made.create_secret(Name="eleanor/prod/contract/plain", SecretString=PLAIN)
    table = f'{{"api_key": "{TABLE}", "port": 5432}}'
    made.create_secret(Name="eleanor/prod/contract/table", SecretString=table)
    yield made
    made.close()


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with FaultProxy(SERVER["url"]) as proxy:
        yield proxy


@asynccontextmanager
async def opened(home: Path, url: str, **own: object) -> AsyncIterator[Secrets]:
    """The provider as the roadmap's example configures it, led to the server."""
    file = home / "roadmap.yaml"
    file.write_text(ROADMAP)
    beside = {"endpoint_url": url, "timeout": 5, **own}
    settings = load_settings(
        {"home": str(home), "plugins.defaults": [], "security.aws": beside}, file=file, env={}
    ).settings
    async with open_secrets(settings) as secrets:
        assert secrets.running == ("aws",), secrets.lost
        yield secrets


class TestContract(SecretsProviderContract):
    """The kit's rules, with the proxy for the outage."""

    plugin = plugin
    known = {str(REF): PLAIN, str(KEYED): TABLE}  # noqa: RUF012 -- never changed
    unknown = "aws:contract/unknown"

    @pytest.fixture(autouse=True)
    def _proxied(self, client: object, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.settings = {
            "region": "us-west-2",
            "secret_prefix": "eleanor/prod/",
            "endpoint_url": proxy.url,
            "timeout": 5,
            "ttl": 0.2,
        }
        if hasattr(self, "home"):
            self.take(self.home)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        self.proxy.fault = "reset"
        yield
        self.proxy.fault = None


@pytest.mark.anyio
async def test_labels_are_followed_through_a_rotation_of_aws(tmp_path: Path, client) -> None:
    name = "eleanor/prod/contract/plain"
    async with opened(tmp_path, SERVER["url"]) as secrets:
        ask = secrets.resolver

        async def valid() -> list[str]:
            await ask.refresh(REF)
            return [value.reveal() for value in await ask.candidates(REF)]

        assert await valid() == [PLAIN]
        first = client.get_secret_value(SecretId=name)["VersionId"]
        pending = client.put_secret_value(
            SecretId=name, SecretString="the next", VersionStages=["AWSPENDING"]
        )["VersionId"]
        assert await valid() == [PLAIN, "the next"]
        client.update_secret_version_stage(
            SecretId=name,
            VersionStage="AWSCURRENT",
            MoveToVersionId=pending,
            RemoveFromVersionId=first,
        )
        assert await valid() == ["the next", PLAIN]
        assert await ask.retire(REF) == 1
        assert await valid() == ["the next"]
        assert await ask.retire(REF) == 0


@pytest.mark.anyio
async def test_put_changes_one_key_and_keeps_the_others(tmp_path: Path, client) -> None:
    async with opened(tmp_path, SERVER["url"]) as secrets:
        version = await secrets.resolver.put(KEYED, SecretValue("rotated"))
        values = [value.reveal() for value in await secrets.resolver.candidates(KEYED)]
        port = await secrets.resolver.resolve(SecretRef("aws", "contract/table", "port"))
    stored = client.get_secret_value(SecretId="eleanor/prod/contract/table")
    assert (version, values) == (stored["VersionId"], ["rotated", TABLE])
    assert port.reveal() == "5432"


@pytest.mark.anyio
async def test_an_arn_stands_as_it_is_and_the_deleted_is_gone(tmp_path: Path, client) -> None:
    made = client.create_secret(Name="elsewhere", SecretString="by its ARN")
    ref = SecretRef.parse(f"aws:{made['ARN']}")
    async with opened(tmp_path, SERVER["url"]) as secrets:
        assert (await secrets.resolver.resolve(ref)).reveal() == "by its ARN"
        client.delete_secret(SecretId=made["ARN"])
        with pytest.raises(SecretNotFound, match="deleted"):
            await secrets.resolver.refresh(ref)
        client.create_secret(Name="eleanor/prod/binary", SecretBinary=b"\x00")
        with pytest.raises(SecretNotFound, match="binary"):
            await secrets.resolver.resolve(SecretRef.parse("aws:binary"))
        with pytest.raises(SecretUnavailable):
            await secrets.resolver.put(SecretRef.parse("aws:absent"), SecretValue("x"))


FAULTS = [400, 403, 429, 500, 503, "reset", "truncate", "garbage", "slow"]


@pytest.mark.anyio
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_ends_in_plain_words_and_the_next_call_works(
    tmp_path: Path, client, proxy: FaultProxy, fault
) -> None:
    proxy.fault, proxy.delay = fault, 2.0
    async with opened(tmp_path, proxy.url, timeout=1.0) as secrets:
        began = anyio.current_time()
        with pytest.raises(SecretUnavailable, match="secret aws:contract/plain: ") as caught:
            await secrets.resolver.resolve(REF)
        assert anyio.current_time() - began < 1.5
        assert PLAIN not in str(caught.value)
        assert "EXAMPLE" not in str(caught.value)
        proxy.fault = None
        assert (await secrets.resolver.refresh(REF)).reveal() == PLAIN


@pytest.mark.anyio
@pytest.mark.parametrize("fault", [500, "reset", "truncate"])
async def test_a_fault_that_passes_is_not_noticed(
    tmp_path: Path, client, proxy: FaultProxy, fault
) -> None:
    proxy.fault, proxy.times = fault, 2
    async with opened(tmp_path, proxy.url) as secrets:
        assert (await secrets.resolver.resolve(REF)).reveal() == PLAIN
        assert secrets.resolver.health()["aws"].ok


@pytest.mark.anyio
async def test_rotations_under_load_lose_no_request(tmp_path: Path, client) -> None:
    """A service that takes the old and the new key while they change refuses nobody."""
    accepted, refused, rounds = {PLAIN}, [], 20
    async with opened(tmp_path, SERVER["url"], ttl=0.1) as secrets:
        done = anyio.Event()

        async def use() -> None:
            while not done.is_set():
                value = (await secrets.resolver.resolve(REF)).reveal()
                if value not in accepted:
                    refused.append(value)
                await anyio.sleep(0.02)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(use)
            for number in range(rounds):
                new = f"rotated, number {number}"
                before = await secrets.resolver.resolve(REF)
                accepted.add(new)
                await anyio.to_thread.run_sync(
                    lambda new=new: client.put_secret_value(
                        SecretId="eleanor/prod/contract/plain", SecretString=new
                    )
                )
                with anyio.fail_after(30):
                    assert (await secrets.resolver.changed(REF, before)).reveal() == new
                await anyio.sleep(0.02)
                accepted.discard(before.reveal())
            done.set()
    assert refused == []


@pytest.mark.anyio
async def test_without_credentials_it_says_so(tmp_path: Path, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    async with opened(tmp_path, SERVER["url"]) as secrets:
        with pytest.raises(SecretUnavailable, match="no AWS credentials are found"):
            await secrets.resolver.resolve(REF)
