"""Every way in which a plugin can be broken has its stage, its text and its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eleanor_core.api import BackendDeclaration, hookimpl
from eleanor_core.registry import Broken, load
from tests.unit.plugin_dists import CRITIC, HOOK, Dists, make_dists, settings


@pytest.fixture
def dists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dists]:
    """Yield a folder of dists."""
    yield from make_dists(tmp_path, monkeypatch)


def only_broken(dists: Dists, source: str) -> Broken:
    """Return what breaks when the critic tactfulness has this source, and a sound one stands by."""
    dists.tactfulness(source)
    sound = (CRITIC + HOOK).replace("tactfulness", "sound")
    dists.add("sound", {"critics": {"sound": "sound"}}, {"sound.py": sound})
    registry = load(settings(enable=["critics/tactfulness", "critics/sound"]))
    assert list(registry.loaded["critics"]) == ["sound"], "the others must load on"
    [broken] = registry.broken
    assert (broken.ref, broken.dist, broken.version) == ("critics/tactfulness", "tactful", "0.1.0")
    assert broken.hint
    [row] = [row for row in registry.rows() if row.dist == "tactful"]
    assert (row.status, row.reason) == ("broken", broken.text)
    assert broken.text.startswith("critics/tactfulness (tactful 0.1.0) is broken at ")
    return broken


def test_import_error_names_the_plugins_own_last_frame(dists: Dists) -> None:
    broken = only_broken(dists, "def go():\n    import no_such_module_at_all\n\n\ngo()\n")
    assert broken.stage == "import"
    assert broken.error == "ModuleNotFoundError: No module named 'no_such_module_at_all'"
    assert broken.frame == f"{dists.root / 'tactful.py'}:2 in go"
    assert "'critics/tactfulness' to plugins.block" in broken.hint
    assert "eleanor-core" in broken.hint


def test_the_frame_is_the_plugins_own_and_not_that_of_a_library_below(dists: Dists) -> None:
    broken = only_broken(dists, "import json\njson.loads('{')\n")
    assert broken.error.startswith("JSONDecodeError: ")
    assert broken.frame == f"{dists.root / 'tactful.py'}:2 in <module>"


@pytest.mark.parametrize(
    ("source", "error", "line"),
    [
        ("x = = 1\n", "SyntaxError: invalid syntax", 1),
        ("\nraise SystemExit(3)\n", "SystemExit: 3", 2),
        ("class E(Exception):\n    __str__ = None\n\n\nraise E\n", "E", 5),
        ("raise ValueError('long ' * 400)\n", "ValueError: long long", 1),
    ],
)
def test_whatever_an_import_raises_is_kept_short(
    dists: Dists, source: str, error: str, line: int
) -> None:
    broken = only_broken(dists, source)
    assert broken.stage == "import"
    assert broken.error.startswith(error)
    assert len(broken.error) <= 400
    assert broken.frame.endswith(f"tactful.py:{line} in <module>")


def test_a_keyboard_interrupt_is_nobodys_fault(dists: Dists) -> None:
    dists.tactfulness("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load(settings())


def test_targets_that_name_nothing(dists: Dists) -> None:
    dists.add(
        "odd",
        {"critics": {"words": "two words", "absent": "odd_mod:absent"}},
        {"odd_mod.py": ""},
    )
    broken = load(settings(enable=["critics/words", "critics/absent"])).broken
    assert [(item.stage, item.error) for item in broken] == [
        ("import", "AttributeError: module 'odd_mod' has no attribute 'absent'"),
        ("import", "'two words' is neither 'module' nor 'module:object'"),
    ]


HOOKS = [
    (
        HOOK.replace("critics", "critic"),
        "there is no hook 'eleanor_register_critic'; did you mean 'eleanor_register_critics'?",
    ),
    (
        HOOK.replace("eleanor_register_critics", "eleanor_start"),
        "there is no hook 'eleanor_start'; hooks are eleanor_register_backends,",
    ),
    (HOOK.replace("(api)", "(api, app)"), "Argument(s) {'app'} are declared in the hookimpl but"),
    (
        HOOK.replace("def", "async def"),
        "eleanor_register_critics is async; hooks are sync, and what must wait is for the factory",
    ),
    (
        HOOK.replace("return", "yield"),
        "eleanor_register_critics returned a list, which is no CriticDeclaration",
    ),
    (
        HOOK.replace("return [TACTFULNESS]", "raise LookupError('nope')"),
        "eleanor_register_critics raised LookupError: nope",
    ),
    (
        HOOK.replace("return [TACTFULNESS]", "raise SystemExit(4)"),
        "eleanor_register_critics raised SystemExit: 4",
    ),
    (
        HOOK.replace("return [TACTFULNESS]", "yield TACTFULNESS\n    raise OSError('late')"),
        "eleanor_register_critics raised OSError: late",
    ),
    (
        HOOK.replace("return [TACTFULNESS]", "return None"),
        "eleanor_register_critics returned None; ",
    ),
    (
        HOOK.replace("[TACTFULNESS]", "TACTFULNESS"),
        "eleanor_register_critics returned one declaration; it must return a list of them",
    ),
    (HOOK.replace("[TACTFULNESS]", "'tactfulness'"), "eleanor_register_critics returned a str; "),
    (
        HOOK.replace("[TACTFULNESS]", "{'a': TACTFULNESS}"),
        "eleanor_register_critics returned a dict; ",
    ),
    (HOOK.replace("[TACTFULNESS]", "7"), "eleanor_register_critics returned a int; "),
    (
        "async def later(): pass\n" + HOOK.replace("[TACTFULNESS]", "later()"),
        "eleanor_register_critics returned a coroutine; ",
    ),
    (
        HOOK.replace("[TACTFULNESS]", "[TACTFULNESS, open_tactfulness]"),
        "eleanor_register_critics returned a function, which is no CriticDeclaration",
    ),
    (
        "from eleanor_core.api import DetectorDeclaration\n"
        + HOOK.replace(
            "TACTFULNESS", "DetectorDeclaration(name='tactfulness', factory=open_tactfulness)"
        ),
        "eleanor_register_critics returned a DetectorDeclaration, which is no CriticDeclaration; "
        "that belongs in eleanor_register_detectors",
    ),
    (HOOK.replace("[TACTFULNESS]", "[TACTFULNESS] * 2"), "declares 'tactfulness' twice"),
    (
        HOOK.replace("[TACTFULNESS]", "[]"),
        "eleanor_register_critics declares no 'tactfulness', it declares nothing",
    ),
    (
        "import attrs\n"
        + HOOK.replace("TACTFULNESS", "attrs.evolve(TACTFULNESS, name='tactfulnes')"),
        "declares no 'tactfulness', it declares tactfulnes; did you mean 'tactfulnes'?",
    ),
    (
        "import attrs\n"
        + HOOK.replace("[TACTFULNESS]", "[TACTFULNESS, attrs.evolve(TACTFULNESS, name='extra')]"),
        "eleanor_register_critics declares extra, which no entry point of tactful names",
    ),
    (
        HOOK.replace("@hookimpl", ""),
        "its eleanor_register_critics is not marked @hookimpl (from eleanor_core.api)",
    ),
    ("", "tactful has no function eleanor_register_<kind> marked @hookimpl"),
    (
        HOOK.replace("critics", "models"),
        "its module has no eleanor_register_critics marked @hookimpl; it has "
        "eleanor_register_models",
    ),
    (
        HOOK.replace("@hookimpl", "@hookimpl(wrapper=True)").replace("return", "yield"),
        "eleanor_register_critics is a wrapper; a hook declares what is its own and wraps nobody",
    ),
]


@pytest.mark.parametrize(("hook", "error"), HOOKS)
def test_a_hook_that_is_wrong_is_broken_at_register(dists: Dists, hook: str, error: str) -> None:
    broken = only_broken(dists, CRITIC + hook)
    assert broken.stage == "register"
    assert error in broken.error
    if "raised" in error or " is async" in error or "there is no hook" in error:
        assert f"{dists.root / 'tactful.py'}:" in broken.frame


def declared(change: str) -> str:
    """Return the source of a critic whose declaration is changed by `change`."""
    return (
        CRITIC
        + "import attrs\n"
        + HOOK.replace("TACTFULNESS", f"attrs.evolve(TACTFULNESS, {change})")
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("factory=None", "factory is not callable"),
        ("summary=7", "summary is not text"),
        ("thresholds=0.5", "thresholds is no Thresholds"),
        ("execution='fast'", "execution must be one of inline, task, thread, process"),
        ("deadline=0", "deadline must be seconds in (0, 3600], got 0"),
        ("deadline=float('nan')", "deadline must be seconds in (0, 3600], got nan"),
        ("deadline=float('inf')", "deadline must be seconds in (0, 3600], got inf"),
        ("deadline='5'", "deadline must be seconds in (0, 3600], got '5'"),
        ("deadline=True", "deadline must be seconds in (0, 3600], got True"),
        ("gaps={'language': ''}", "gaps must map each name to its meaning in words"),
        ("gaps=('language',)", "gaps must map each name to its meaning in words"),
        ("patterns=('x',)", "patterns must be a tuple of Pattern"),
        (
            "patterns=(Pattern(id='a', regex='b'), Pattern(id='a', regex='c'))",
            "two patterns share an id",
        ),
    ],
)
def test_a_malformed_declaration_is_broken_at_register(
    dists: Dists, change: str, error: str
) -> None:
    broken = only_broken(dists, "from eleanor_core.api import Pattern\n" + declared(change))
    assert broken.stage == "register"
    assert broken.error == f"the declaration is malformed: {error}"


def test_a_backend_whose_probe_cannot_be_called() -> None:
    class Backends:
        @hookimpl
        def eleanor_register_backends(self) -> list[BackendDeclaration]:
            return [BackendDeclaration(name="given", factory=lambda *_: None, probe=7)]

    [broken] = load(settings(enable=()), [Backends()]).broken
    assert broken.error == "the declaration is malformed: probe is not callable"


def test_what_attrs_refuses_is_the_hooks_own_error(dists: Dists) -> None:
    broken = only_broken(dists, declared("clauses={'Z9'}"))
    assert "raised ValueError: clauses names clauses outside the registry: ['Z9']" in broken.error


@pytest.mark.parametrize(
    ("needed", "error"),
    [
        ("'1.4'", "needs plugin API 1.4, this core offers 1.0"),
        ("'2.0'", "needs plugin API 2.0, this core offers 1.0"),
        ("'one'", "an API version has the form 'MAJOR.MINOR', got 'one'"),
        ("1.0", "an API version has the form 'MAJOR.MINOR', got 1.0"),
    ],
)
def test_an_api_that_the_core_does_not_offer(dists: Dists, needed: str, error: str) -> None:
    broken = only_broken(dists, declared(f"api={needed}"))
    assert (broken.stage, broken.error) == ("api", error)


@pytest.mark.parametrize(
    ("settings_class", "error"),
    [
        ("Bad = dict", "its settings class 'dict' is no subclass of eleanor_core.api.Plugin"),
        ("Bad = TactfulnessSettings()", "is no subclass of eleanor_core.api.PluginSettings"),
        (
            "class Bad(PluginSettings):\n    limit: int = 3\n    words: int = Field(3)\n",
            "Bad has fields without a description: limit, words",
        ),
        (
            "class Inner(PluginSettings):\n    depth: int = 1\n\n\n"
            "class Bad(PluginSettings):\n    inner: Inner = Field(Inner(), description='In.')\n",
            "Bad has fields without a description: inner.depth",
        ),
        (
            "class Bad(PluginSettings):\n    model_config = {'extra': 'allow'}\n",
            "Bad must stay frozen and refuse unknown keys (extra)",
        ),
    ],
)
def test_a_settings_class_that_cannot_be_documented(
    dists: Dists, settings_class: str, error: str
) -> None:
    source = CRITIC + settings_class + "\nimport attrs\n"
    hook = HOOK.replace("TACTFULNESS", "attrs.evolve(TACTFULNESS, settings=Bad)")
    broken = only_broken(dists, source + hook)
    assert broken.stage == "settings"
    assert error in broken.error


def test_a_validator_that_crashes_is_the_plugins_fault(dists: Dists) -> None:
    source = CRITIC.replace(
        "@asynccontextmanager",
        "    def model_post_init(self, context):\n        raise KeyError('oops')\n\n\n"
        "@asynccontextmanager",
    )
    broken = only_broken(dists, source + HOOK)
    assert (broken.stage, broken.error) == ("settings", "KeyError: 'oops'")
    assert broken.frame.endswith("in TactfulnessSettings.model_post_init")
