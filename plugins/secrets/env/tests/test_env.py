"""The provider `env`: the kit's rules, variables as they change, and no place in production."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from eleanor_secrets_env import plugin

from eleanor_core import SettingsError, load_settings, open_secrets
from eleanor_core.api import SecretNotFound, SecretRef, SecretsProvider
from eleanor_core.testing import SecretsProviderContract

VALUE = "an example value, not a secret"
KNOWN = {"env:CONTRACT_PLAIN": VALUE, "env:CONTRACT_TABLE#user": "operator-one"}
TABLE = '{"user": "operator-one", "port": 5432, "hosts": ["a", "b"]}'


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTRACT_PLAIN", VALUE)
    monkeypatch.setenv("CONTRACT_TABLE", TABLE)
    monkeypatch.setenv("CONTRACT_PLAIN_PREVIOUS", "")


class TestContract(SecretsProviderContract):
    """The kit's rules."""

    plugin = plugin
    known = KNOWN
    unknown = "env:CONTRACT_UNSET"

    async def rotate(self, provider: SecretsProvider, ref: SecretRef, value: str) -> None:
        os.environ[f"{ref.path}_PREVIOUS"] = os.environ[ref.path]
        os.environ[ref.path] = value


def settings(home: Path, own: Mapping[str, object] | None = None, **security: object) -> object:
    given = {"home": str(home), "plugins.exact": ["secrets/env"], "security": security}
    return load_settings({**given, "secrets": {"env": {"settings": own or {}}}}, env={}).settings


@pytest.mark.anyio
async def test_the_former_value_stands_beside_the_current_one(tmp_path: Path) -> None:
    os.environ["CONTRACT_PLAIN_PREVIOUS"] = "what was before it"
    async with open_secrets(settings(tmp_path)) as secrets:
        values = await secrets.resolver.candidates(SecretRef.parse("env:CONTRACT_PLAIN"))
    assert [value.reveal() for value in values] == [VALUE, "what was before it"]


@pytest.mark.anyio
@pytest.mark.parametrize(("key", "value"), [("port", "5432"), ("hosts", None), ("absent", None)])
async def test_a_key_names_a_text_or_a_number_in_a_table(tmp_path: Path, key, value) -> None:
    ref = SecretRef.parse(f"env:TABLE#{key}")
    async with open_secrets(settings(tmp_path, {"prefix": "CONTRACT_"})) as secrets:
        if value is None:
            with pytest.raises(SecretNotFound, match=f"env:TABLE#{key}.*no text under '{key}'"):
                await secrets.resolver.resolve(ref)
        else:
            assert (await secrets.resolver.resolve(ref)).reveal() == value


@pytest.mark.anyio
async def test_production_refuses_to_start_with_it(tmp_path: Path) -> None:
    chosen = settings(tmp_path, production=True, secret_provider="env")
    with pytest.raises(SettingsError, match="security.production: secrets/env .* for development"):
        async with open_secrets(chosen):
            pass
