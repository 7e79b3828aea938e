"""The page on secrets says what is so: its example of a provider runs, its settings load."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from eleanor_core import open_secrets
from eleanor_core.api import CachingSettings, SecretNotFound, SecretRef
from eleanor_core.settings import load_settings

PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text("utf-8")


@pytest.mark.anyio
async def test_the_example_of_a_provider_runs_as_written(tmp_path: Path) -> None:
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    shelf = ModuleType("shelf")
    exec(source, vars(shelf))
    settings = load_settings({"home": str(tmp_path), "plugins.exact": []}, env={}).settings
    async with open_secrets(settings, plugins=[shelf]) as secrets:
        found = await secrets.resolver.resolve(SecretRef.parse("shelf:app"))
        assert found.reveal() == "an example value"
        with pytest.raises(SecretNotFound, match="shelf:other: nothing is called so"):
            await secrets.resolver.resolve(SecretRef.parse("shelf:other"))


def test_the_settings_load_as_written(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    file = tmp_path / "settings.yaml"
    file.write_text(text)
    settings = load_settings(file=file, env={}).settings
    assert settings.security.secret_provider == "aws"
    assert settings.entry("secrets", "aws").settings["secret_prefix"] == "eleanor/prod/"


@pytest.mark.parametrize("name", CachingSettings.model_fields)
def test_the_times_are_the_settings_own(name: str) -> None:
    default = CachingSettings.model_fields[name].default
    assert f"| `{name}` | {default:g} s |" in PAGE
