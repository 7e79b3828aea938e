"""Where secrets come from: the section `security`, the provider it chooses, what production bars."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from pydantic import Field

from eleanor_core import open_secrets
from eleanor_core._secrets import Resolver
from eleanor_core.api import (
    PluginSettings,
    SecretRef,
    SecretsDeclaration,
    SecretUnavailable,
    SecretValue,
    hookimpl,
)
from eleanor_core.errors import SettingsError
from eleanor_core.evidence import KnownSecrets
from eleanor_core.registry import load
from eleanor_core.settings import LoadedSettings, describe, load_settings, references

ROADMAP = """\
security:
  secret_provider: aws  # aws, vault, or env (dev only)
  aws:
    region: us-west-2
    secret_prefix: eleanor/prod/
"""
REF = SecretRef.parse("shelf:app#key")


class ShelfSettings(PluginSettings):
    """What the provider of these tests takes."""

    region: str = Field(default="", description="A word.")
    most: int = Field(default=3, description="A number.")


class Shelf:
    """A provider and its plugin in one: it holds one value."""

    def __init__(self, name: str = "shelf", *, development_only: bool = False) -> None:
        self.name, self.development_only = name, development_only
        self.value = SecretValue("first")
        self.given: ShelfSettings | None = None

    @hookimpl
    def eleanor_register_secrets(self) -> Iterable[SecretsDeclaration]:
        yield SecretsDeclaration(
            name=self.name,
            factory=self._open,
            settings=ShelfSettings,
            development_only=self.development_only,
        )

    def _open(self, settings: ShelfSettings, _services: object) -> nullcontext[Shelf]:
        self.given = settings
        return nullcontext(self)

    async def get(self, _ref: SecretRef, /) -> SecretValue:
        await anyio.lowlevel.checkpoint()
        return self.value


def loaded(given: dict[str, object], file: Path | None = None, **env: str) -> LoadedSettings:
    names = {f"ELEANOR_SECURITY__{name}": text for name, text in env.items()}
    return load_settings({"plugins.exact": [], **given}, file=file, env=names)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "roadmap.yaml"
    path.write_text(ROADMAP)
    return path


def test_the_roadmaps_example_works_as_written(file: Path) -> None:
    found = load_settings(file=file, env={})
    assert found.settings.security.secret_provider == "aws"
    expected = {"region": "us-west-2", "secret_prefix": "eleanor/prod/"}
    assert found.settings.entry("secrets", "aws").settings == expected
    rows = {row.key: (row.value, row.origin) for row in describe(found)}
    assert rows["security.secret_provider"] == ("aws", f"file {file}")
    assert rows["security.aws.secret_prefix"] == ("eleanor/prod/", f"file {file}")


def test_variables_reach_a_providers_table(file: Path) -> None:
    env = {"AWS__REGION": "eu-west-1", "MY_SHELF": '{"most": 5}', "PRODUCTION": "true"}
    found = loaded({}, file, **env)
    assert found.settings.security.production
    assert found.settings.entry("secrets", "aws").settings["region"] == "eu-west-1"
    assert found.settings.entry("secrets", "my-shelf").settings == {"most": 5}
    assert found.origins["security.aws.region"] == "environment ELEANOR_SECURITY__AWS__REGION"


@pytest.mark.parametrize(
    ("security", "said"),
    [
        ({"secret_provder": "aws"}, "'secret_provder' is unknown; did you mean secret_provider?"),
        ({"aws": "hunter2"}, "'aws' is unknown; a provider has a table"),
        ({"secret_provider": "Aws"}, "security.secret_provider .* lower-case words"),
        ({"Aws": {"region": "x"}}, "lower-case words"),
    ],
)
def test_mistakes_are_told_and_no_value_is(security: object, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        loaded({"security": security})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"security.secret_provider": "absent", "plugins.exact": None}, "absent"),
        (
            {"security.secret_provider": "aws", "plugins.exact": ["critics/rights"]},
            "plugins.exact leaves out: add secrets/aws",
        ),
        (
            {
                "security.secret_provider": "aws",
                "plugins.exact": None,
                "plugins.block": ["secrets/aws"],
            },
            "plugins.block names secrets/aws",
        ),
        ({"security.shlef.region": "x"}, r"security.shlef .*no plugin secrets/shlef .*shelf"),
        ({"security.shelf.regoin": "x"}, r"security.shelf.regoin \(command line\): is unknown"),
        ({"security.shelf.most": "many"}, r"security.shelf.most \(command line\): must be"),
        (
            {"security.shelf.most": 1, "secrets.shelf.settings.most": 2},
            r"security.shelf.most .* is the same setting as secrets.shelf.settings.most .*keep one",
        ),
    ],
)
def test_a_provider_that_cannot_be_used_so_is_told(given: dict[str, object], said: str) -> None:
    found = loaded({"plugins.defaults": [], **given})
    with pytest.raises(SettingsError, match=said):
        registry = load(found.settings, [Shelf()], origins=found.origins)
        raise SettingsError("; ".join(item.text for item in registry.broken))


def test_production_bars_what_is_for_development() -> None:
    found = loaded({"security.production": True})
    load(found.settings, [Shelf()], origins=found.origins)
    with pytest.raises(SettingsError, match=r"security.production \(command line\): secrets/shelf"):
        load(found.settings, [Shelf(development_only=True)], origins=found.origins)
    load(loaded({}).settings, [Shelf(development_only=True)])


def test_references_are_found_wherever_they_stand() -> None:
    own = {"api_key": "shelf:app#key", "others": ["other:word", {"deep": "shelf:deep"}]}
    found = loaded({"models.big.settings": own, "security.secret_provider": "shelf"})
    assert list(map(str, references(found.settings))) == ["shelf:app#key", "shelf:deep"]


def test_the_table_of_a_provider_is_not_printed() -> None:
    security = loaded({"security.shelf": {"region": "hunter2"}}).settings.security
    assert "hunter2" not in repr(security)
    shown = describe(loaded({"security.shelf": {"api_token": "hunter2"}}))
    assert {row.key: row.value for row in shown}["security.shelf.api_token"] == "***"


@pytest.mark.anyio
async def test_a_provider_takes_its_settings_from_both_tables() -> None:
    shelf = Shelf()
    chosen = loaded({"security.shelf.region": "x", "secrets.shelf.settings.most": 7}).settings
    async with open_secrets(chosen, plugins=[shelf]) as secrets:
        assert secrets.running == ("shelf",)
        assert (await secrets.resolver.resolve(REF)).reveal() == "first"
    assert shelf.given == ShelfSettings(region="x", most=7)


@pytest.mark.anyio
async def test_without_a_provider_it_says_so() -> None:
    with pytest.raises(SecretUnavailable, match=r"no secrets provider is enabled: .*vault"):
        async with open_secrets(loaded({}).settings):
            pass


@pytest.mark.anyio
async def test_a_plain_provider_is_followed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eleanor_core._secrets.POLL", 0.01)
    shelf = Shelf()
    resolver = Resolver({"shelf": shelf}, KnownSecrets())
    first = await resolver.refresh(REF)
    assert await resolver.candidates(REF) == (first,)
    assert resolver.health() == {}

    async def turn() -> None:
        await anyio.sleep(0.03)
        shelf.value = SecretValue("second")

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(turn)
            assert (await resolver.changed(REF, first)).reveal() == "second"
    for verb in (resolver.put(REF, first), resolver.retire(REF)):
        with pytest.raises(SecretUnavailable, match="cannot change what its store holds"):
            await verb
    with pytest.raises(SecretUnavailable, match="no provider called 'other' is running"):
        await resolver.changed(SecretRef.parse("other:app"), first)
