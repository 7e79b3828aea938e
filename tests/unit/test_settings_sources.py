"""Settings as a user gives them: real files, a real environment, and what is said of mistakes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.errors import SettingsError
from eleanor_core.model import JsonValue
from eleanor_core.settings import Settings, load_settings
from eleanor_core.settings.keys import Key, dotted, keys, variable
from eleanor_core.settings.model import Limits

BOMB = "a: &a {x: 1, y: 1}\n" + "".join(
    f"{name}: &{name} {{x: *{below}, y: *{below}}}\n"
    for below, name in pairwise("abcdefghijklmnopqrstuvwxyz")
)
"""YAML of a kilobyte that stands for tens of millions of values."""


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


def test_without_any_source_the_defaults_stand() -> None:
    loaded = load_settings(env={})
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}


def test_every_source_sets_its_part_of_one_section(here: Path) -> None:
    file = write(here / "s.yaml", "limits:\n  text_bytes: 1\n  context_bytes: 1\n")
    env_file = write(here / "my.env", "ELEANOR_LIMITS__CONTEXT_BYTES=2\nOTHER=1\n")
    loaded = load_settings(
        {"limits": {"context_marks": 4}},
        file=file,
        env_file=env_file,
        env={"ELEANOR_LIMITS__CONTEXT_DEPTH": "3", "PATH": "/bin"},
    )
    limits = {"text_bytes": 1, "context_bytes": 2, "context_depth": 3, "context_marks": 4}
    assert loaded.settings.limits == Limits(**limits)
    assert {key: loaded.origins[f"limits.{key}"] for key in limits} == {
        "text_bytes": f"file {file}",
        "context_bytes": f"env file {env_file}",
        "context_depth": "environment ELEANOR_LIMITS__CONTEXT_DEPTH",
        "context_marks": "command line",
    }


PATHS = ["/srv/one", "/srv/two"]


def _values(key: Key) -> st.SearchStrategy[JsonValue]:
    schema = key.owner.model_json_schema()["properties"][key.path[-1]]
    schema = next((kind for kind in schema.get("anyOf", ()) if kind["type"] != "null"), schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if key.path == ("evidence", "retention"):
        return st.sampled_from(["keep", "ten-years"])
    if schema["type"] == "integer":
        least = schema.get("minimum", 1)
        return st.integers(least, min(least + 99, schema.get("maximum", least + 99)))
    if schema["type"] == "number":
        return st.integers(1, 100).map(lambda percent: percent / 100)
    if schema["type"] == "boolean":
        return st.booleans()
    if schema["type"] == "string":  # a path, or a plugin's name
        return st.sampled_from(PATHS if schema.get("format") == "path" else ["aws", "own-one"])
    item = schema["items"]
    names = PATHS if item.get("format") == "path" else ["critics/a", "evidence/local"]
    words = item.get("enum") or names
    return st.lists(st.sampled_from(words), max_size=3)


LEAVES = [key for key in keys() if key.path[-1] not in {"settings", "home"}]
LEAF_AND_VALUES = st.sampled_from(LEAVES).flatmap(
    lambda key: st.tuples(
        st.just(key),
        st.dictionaries(
            st.sampled_from(["file", "env file", "environment", "command line"]), _values(key)
        ),
    )
)


def _nested(path: tuple[str, ...], value: JsonValue) -> JsonValue:
    for part in reversed(path):
        value = {part: value}
    return value


@given(LEAF_AND_VALUES, st.sampled_from(["yaml", "toml"]), st.booleans())
def test_the_highest_source_wins_and_is_named(
    drawn: tuple[Key, dict[str, JsonValue]], suffix: str, dotted_key: bool
) -> None:
    key, given_by = drawn
    name = dotted(key.path)
    as_text = {source: json.dumps(value).strip('"') for source, value in given_by.items()}
    with TemporaryDirectory() as folder:
        file, env_file = Path(folder, f"s.{suffix}"), Path(folder, "my.env")
        if "file" in given_by:
            nested = json.dumps(_nested(key.path, given_by["file"]))
            write(file, nested if suffix == "yaml" else f"{name} = {json.dumps(given_by['file'])}")
        if "env file" in given_by:
            write(env_file, f"{variable(key.path)}={as_text['env file']}\n")
        overrides = given_by.get("command line")
        nested_overrides = {name: overrides} if dotted_key else _nested(key.path, overrides)
        assert isinstance(nested_overrides, dict)
        loaded = load_settings(
            nested_overrides if "command line" in given_by else None,
            file=file if "file" in given_by else None,
            env_file=env_file if "env file" in given_by else None,
            env={variable(key.path): as_text["environment"]} if "environment" in given_by else {},
        )
    origins = {
        "command line": "command line",
        "environment": f"environment {variable(key.path)}",
        "env file": f"env file {env_file}",
        "file": f"file {file}",
    }
    value: JsonValue = loaded.settings.model_dump(mode="json")
    winner = next((source for source in origins if source in given_by), None)
    if winner is None:
        assert loaded.settings == Settings()
        return
    for part in key.path:
        assert isinstance(value, dict)
        value = value[part]
    assert value == given_by[winner]
    assert loaded.origins[name] == origins[winner]


# --- variables ---


@pytest.mark.parametrize(
    "text", ["critics/a,critics/b", " critics/a , critics/b ,", '["critics/a", "critics/b"]']
)
def test_a_list_is_words_joined_by_commas_or_json(text: str) -> None:
    for name in ("ELEANOR_PLUGINS__ENABLE", "eleanor_plugins__enable"):
        loaded = load_settings(env={name: text})
        assert loaded.settings.plugins.enable == ("critics/a", "critics/b")
        assert loaded.origins["plugins.enable"] == f"environment {name}"
    assert load_settings({"plugins.exact": text}, env={}).settings.plugins.exact == (
        "critics/a",
        "critics/b",
    )


def test_a_plugin_name_is_written_with_underscores_and_its_own_settings_keep_theirs() -> None:
    loaded = load_settings(
        env={
            "ELEANOR_DETECTORS__PERSONAL_DATA__DEADLINE": "2",
            "ELEANOR_DETECTORS": '{"hidden-text": {"deadline": 1}, "personal_data": {}}',
            "ELEANOR_CRITICS__MY_OWN__SETTINGS__WORD_LIST": '["a", "b"]',
            "ELEANOR_CRITICS__MY_OWN__SETTINGS__AREA__CODE": "007",
            "ELEANOR_CRITICS__MY_OWN__SETTINGS__MOST": "12",
        }
    )
    assert loaded.settings.detectors["personal-data"].deadline == 2.0
    assert loaded.settings.detectors["hidden-text"].deadline == 1.0
    assert loaded.settings.critics["my-own"].settings == {
        "word_list": ["a", "b"],
        "area": {"code": "007"},
        "most": "12",
    }


def test_the_longer_variable_wins_over_the_table_that_holds_it() -> None:
    env = {"ELEANOR_LIMITS__TEXT_BYTES": "5", "ELEANOR_LIMITS": '{"text_bytes": 1}'}
    assert load_settings(env=env).settings.limits.text_bytes == 5


def test_null_unsets_a_list_and_empty_counts_as_not_set(here: Path) -> None:
    file = write(here / "s.toml", '[plugins]\nexact = ["critics/a"]\n')
    kept = load_settings(file=file, env={"ELEANOR_PLUGINS__EXACT": " "})
    assert kept.settings.plugins.exact == ("critics/a",)
    unset = load_settings(file=file, env={"ELEANOR_PLUGINS__EXACT": "null"})
    assert unset.settings.plugins.exact is None


def test_an_empty_table_takes_nothing_away(here: Path) -> None:
    file = write(here / "s.yaml", "critics: {rights: {deadline: 3}}\nlimits: {}\n")
    loaded = load_settings({"critics": {"rights": {}}}, file=file, env={})
    assert loaded.settings.critics["rights"].deadline == 3.0
    assert loaded.settings.limits == Settings().limits


def test_a_table_of_a_higher_source_replaces_a_value_in_a_plugins_settings(here: Path) -> None:
    file = write(here / "s.yaml", "critics: {rights: {settings: {words: few, most: 3}}}\n")
    loaded = load_settings({"critics.rights.settings.words.min": "2"}, file=file, env={})
    assert loaded.settings.critics["rights"].settings == {"words": {"min": "2"}, "most": 3}


# --- which files are read ---


def test_env_file_of_the_current_directory_is_read_unless_another_or_none_is_named(
    here: Path,
) -> None:
    write(here / ".env", "ELEANOR_LIMITS__TEXT_BYTES=1\n")
    other = write(here / ".env.production", "export ELEANOR_LIMITS__TEXT_BYTES='2' # two\n")
    assert load_settings(env={}).origins["limits.text_bytes"] == "env file .env"
    named = load_settings(env={"ELEANOR_ENV_FILE": str(other)})
    assert named.settings.limits.text_bytes == 2
    none = load_settings(env={"ELEANOR_ENV_FILE": ""})
    assert none.settings == Settings()


def test_nothing_is_expanded_in_an_env_file(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "found")
    write(here / ".env", "ELEANOR_CRITICS__A__SETTINGS__WORD=${WORD}\n")
    assert load_settings(env={}).settings.critics["a"].settings == {"word": "${WORD}"}


def test_settings_file_in_the_home_folder_is_read_unless_another_or_none_is_named(
    here: Path,
) -> None:
    home = here / "state"
    file = write(home / "settings.yaml", "limits: {text_bytes: 1}\n")
    env = {"ELEANOR_HOME": str(home)}
    assert load_settings(env=env).origins["limits.text_bytes"] == f"file {file}"
    assert load_settings({"home": str(home)}, env={}).settings.limits.text_bytes == 1
    other = write(here / "other.toml", "limits.text_bytes = 2\n")
    named = load_settings(env=env | {"ELEANOR_SETTINGS_FILE": str(other)})
    assert named.settings.limits.text_bytes == 2
    assert load_settings(file=other, env=env).settings.limits.text_bytes == 2
    none = load_settings(env=env | {"ELEANOR_SETTINGS_FILE": ""})
    assert none.settings.limits == Settings().limits

    write(home / "settings.toml", "")
    assert "settings.toml: keep one of them" in refusal(env=env)


def test_settings_file_in_the_platform_folder_is_read(here: Path) -> None:
    write(here / "data" / "eleanor" / "settings.yml", "logging: {level: info}\n")
    loaded = load_settings(env={"XDG_DATA_HOME": str(here / "data")})
    assert loaded.settings.logging.level == "info"


def test_yaml_anchors_and_merges_are_no_duplicates(here: Path) -> None:
    text = "critics:\n  a: &own {deadline: 2}\n  b: {<<: *own, deadline: 3}\n  c: *own\n"
    critics = load_settings(file=write(here / "s.yaml", text), env={}).settings.critics
    assert [critics[name].deadline for name in "abc"] == [2.0, 3.0, 2.0]


def test_an_empty_file_is_no_fault(here: Path) -> None:
    for name in ("s.yaml", "s.toml"):
        loaded = load_settings(file=write(here / name, "\ufeff# nothing yet\n"), env={})
        assert loaded.settings == Settings()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s.yaml", "limits: {\n  text_bytes: 1\nlogging: [", "s.yaml: line 3: "),
        ("s.yaml", "limits: {}\nlogging: {}\nlimits: {}\n", "line 3: the key 'limits' stands"),
        ("s.yaml", "a: {b: {c: 1, c: 2}}", "line 1: the key 'c' stands there twice"),
        ("s.yaml", "home: !!python/object:os.system {}", "line 1: could not determine"),
        ("s.yaml", "limits: {}\nhome: \x00", "line 2: special characters are not allowed"),
        ("s.yaml", "critics: {a: {settings: &own {own: *own}}}", "more than 100000 values"),
        ("s.yaml", f"a: {'[' * 2000}", "is nested too deeply"),
        ("s.yaml", BOMB, "holds more than 100000 values, each alias counted where it is used"),
        (
            "s.yaml",
            "a: 1\n---\nb: 2",
            "line 2: expected a single document in the stream, but found",
        ),
        ("s.yaml", "critics: {a: {settings: {most: .inf}}}", "critics.a.settings"),
        ("s.yaml", "- limits", "must be a table of keys at its top"),
        ("s.toml", "[limits]\ntext_bytes = \n", "(at line 2, column 14)"),
        ("s.toml", "[limits]\n[limits]\n", "line 2"),
        ("s.json", "{}", "must end in .yaml, .yml or .toml"),
    ],
)
def test_a_malformed_settings_file_says_file_and_line(
    here: Path, name: str, text: str, said: str
) -> None:
    message = refusal(file=write(here / name, text))
    assert f"file {here / name}" in message
    assert said in message


def test_a_file_that_cannot_be_read_is_said_with_everything_else(here: Path) -> None:
    (here / "binary.env").write_bytes(b"# one\n# \xff\n")
    message = refusal(
        file=here / "none.yaml",
        env_file=here / "binary.env",
        env={"ELEANOR_LIMITS__TEXT_BYTES": "x"},
    )
    assert f"settings file {here / 'none.yaml'}: cannot be read: No such file" in message
    assert f"env file {here / 'binary.env'}, line 2: is not UTF-8" in message
    assert "limits.text_bytes" in message


def test_a_malformed_env_file_says_file_and_line(here: Path) -> None:
    write(
        here / ".env",
        "# one\nELEANOR_LIMITS__TEXT_BYTES\n'broken\nELEANOR_SETTINGS_FILE=x\n"
        "ELEANOR_HOME=/a\nELEANOR_HOME=/b\n",
    )
    message = refusal()
    assert "env file .env, line 2: must be NAME=value" in message
    assert "env file .env, line 3: must be NAME=value" in message
    assert "env file .env, line 4: ELEANOR_SETTINGS_FILE has no effect here" in message
    assert "home (env file .env): is set twice there" in message
