"""What is chosen is loaded once, with its own settings, or refuses to start with a reason."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs.exceptions import FrozenInstanceError

from eleanor_core.errors import (
    RequiredPluginError,
    SettingsError,
)
from eleanor_core.registry import load
from tests.unit.plugin_dists import CRITIC, HOOK, Dists, make_dists, settings


@pytest.fixture
def dists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dists]:
    """Yield a folder of dists."""
    yield from make_dists(tmp_path, monkeypatch)


def test_a_sound_plugin_is_loaded_with_its_provenance(dists: Dists) -> None:
    dists.tactfulness()
    registry = load(settings(critics={"tactfulness": {"settings": {"tone": "stern"}}}))
    loaded = registry.loaded["critics"]["tactfulness"]
    assert loaded.declaration.summary == "Objects to insults."
    assert loaded.settings.model_dump() == {"words": ("fool",), "tone": "stern"}
    said = loaded.provenance
    assert (said.plugin, said.dist, said.version) == ("critics/tactfulness", "tactful", "0.1.0")
    assert loaded.origin == str(dists.root / "tactful.py")
    with pytest.raises(FrozenInstanceError):
        registry.required = frozenset()  # type: ignore[misc] # what must fail
    with pytest.raises(TypeError):
        registry.loaded["critics"]["x"] = loaded  # type: ignore[index] # what must fail


def test_a_dist_that_it_requires_is_missing(dists: Dists) -> None:
    dists.tactfulness(
        "raise AssertionError",
        requires=[
            "eleanor-core>=0.1,<1",
            "pluggy >=1",
            "not-there-at-all[x] (>=2)",
            "no-such-extra; extra == 'more'",
        ],
    )
    [broken] = load(settings()).broken
    assert broken.stage == "requires"
    assert broken.error == "tactful requires not-there-at-all, which is not installed"
    assert "pip check" in broken.hint
    assert "tactful" not in sys.modules


def test_one_module_is_imported_and_called_once_for_all_its_entry_points(dists: Dists) -> None:
    source = (
        "import sys\nsys.tactful_calls = []\n"
        + CRITIC
        + "import attrs\nfrom eleanor_core.api import DetectorDeclaration\n"
        + HOOK.replace(
            "return [TACTFULNESS]",
            "sys.tactful_calls.append('critics')\n"
            "    return [TACTFULNESS, attrs.evolve(TACTFULNESS, name='second')]",
        )
        + "\n@hookimpl\ndef eleanor_register_detectors():\n    raise OSError('no')\n"
    )
    dists.add(
        "tactful",
        {
            "critics": {"tactfulness": "tactful", "second": "tactful", "third": "tactful"},
            "detectors": {"lamp": "tactful", "torch": "tactful"},
        },
        {"tactful.py": source},
    )
    refs = ["critics/tactfulness", "critics/second", "critics/third", "detectors/lamp"]
    registry = load(settings(enable=refs))
    assert list(registry.loaded["critics"]) == ["second", "tactfulness"]
    assert [(item.ref, item.error) for item in registry.broken] == [
        (
            "critics/third",
            "eleanor_register_critics declares no 'third', it declares second, tactfulness",
        ),
        ("detectors/lamp", "eleanor_register_detectors raised OSError: no"),
    ]
    assert sys.tactful_calls == ["critics"]  # type: ignore[attr-defined] # the module set it


def test_what_failed_to_import_is_not_imported_again(dists: Dists) -> None:
    dists.add(
        "tactful",
        {"critics": {"a": "tactful", "b": "tactful"}},
        {"tactful.py": "import sys\nsys.tactful_tries.append(1)\nraise OSError\n"},
    )
    sys.tactful_tries = []  # type: ignore[attr-defined] # read by the module
    assert len(load(settings(enable=["critics/a", "critics/b"])).broken) == 2
    assert sys.tactful_tries == [1]  # type: ignore[attr-defined] # as above


def test_a_broken_required_plugin_refuses_to_start_with_its_cause(dists: Dists) -> None:
    dists.tactfulness("import no_such_module_at_all")
    with pytest.raises(RequiredPluginError) as refused:
        load(settings(enable=(), require=["critics/tactfulness"]))
    assert str(refused.value).startswith(
        "required by plugins.require: critics/tactfulness (tactful 0.1.0) is broken at import: "
        "ModuleNotFoundError: No module named 'no_such_module_at_all' at "
    )
    assert isinstance(refused.value.__cause__, ModuleNotFoundError)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"word": []},
            "critics.tactfulness.settings.word (eleanor.yaml): is unknown; its settings are tone, "
            "words; did you mean 'words'? (critics/tactfulness of tactful 0.1.0)",
        ),
        (
            {"tone": "hunter2"},
            "critics.tactfulness.settings.tone (eleanor.yaml): String should match pattern "
            "'^(plain|stern)$' (critics/tactfulness of tactful 0.1.0)",
        ),
        (
            {"words": [1]},
            "critics.tactfulness.settings.words.0 (eleanor.yaml): must be a valid string",
        ),
    ],
)
def test_a_bad_setting_is_the_users_and_is_named(
    dists: Dists, options: dict[str, object], said: str
) -> None:
    dists.tactfulness()
    origins = {f"critics.tactfulness.settings.{key}": "eleanor.yaml" for key in options}
    with pytest.raises(SettingsError) as refused:
        load(settings(critics={"tactfulness": {"settings": options}}), origins=origins)
    assert said in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_allowed_values_are_listed_and_all_faults_come_at_once(dists: Dists) -> None:
    source = CRITIC.replace(
        "tone: str = Field(",
        "kind: Literal['a', 'b'] = Field(description='One.')\n    tone: str = Field(",
    )
    dists.tactfulness("from typing import Literal\n" + source + HOOK)
    with pytest.raises(SettingsError) as refused:
        load(
            settings(
                critics={"tactfulness": {"settings": {"kind": "c"}}, "tactfulnes": {"deadline": 2}},
                sinks={"nowhere": {}},
            ),
            origins={"critics.tactfulnes.deadline": "ELEANOR_CRITICS__TACTFULNES__DEADLINE"},
        )
    lines = str(refused.value).splitlines()
    assert lines[0] == "the settings of plugins cannot be used; 3 to correct:"
    assert lines[1:] == [
        "  sinks.nowhere: no plugin evidence/nowhere is installed or given; "
        "install its dist, or take these settings out",
        "  critics.tactfulnes (ELEANOR_CRITICS__TACTFULNES__DEADLINE): no plugin critics/tactfulnes is "
        "installed or given; did you mean 'tactfulness'?",
        "  critics.tactfulness.settings.kind: must be 'a' or 'b' (critics/tactfulness of tactful 0.1.0)",
    ]


def test_settings_of_a_blocked_or_missing_plugin_are_no_error(dists: Dists) -> None:
    dists.tactfulness()
    keys = {"tactfulness": {"deadline": 2}, "gone": {"deadline": 2}}
    registry = load(settings(enable=["critics/gone"], block=["critics/tactfulness"], critics=keys))
    assert [item.ref for item in registry.broken] == ["critics/gone"]


def test_a_sink_in_the_order_that_nobody_brings_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"evidence\.sinks: no plugin evidence/nowhere is"):
        load(settings(enable=(), evidence={"sinks": ["nowhere"]}))
