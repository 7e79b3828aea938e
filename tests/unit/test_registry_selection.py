"""Discovery reads metadata alone, and settings decide what is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from eleanor_core.errors import DuplicatePluginError, RequiredPluginError, SettingsError
from eleanor_core.registry import discover, load
from eleanor_core.registry.discover import file_of
from tests.unit.plugin_dists import CRITIC, HOOK, Dists, make_dists, settings

BOMB = "raise SystemExit('imported')"
OURS = {"tactful", "new-name", "new.name"}


@pytest.fixture
def dists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dists]:
    """Yield a folder of dists."""
    yield from make_dists(tmp_path, monkeypatch)


def test_discover_reads_metadata_and_imports_nothing(dists: Dists) -> None:
    dists.add(
        "two-kinds",
        {"critics": {"alpha": "twokinds.voices"}, "detectors": {"beta": "twokinds.voices:obj"}},
        {"twokinds/__init__.py": BOMB, "twokinds/voices.py": BOMB},
        version="2.3",
    )
    alpha, beta = (item for item in discover() if item.dist == "two-kinds")
    assert (alpha.kind, alpha.name, alpha.version) == ("critics", "alpha", "2.3")
    assert (alpha.target, alpha.summary) == ("twokinds.voices", "The dist two-kinds.")
    assert beta.ref == "detectors/beta"
    voices = str(dists.root / "twokinds" / "voices.py")
    assert file_of(alpha.target) == file_of(beta.target) == voices
    assert "twokinds" not in sys.modules


def test_what_is_installed_or_removed_while_the_process_runs_is_noticed(dists: Dists) -> None:
    before = discover()
    dists.tactfulness()
    assert [item.ref for item in discover() if item not in before] == ["critics/tactfulness"]
    (dists.root / "tactful-0.1.0.dist-info").rename(dists.root / "tactful-0.1.0.gone")
    assert discover() == before


def test_of_two_copies_of_a_dist_the_first_on_the_path_counts(
    dists: Dists, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    dists.tactfulness()
    dists.add("new-name", {"critics": {"calm": "calm"}})
    first = Dists(tmp_path_factory.mktemp("first"))
    monkeypatch.syspath_prepend(str(first.root))
    first.add("tactful", {"critics": {"tact": "tact"}}, version="0.2.0")
    first.add("New.Name", {"others": {"calm": "calm"}})
    ours = [(item.ref, item.version) for item in discover() if item.dist.lower() in OURS]
    assert ours == [("critics/tact", "0.2.0")]


def test_discover_bears_targets_and_metadata_that_make_no_sense(
    dists: Dists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "specless", ModuleType("specless"))
    targets = {"four": "specless", "one": "no_such_module", "three": "os.x.y", "two": "a..b"}
    dists.add("odd", {"critics": targets})
    (dists.root / "odd-0.1.0.dist-info" / "METADATA").write_text("", "utf-8")
    found = [item for item in discover() if item.dist == "a dist without a name"]
    assert [(item.name, item.version, file_of(item.target)) for item in found] == [
        (name, "?", "") for name in targets
    ]


def test_importing_the_registry_and_discovering_loads_nothing_heavy(dists: Dists) -> None:
    dists.add("heavy", {"backends": {"heavy": "heavy"}}, {"heavy.py": "import numpy"})
    program = (
        "import sys; from eleanor_core.registry import discover; found = discover(); "
        "assert [item.name for item in found if item.dist == 'heavy'] == ['heavy']; "
        "print(sorted({'torch', 'jax', 'hvac', 'numpy', 'heavy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(dists.root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_default_is_used_where_installed_and_not_missed_where_not(dists: Dists) -> None:
    dists.tactfulness()
    registry = load(settings(enable=(), defaults=("critics/tactfulness", "critics/gone")))
    assert list(registry.loaded["critics"]) == ["tactfulness"]
    assert registry.broken == ()
    [row] = [row for row in registry.rows() if row.dist == "tactful"]
    assert (row.status, row.reason) == ("enabled", "in plugins.defaults")
    assert (row.summary, row.hooks) == ("Objects to insults.", ("eleanor_register_critics",))


def test_what_is_only_installed_is_available_and_never_imported(dists: Dists) -> None:
    dists.tactfulness(BOMB)
    registry = load(settings(enable=()))
    [row] = [row for row in registry.rows() if row.dist == "tactful"]
    assert row.status == "available"
    assert row.reason == "installed, but neither in plugins.defaults nor in plugins.enable"
    assert "tactful" not in sys.modules


def test_block_wins_and_a_blocked_plugin_is_never_imported(dists: Dists) -> None:
    dists.tactfulness(BOMB)
    registry = load(settings(block=["critics/tactfulness"], defaults=["critics/tactfulness"]))
    assert registry.broken == ()
    [row] = [row for row in registry.rows() if row.dist == "tactful"]
    assert (row.status, row.reason) == ("blocked", "blocked by plugins.block")
    assert "tactful" not in sys.modules


def test_a_block_that_names_nothing_is_shown_with_what_was_meant(dists: Dists) -> None:
    dists.tactfulness()
    [row] = [
        row
        for row in load(settings(enable=(), block=["critics/tactfulnes"])).rows()
        if row.name == "tactfulnes"
    ]
    assert row.status == "blocked"
    assert row.reason == (
        "blocked by plugins.block; not installed; did you mean 'critics/tactfulness'?"
    )


def test_an_exact_set_replaces_the_defaults(dists: Dists) -> None:
    dists.tactfulness()
    dists.add("other", {"critics": {"other": "other_bomb"}}, {"other_bomb.py": BOMB})
    registry = load(settings(exact=["critics/tactfulness"], enable=(), defaults=["critics/other"]))
    assert list(registry.loaded["critics"]) == ["tactfulness"]
    reasons = {row.name: row.reason for row in registry.rows() if row.dist in {"tactful", "other"}}
    assert reasons == {"tactfulness": "in plugins.exact", "other": "left out by plugins.exact"}


def test_enabled_but_not_installed_is_broken_at_discover(dists: Dists) -> None:
    dists.tactfulness()
    registry = load(settings(enable=["critics/tactfulnes"]))
    [broken] = registry.broken
    assert (broken.stage, broken.ref, broken.dist) == ("discover", "critics/tactfulnes", "")
    assert broken.error == (
        "enabled by plugins.enable, but not installed; did you mean 'critics/tactfulness'?"
    )
    assert "take its name out of the settings" in broken.hint
    [row] = [row for row in registry.rows() if row.name == "tactfulnes"]
    assert row.status == "broken"


def test_an_entry_point_in_a_misspelt_group_is_pointed_out(dists: Dists) -> None:
    dists.add("stray", {"critic": {"lonely": "lonely"}})
    [broken] = load(settings(enable=["critics/lonely"])).broken
    assert "stray has it in the unknown group 'eleanor.critic'; it should be" in broken.error
    assert "'eleanor.critics'" in broken.error


def test_required_but_not_installed_refuses_to_start() -> None:
    with pytest.raises(RequiredPluginError, match=r"critics/gone is broken at discover: required"):
        load(settings(enable=(), require=["critics/gone"]))


def test_required_and_sound_has_that_status(dists: Dists) -> None:
    dists.tactfulness()
    registry = load(settings(enable=(), require=["critics/tactfulness"]))
    [row] = [row for row in registry.rows() if row.dist == "tactful"]
    assert (row.status, row.reason) == ("required", "required by plugins.require")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"require": ["critics/a"], "block": ["critics/a"]},
            "a required plugin cannot be blocked",
        ),
        ({"require": ["critics/a"], "exact": []}, "which plugins.exact leaves out"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys: dict[str, list[str]], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(settings(**{"enable": (), **keys}))
    assert said in str(refused.value)


@pytest.mark.parametrize("key", ["enable", "defaults", "require", "exact"])
def test_two_dists_with_one_name_refuse_to_start_before_any_import(dists: Dists, key: str) -> None:
    dists.add("first", {"critics": {"same": "first_mod"}}, {"first_mod.py": BOMB}, version="1.2")
    dists.add("second", {"critics": {"same": "second_mod"}}, {"second_mod.py": BOMB})
    with pytest.raises(DuplicatePluginError) as refused:
        load(settings(**{"enable": (), key: ["critics/same"]}))
    assert str(refused.value) == (
        "critics/same is claimed by first 1.2 (first_mod) and second 0.1.0 (second_mod); "
        "keep one: pip uninstall first, or pip uninstall second"
    )
    assert not {"first_mod", "second_mod"} & set(sys.modules)


def test_one_dist_that_contradicts_itself_refuses_to_start(dists: Dists) -> None:
    dists.add("torn", {"critics": {"same": "one"}})
    lines = "[eleanor.critics]\nsame = one\nsame = two\n"
    (dists.root / "torn-0.1.0.dist-info" / "entry_points.txt").write_text(lines, "utf-8")
    with pytest.raises(DuplicatePluginError) as refused:
        load(settings(enable=["critics/same"]))
    assert str(refused.value) == (
        "critics/same is claimed by torn 0.1.0 (one) and torn 0.1.0 (two); "
        "its entry points contradict each other: repair it, or pip uninstall torn"
    )


def test_two_claims_on_a_name_that_nobody_chose_are_no_error(dists: Dists) -> None:
    dists.add("first", {"critics": {"same": "x"}})
    dists.add("second", {"critics": {"same": "y"}})
    rows = load(settings(enable=(), block=["critics/same"])).rows()
    assert [row.dist for row in rows if row.name == "same"] == ["first", "second"]


def test_two_copies_of_one_dist_on_the_path_are_one(
    dists: Dists, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    dists.tactfulness()
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(sys, "path", [*sys.path, str(elsewhere)])
    Dists(elsewhere).tactfulness(CRITIC + HOOK)
    assert list(load(settings()).loaded["critics"]) == ["tactfulness"]
