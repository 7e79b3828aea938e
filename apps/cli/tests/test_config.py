"""`eleanor config` and the options before the verb."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator


def test_show_says_where_each_value_came_from(eleanor):
    (eleanor.work / "mine.yaml").write_text("limits:\n  context_depth: 7\n")
    arguments = ("--settings", "mine.yaml", "--set", "limits.text_bytes=5000", "config", "show")
    shown = eleanor(*arguments, "--json").json
    assert shown["limits.text_bytes"]["value"] == 5000
    assert shown["limits.text_bytes"]["origin"] == "command line"
    assert shown["limits.context_depth"]["value"] == 7
    assert shown["limits.context_depth"]["origin"] == "file mine.yaml"
    assert shown["plugins.exact"]["origin"] == "environment ELEANOR_PLUGINS__EXACT"
    assert shown["limits.context_marks"]["origin"] == "default"
    assert shown["home"]["value"] == str(eleanor.home)
    people = eleanor(*arguments).out
    assert any(
        line.split() == ["limits.text_bytes", "command", "line", "5000"]
        for line in people.splitlines()
    )


def test_home_goes_before_the_environment_and_is_absolute(eleanor):
    shown = eleanor("--home", "elsewhere", "config", "show", "--json").json
    assert shown["home"] == shown["home"] | {
        "value": str(eleanor.work / "elsewhere"),
        "origin": "command line",
    }


def test_the_last_of_several_sets_wins_and_text_is_read_as_a_variable_is(eleanor):
    shown = eleanor(
        *("--set", "limits.text_bytes=1", "--set", "limits.text_bytes=2"),
        *("--set", "policy.high_impact_domains=credit, housing", "config", "show", "--json"),
    ).json
    assert shown["limits.text_bytes"]["value"] == 2
    assert shown["policy.high_impact_domains"]["value"] == ["credit", "housing"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--set", "limits.text_bytes"), "--set takes key=value"),
        (("--set", "=5"), "--set takes key=value"),
        (("--set", "limits.text_byte=5"), "limits.text_byte"),
        (("--set", "limits.text_bytes=many"), "limits.text_bytes"),
        (("--settings", "missing.yaml"), "missing.yaml"),
    ],
)
def test_settings_that_cannot_be_used_end_2(eleanor, arguments, said):
    for verb in (["config", "show"], ["evaluate", "a fine text"], ["plugins"]):
        ran = eleanor(*arguments, *verb)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        program = eleanor(*arguments, *verb, "--json")
        assert (program.code, program.err) == (2, "")
        assert said in program.json["error"]["message"]


def test_schemas(eleanor):
    settings = eleanor("config", "schema").json
    Draft202012Validator.check_schema(settings)
    assert "limits" in settings["properties"]
    schema = eleanor("config", "schema", "--result").json
    result = eleanor("evaluate", "a grave signal", "--json").json
    Draft202012Validator(schema).validate(result)


def test_logs_go_to_standard_error_as_the_settings_say(eleanor):
    broken = ("--set", 'plugins.exact=["critics/stranger","critics/broken","evidence/file"]')
    text = eleanor(*broken, "evaluate", "a fine text", "--json")
    assert text.code == 11
    assert text.json["critics"]["broken"]["reason"] == "broken"
    assert "plugin_broken" in text.err
    as_json = eleanor(*broken, "--set", "logging.format=json", "evaluate", "fine", "--json")
    line = json.loads(as_json.err.splitlines()[0])
    assert (line["level"], line["event"]) == ("error", "plugin_broken")


def test_version_and_help(eleanor):
    assert eleanor("--version").out == "eleanor 0.1.0\n"
    for arguments in ((), ("evaluate",), ("batch",), ("plugins",), ("evidence",), ("config",)):
        shown = eleanor(*arguments, "--help")
        assert shown.code == 0
        assert shown.out.startswith("Usage: eleanor")
    assert eleanor("sing").code == 2
    assert eleanor().code == 2
