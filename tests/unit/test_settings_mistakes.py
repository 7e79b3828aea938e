"""Mistakes in settings: all told at once, each with its source; and where the home folder is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from eleanor_core.api import KINDS
from eleanor_core.errors import SettingsError
from eleanor_core.model import JsonValue
from eleanor_core.settings import Settings, home_of, load_settings
from eleanor_core.settings.home import platform_home
from eleanor_core.settings.types import TABLES


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start in an empty folder, as a user with an empty home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def refusal(
    overrides: Mapping[str, JsonValue] | None = None,
    *,
    file: Path | None = None,
    env_file: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return what the user is told, and check that the count in its first line is right."""
    with pytest.raises(SettingsError) as caught:
        load_settings(overrides, file=file, env_file=env_file, env=env or {})
    said = str(caught.value)
    assert f"; {said.count(chr(10))} to correct:" in said
    return said


# --- mistakes ---


def test_all_faults_are_said_at_once_each_with_its_source(here: Path) -> None:
    file = write(
        here / "s.yaml",
        "limts: {text_bytes: 1}\nlogging:\npolicy: {gaps: always, prohibited_clauses: [D2, X9]}\n",
    )
    message = refusal(
        {"recall.neighbours": "many", "plugins": {"require": ["rights"]}, "nope": 1},
        file=file,
        env={
            "ELEANOR_LIMITS__TEXT_BYTES": "-5",
            "ELEANOR_DEADLINES__REQUEST": "nan",
            "ELEANOR_POLICY": "{",
            "ELEANOR_CRITICS": "7",
            "ELEANOR_HOME": "state",
        },
    )
    assert f"limts (file {file}): is unknown; did you mean limits?" in message
    assert f"logging (file {file}): must be a table of keys; found nothing" in message
    assert (
        f"policy.gaps (file {file}): must be 'high-impact' or 'escalate'; found 'always'" in message
    )
    assert "the registry has A1, A2," in message
    assert "; found 'X9'" in message
    assert "recall.neighbours (command line): must be a valid integer; found 'many'" in message
    assert "plugins.require (command line): a plugin is named kind/name" in message
    assert "nope (command line): is unknown; known here: home, plugins," in message
    assert (
        "limits.text_bytes (environment ELEANOR_LIMITS__TEXT_BYTES): must be greater than 0; "
        "found '-5'" in message
    )
    assert "deadlines.request (environment ELEANOR_DEADLINES__REQUEST)" in message
    assert "policy (environment ELEANOR_POLICY): a list or table must be JSON" in message
    assert "critics (environment ELEANOR_CRITICS): a list or table must be JSON" in message
    assert "home (environment ELEANOR_HOME): must be an absolute path, or start with '~'" in message


def test_what_was_found_is_said_in_few_words() -> None:
    message = refusal(
        {
            "limits": {"text_bytes": [1], "context_bytes": {}},
            "logging.level": "x" * 500,
            "home.x": "y",
        }
    )
    assert "limits.text_bytes (command line): must be a valid integer; found a list" in message
    assert "limits.context_bytes (command line): must be a valid integer; found a table" in message
    assert f"found '{'x' * 59}..." in message
    assert "home (command line): must be a path; found a table" in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ELEANOR_LIMITS_TEXT_BYTES", "ELEANOR_LIMITS__TEXT_BYTES"),
        ("ELEANOR_LIMITS__TEXT_BITES", "ELEANOR_LIMITS__TEXT_BYTES"),
        ("ELEANOR_LIMTS__TEXT_BYTES", "ELEANOR_LIMITS__TEXT_BYTES"),
        ("ELEANOR_CRITICS__MY_OWN__DEADLIN", "ELEANOR_CRITICS__MY_OWN__DEADLINE"),
        ("ELEANOR_SETTING_FILE", "ELEANOR_SETTINGS_FILE"),
    ],
)
def test_an_unknown_variable_says_which_was_meant(here: Path, name: str, meant: str) -> None:
    message = refusal(env={name: "sesame"})
    assert f"(environment {name}): is unknown; did you mean {meant}?" in message
    assert "sesame" not in message
    write(here / ".env", f"{name}=sesame\n")
    assert f"(env file .env): is unknown; did you mean {meant}?" in refusal()


