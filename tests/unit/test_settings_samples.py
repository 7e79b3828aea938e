"""The files that are made from the settings model say what the model says, and work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eleanor_core.errors import SettingsError
from eleanor_core.settings import Settings, load_settings, samples
from eleanor_core.settings.keys import keys, variable

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / ".env.sample"
TEMPLATE = ROOT / ".env.production.template"
FILLED = {"</absolute/folder>": "/var/lib/eleanor", "<clauses such as K1>": "K1,K2"}


def _load(path: Path) -> Settings:
    return load_settings(env_file=path, env={"ELEANOR_SETTINGS_FILE": ""}).settings


def test_the_files_in_the_repository_are_the_generated_ones(tmp_path: Path) -> None:
    made = {name: ROOT / name for name in (".env.sample", ".env.production.template")}
    page = tmp_path / "docs" / "settings.md"
    page.parent.mkdir()
    page.write_text(f"Ours.\n{samples.BEGIN}\nstale\n{samples.END}\nOurs too.\n", "utf-8")
    assert samples.main([str(tmp_path)]) == 0
    for name, path in made.items():
        assert (tmp_path / name).read_text("utf-8") == path.read_text("utf-8"), (
            "run: python -m eleanor_core.settings.samples ."
        )
    text = page.read_text("utf-8")
    assert text.startswith("Ours.\n")
    assert text.endswith("Ours too.\n")
    assert "stale" not in text
    ours = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert samples.with_reference(ours) == ours
    assert samples.reference() in ours


def test_without_a_folder_the_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert samples.main([]) == 2
    assert "samples FOLDER" in capsys.readouterr().err


def test_the_sample_names_every_variable_and_changes_nothing() -> None:
    named = re.findall(r"^# (ELEANOR_\w+)=", SAMPLE.read_text("utf-8"), re.MULTILINE)
    assert named == [variable(key.path) for key in keys()]
    assert _load(SAMPLE) == Settings()


def test_every_line_of_the_sample_works_when_its_mark_is_taken_off(tmp_path: Path) -> None:
    text = re.sub(r"^# (ELEANOR_\w+=)", r"\1", SAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    path = tmp_path / "all.env"
    path.write_text(text, "utf-8")
    settings = _load(path)
    assert settings.home == Path("/var/lib/eleanor")
    assert settings.detectors["personal-data"].deadline == 5.0
    untouched = {"limits", "policy", "deadlines", "recall", "uncertainty", "logging"}
    assert settings.model_dump(include=untouched) == Settings().model_dump(include=untouched)


def test_the_filled_production_template_works(tmp_path: Path) -> None:
    text = TEMPLATE.read_text("utf-8")
    assert set(re.findall(r"=(<[^>]*>)", text)) == set(FILLED)
    for placeholder, value in FILLED.items():
        text = text.replace(placeholder, value)
    path = tmp_path / ".env.production"
    path.write_text(text, "utf-8")
    settings = _load(path)
    assert settings.home == Path("/var/lib/eleanor")
    assert settings.policy.prohibited_clauses == ("K1", "K2")
    assert settings.logging.format == "json"
    assert set(settings.plugins.require) < set(settings.plugins.defaults)
    assert {"evidence/local", "critics/rights"} <= set(settings.plugins.require)


@pytest.mark.parametrize("left", FILLED)
def test_a_placeholder_that_is_left_refuses_the_start(tmp_path: Path, left: str) -> None:
    text = TEMPLATE.read_text("utf-8")
    for placeholder, value in FILLED.items():
        text = text if placeholder == left else text.replace(placeholder, value)
    path = tmp_path / ".env.production"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match="; 1 to correct:") as caught:
        _load(path)
    assert left in str(caught.value)


def test_the_guides_three_forms_say_the_same(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    env = {"ELEANOR_SETTINGS_FILE": "", "ELEANOR_ENV_FILE": ""}
    blocks = re.findall(r"```(yaml|toml|sh)\n(.*?)```", page, re.DOTALL)
    loaded = []
    for suffix, text in blocks:
        path = tmp_path / f"settings.{suffix}"
        path.write_text(text, "utf-8")
        file, env_file = (None, path) if suffix == "sh" else (path, None)
        loaded.append(load_settings(file=file, env_file=env_file, env=env).settings)
    assert len(loaded) == 3
    assert loaded[0] == loaded[1] == loaded[2] != Settings()
