"""Plugins that the embedding program hands over, and what `explain` says of any plugin."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from eleanor_core.api import CriticDeclaration, DetectorDeclaration, hookimpl
from eleanor_core.errors import (
    DuplicatePluginError,
    PluginError,
    SettingsError,
)
from eleanor_core.registry import IN_PROCESS, explain, load
from tests.unit.plugin_dists import Dists, make_dists, settings


@pytest.fixture
def dists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dists]:
    """Yield a folder of dists."""
    yield from make_dists(tmp_path, monkeypatch)


def a_critic(name: str = "given", **values: object) -> CriticDeclaration:
    """Return a declaration that is never started."""
    return CriticDeclaration(
        name=name, factory=lambda *_: None, principle="risk", clauses={"K1"}, **values
    )


class Given:
    """A plugin as an instance."""

    def __init__(self, *declarations: object) -> None:
        self.declarations = declarations
        self.calls = 0

    @hookimpl
    def eleanor_register_critics(self) -> list[object]:
        """Declare them."""
        self.calls += 1
        return list(self.declarations)


def test_a_given_instance_or_module_is_always_enabled() -> None:
    given = Given(a_critic())
    module = ModuleType("given_module")
    module.eleanor_register_critics = hookimpl(lambda: [a_critic("other")])
    registry = load(settings(exact=(), enable=()), [given, module, given])
    assert list(registry.loaded["critics"]) == ["given", "other"]
    assert given.calls == 1
    loaded = registry.loaded["critics"]["given"]
    assert (loaded.provenance.dist, loaded.provenance.version) == (IN_PROCESS, "0")
    assert loaded.origin == __file__
    [row] = [row for row in registry.rows() if row.name == "given"]
    assert (row.status, row.reason) == ("enabled", "given by the embedding program")


def test_a_given_plugin_meets_enable_require_and_settings_by_name() -> None:
    chosen = settings(
        enable=["critics/given"], require=["critics/given"], critics={"given": {"deadline": 3}}
    )
    registry = load(chosen, [Given(a_critic())])
    assert registry.broken == ()
    [row] = [row for row in registry.rows() if row.name == "given"]
    assert row.status == "required"


def test_block_wins_over_a_given_plugin_too() -> None:
    registry = load(settings(enable=(), block=["critics/given"]), [Given(a_critic())])
    assert registry.loaded["critics"] == {}
    [row] = [row for row in registry.rows() if row.name == "given"]
    assert (row.status, row.reason) == ("blocked", "blocked by plugins.block")


def test_a_given_plugin_that_is_broken_is_recorded() -> None:
    registry = load(
        settings(enable=(), critics={"unborn": {"deadline": 3}}),
        [Given(a_critic(api="9.9")), Given("nothing")],
    )
    assert [(item.ref, item.dist, item.stage) for item in registry.broken] == [
        ("critics/Given", IN_PROCESS, "register"),
        ("critics/given", IN_PROCESS, "api"),
    ]


def test_a_given_name_that_an_enabled_dist_has_is_a_duplicate(dists: Dists) -> None:
    dists.tactfulness("raise AssertionError")
    with pytest.raises(DuplicatePluginError) as refused:
        load(settings(), [Given(a_critic("tactfulness"))])
    assert "tactful 0.1.0 (tactful) and in-process 0" in str(refused.value)
    assert "leave the installed one out of plugins.defaults" in str(refused.value)
    only_given = load(settings(enable=()), [Given(a_critic("tactfulness"))])
    assert only_given.loaded["critics"]["tactfulness"].provenance.dist == IN_PROCESS
    assert {row.status for row in only_given.rows() if row.name == "tactfulness"} == {
        "available",
        "enabled",
    }


def test_two_given_plugins_with_one_name_are_a_duplicate() -> None:
    with pytest.raises(DuplicatePluginError, match="give one of them another name"):
        load(settings(enable=()), [Given(a_critic()), Given(a_critic())])


def test_an_object_without_a_usable_hook_is_refused() -> None:
    with pytest.raises(PluginError, match="'SimpleNamespace', given in plugins=, is no usable"):
        load(settings(enable=()), [SimpleNamespace()])

    @hookimpl
    def eleanor_register_critic() -> list[object]:
        return []

    misspelt = SimpleNamespace(eleanor_register_critic=eleanor_register_critic)
    with pytest.raises(PluginError, match=r"did you mean 'eleanor_register_critics'\?"):
        load(settings(enable=()), [misspelt])


# -- in words ----------------------------------------------------------------------------------


def test_explain_says_why_and_what_a_loaded_critic_declares(dists: Dists) -> None:
    dists.tactfulness()
    [explained] = explain("tactfulness", settings())
    assert str(explained).splitlines() == [
        "critics/tactfulness (tactful 0.1.0) is enabled: enabled by plugins.enable",
        "  summary: Objects to insults.",
        "  entry point: tactful",
        f"  file: {dists.root / 'tactful.py'}",
        "  hook: eleanor_register_critics",
        "  plugin API: 1.0",
        "  principle: pragmatics",
        "  clauses: G1",
        "  thresholds: objection 0.5, escalation 0.6, deny 0.9",
        "  execution: task",
        "  deadline: 5 s",
        "  patterns: 0",
        "  may leave unassessed: language (The text is in a language that it cannot read.)",
        "  critics.tactfulness.settings.words (tuple[str, ...], default ('fool',)): "
        "Words that it objects to.",
        "  critics.tactfulness.settings.tone (str, default 'plain'): How it speaks.",
    ]


def test_explain_imports_nothing_that_is_off(dists: Dists) -> None:
    dists.tactfulness("raise AssertionError")
    [explained] = explain("critics/tactfulness", settings(enable=()))
    assert explained.row.status == "available"
    assert "to enable it: add 'critics/tactfulness' to plugins.enable" in str(explained)
    [explained] = explain("critics/tactfulness", settings(block=["critics/tactfulness"]))
    assert "is blocked: blocked by plugins.block" in str(explained)
    assert "tactful" not in sys.modules


def test_explain_explains_a_broken_required_plugin(dists: Dists) -> None:
    dists.tactfulness("raise OSError('no luck')")
    [explained] = explain("critics/tactfulness", settings(require=["critics/tactfulness"]))
    assert explained.row.status == "broken"
    assert "is broken at import: OSError: no luck at " in str(explained)


def test_explain_takes_a_bare_name_that_two_plugins_bear() -> None:
    class Both(Given):
        @hookimpl
        def eleanor_register_detectors(self) -> list[DetectorDeclaration]:
            return [
                DetectorDeclaration(
                    name="given", factory=lambda *_: None, categories={"lamp": "A lamp."}
                )
            ]

    explained = explain("given", settings(enable=()), [Both(a_critic())])
    assert [item.row.ref for item in explained] == ["critics/given", "detectors/given"]
    assert explained[1].facts["categories"] == "lamp (A lamp.)"


def test_explain_keeps_two_plugins_of_one_ref_apart(dists: Dists) -> None:
    dists.tactfulness("raise AssertionError")
    explained = explain("tactfulness", settings(enable=()), [Given(a_critic("tactfulness"))])
    principles = {item.row.dist: item.facts.get("principle") for item in explained}
    assert principles == {"tactful": None, IN_PROCESS: "risk"}


def test_explain_knows_what_was_meant(dists: Dists) -> None:
    dists.tactfulness()
    with pytest.raises(
        SettingsError, match=r"no plugin 'tactfulnes' .*did you mean 'tactfulness'\?"
    ):
        explain("tactfulnes", settings())