def test_variables_kept_for_other_use_are_no_fault() -> None:
    assert load_settings(env={"ELEANOR_REQUIRE_DEVICE": "cuda"}).settings == Settings()
    assert "did you mean ELEANOR_ENV_FILE?" in refusal(env={"eleanor_env_file": "x"})


def test_one_variable_in_two_cases_of_letters_is_refused() -> None:
    message = refusal(env={"ELEANOR_HOME": "/a", "eleanor_home": "/b"})
    assert "home (environment eleanor_home): is set twice there" in message


def test_a_value_that_may_be_secret_is_never_repeated() -> None:
    message = refusal(
        {
            "critics": {
                "rights": {"api_key": "open-sesame"},
                "truth": {"settings": {"password": {1.5, "open-sesame"}}},  # type: ignore[dict-item] # not JSON on purpose
                "risk": {"deadline": "https://me:open-sesame@host"},
            },
            "token": "open-sesame",
        },
        env={"ELEANOR_LIMITS": '{"text_bytes": "open-sesame'},
    )
    assert "open-sesame" not in message
    assert "critics.risk.deadline (command line): must be a valid number; found a value" in message


def test_exact_together_with_enable_is_refused() -> None:
    message = refusal(
        {"plugins.enable": "critics/a"}, env={"ELEANOR_PLUGINS__EXACT": '["critics/b"]'}
    )
    assert "plugins (environment ELEANOR_PLUGINS__EXACT and command line): 'exact' and" in message


def test_a_plugins_name_in_a_table_is_checked() -> None:
    message = refusal({"detectors": {"Personal_Data": {}}})
    assert "detectors.Personal_Data (command line): a plugin's name is lower-case words" in message


def test_every_kind_of_plugin_has_a_table() -> None:
    assert set(TABLES) == set(KINDS)
    settings = load_settings(
        {name: {"a": {"settings": {"x": 1}}} for name in TABLES.values()}, env={}
    )
    for kind in KINDS:
        assert settings.settings.entry(kind, "a").settings == {"x": 1}
        assert settings.settings.entry(kind, "b").settings == {}


# --- the home folder ---


def test_home_is_absolute_whatever_the_current_directory(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert home_of(load_settings({"home": "~/x"}, env={}).settings) == here / "user" / "x"
    assert home_of(Settings()).is_absolute()
    assert "home (command line): '~' cannot" in refusal({"home": "~no-such-user-here/x"})
    monkeypatch.setenv("XDG_DATA_HOME", str(here / "data"))
    assert home_of(Settings()) == platform_home({"XDG_DATA_HOME": str(here / "data")})


def test_home_per_platform(here: Path) -> None:
    user = here / "user"
    data = {"XDG_DATA_HOME": str(here), "LOCALAPPDATA": str(here)}
    assert platform_home({}, "linux") == user / ".local/share/eleanor"
    assert platform_home({"XDG_DATA_HOME": "relative"}, "linux") == user / ".local/share/eleanor"
    assert platform_home(data, "linux") == here / "eleanor"
    assert platform_home(data, "darwin") == user / "Library/Application Support/eleanor"
    assert platform_home({}, "win32") == user / "AppData/Local/eleanor"
    assert platform_home(data, "win32") == here / "eleanor"


def test_a_user_without_a_home_folder_is_told_to_name_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    assert load_settings(env={}).settings == Settings()
    with pytest.raises(SettingsError, match="set ELEANOR_HOME to an absolute folder"):
        home_of(Settings())


def test_importing_and_loading_defaults_imports_no_reader() -> None:
    code = (
        "import sys, eleanor_core.settings as s; s.load_settings(env={}); "
        "print({'yaml', 'dotenv', 'pydantic_settings'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
