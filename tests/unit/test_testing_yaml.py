"""The YAML cases of the kit: which files are taken, what passes, and what a failure says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

VOICES = """
from eleanor_core.api import (
    CriticResult, CriticViolation, DetectorDeclaration, DetectorResult, DetectorSignal, Gap,
    Pattern, PluginSettings, hookimpl,
)
from eleanor_core.testing import critic_plugin, detector_plugin
from pydantic import Field

SHOUT = (Pattern(id="shout", regex=r"\\b[A-Z]{4,}\\b"),)

class Options(PluginSettings):
    limit: int = Field(default=1, description="Shouts from which it objects.")

def calm(case):
    assert case.context.get("breaks") is None
    hits = case.hits[:1]
    return CriticResult(
        critic="calm",
        score=0.7 if hits else 0.1,
        confidence=0.5,
        violations=tuple(
            CriticViolation(clause="A2", severity=1, rationale="It shouts.", span=hit.span)
            for hit in hits
        ),
        not_assessed=(Gap(concern="tone", reason="action"),) if case.kind == "action" else (),
    )

def loud(case):
    signals = tuple(DetectorSignal(detector="loud", category="shouting", span=hit.span)
                    for hit in case.hits)
    return DetectorResult(detector="loud", score=1.0 if signals else 0.0, signals=signals)

@hookimpl
def eleanor_register_critics():
    plugin = critic_plugin("calm", calm, clauses=["A2"], patterns=SHOUT, settings=Options,
                           gaps={"action": "how an action sounds"})
    return [plugin.declaration]

@hookimpl
def eleanor_register_detectors():
    plugin = detector_plugin("loud", loud, categories={"shouting": "capitals"}, patterns=SHOUT)
    return [plugin.declaration]
"""

GOOD = """
critic: calm
plugin: yaml_voices
settings: {limit: 2}
pass:
  - Take out the trash.
  - {text: Send it., kind: action, gap: action}
  - {text: STOP it, below: 0.8}
flag:
  - {text: STOP it, clause: A2, at_least: 0.7, context: {domain: general}}
"""

WRONG = """
critic: calm
plugin: yaml_voices
pass:
  - STOP it
flag:
  - Take out the trash.
  - {text: STOP it, clause: D2, gap: action}
  - {text: STOP it, context: {breaks: true}}
"""


@pytest.fixture
def voices(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a module of two voices."""
    pytester.makepyfile(yaml_voices=VOICES)
    monkeypatch.syspath_prepend(str(pytester.path))
    return pytester


def test_every_text_is_a_test(voices: pytest.Pytester) -> None:
    voices.path.joinpath("calm.eleanor.yaml").write_text(GOOD)
    result = voices.runpytest("-v", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*calm.eleanor.yaml::pass-1?Take out the trash.? PASSED*"])


def test_detectors_have_cases_too(voices: pytest.Pytester) -> None:
    folder = voices.mkdir("eleanor_cases")
    folder.joinpath("loud.yaml").write_text(
        "detector: loud\nplugin: yaml_voices\n"
        "pass: [stop it]\nflag: [{text: STOP it, category: shouting}]\n"
    )
    voices.runpytest("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_failures_say_what_was_expected(voices: pytest.Pytester) -> None:
    voices.path.joinpath("calm.eleanor.yaml").write_text(WRONG)
    result = voices.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "pass: 'STOP it'",
            "the score is 0.700, expected below 0.5",
            "flag: 'Take out the trash.'",
            "the score is 0.100, expected at least 0.5",
            "clause D2 is missing; found: A2",
            "gap action is missing; found: none",
            "it abstained: raised, AssertionError*",
        ]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pass: [a]", "*name one voice: 'critic: NAME' or 'detector: NAME'*"),
        ("critic: a\nflags: [a]", "*flags*"),
        ("critic: [", "*wrong.eleanor.yaml is no file of cases*"),
        ("critic: calm\npass: [{text: a, at_least: 2}]", "*less than or equal to 1*"),
    ],
)
def test_a_malformed_file_is_an_error(voices: pytest.Pytester, text: str, said: str) -> None:
    voices.path.joinpath("wrong.eleanor.yaml").write_text(text)
    result = voices.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


def test_a_voice_that_is_not_installed_is_named(voices: pytest.Pytester) -> None:
    voices.path.joinpath("gone.eleanor.yaml").write_text("critic: nobody-has-this\npass: [a]\n")
    result = voices.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["it abstained: broken, *critics/nobody-has-this*not installed*"])


def test_foreign_yaml_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("compose.yaml").write_text("critic: 3")
    pytester.mkdir("cases").joinpath("data.yaml").write_text("critic: 3")
    result = pytester.runpytest("-p", "no:cacheprovider")
    result.assert_outcomes()


@pytest.mark.long
def test_the_plugin_loads_nothing_of_the_engine(tmp_path: Path) -> None:
    script = (
        "import sys, pytest, eleanor_core; before = set(sys.modules);"
        "pytest.main(['-q', '--collect-only', sys.argv[1]]);"
        "print(sorted(name for name in set(sys.modules) - before if 'eleanor' in name))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    loaded = run.stdout.splitlines()[-1]
    assert loaded == str(["eleanor_core.testing", "eleanor_core.testing.plugin"])
