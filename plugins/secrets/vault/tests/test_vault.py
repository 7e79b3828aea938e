"""What of the provider `vault` needs no server: its settings, and a server that is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from eleanor_secrets_vault.settings import SERVICE_ACCOUNT, VaultSettings
from pydantic import ValidationError

from eleanor_core import load_settings, open_secrets
from eleanor_core.api import SecretRef, SecretUnavailable

REF = SecretRef.parse("vault:secret/app#key")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "http://vault.example.org:8200"}, "https://"),
        ({"url": "ftp://127.0.0.1"}, "https://"),
        ({"url": "https://user:word@vault.example.org"}, "must be an address"),
        ({"url": "vault.example.org"}, "must be an address"),
        ({"method": "approle"}, "needs `role`"),
        ({"method": "kubernetes"}, "needs `role`"),
        ({"method": "ldap"}, "token"),
        ({"ttl": 7200}, "3600"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        VaultSettings(**given)


def test_each_method_has_its_usual_proof() -> None:
    token, approle = VaultSettings(), VaultSettings(method="approle", role="r")
    pod = VaultSettings(method="kubernetes", role="r")
    assert (token.proof_file, token.proof_variable) == (None, "VAULT_TOKEN")
    assert (approle.proof_file, approle.proof_variable) == (None, "VAULT_SECRET_ID")
    assert (pod.proof_file, pod.mounted) == (SERVICE_ACCOUNT, "kubernetes")
    assert VaultSettings(mount="/teams/k8s/").mounted == "teams/k8s"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"login_variable": "ABSENT_TOKEN"}, "finds nothing in the variable ABSENT_TOKEN"),
        ({"login_file": "/nonexistent/token"}, "cannot read /nonexistent/token"),
        ({}, "the server cannot be reached"),
    ],
)
async def test_without_a_server_it_starts_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own, said: str
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "an example token, not a secret")
    settings = load_settings(
        {
            "home": str(tmp_path),
            "plugins.exact": ["secrets/vault"],
            "security.vault": {"url": "http://127.0.0.1:9", "timeout": 2, **own},
        },
        env={},
    ).settings
    async with open_secrets(settings) as secrets:
        with pytest.raises(SecretUnavailable, match=f"secret vault:secret/app#key: .*{said}") as it:
            await secrets.resolver.resolve(REF)
        assert "not a secret" not in str(it.value)
        assert not secrets.resolver.health()["vault"].ok


def test_the_module_imports_light() -> None:
    said = "import sys, eleanor_secrets_vault.plugin; print({'hvac', 'requests'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
