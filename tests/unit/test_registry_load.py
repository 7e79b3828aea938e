"""Every way in which a plugin can be broken has its stage, its text and its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from attrs.exceptions import FrozenInstanceError

from eleanor_core.api import BackendDeclaration, CriticDeclaration, DetectorDeclaration, hookimpl
from eleanor_core.errors import (
    DuplicatePluginError,
    PluginError,
    RequiredPluginError,
    SettingsError,
)
from eleanor_core.registry import IN_PROCESS, Broken, explain, load
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
        "  sinks.nowhere: no plugin evidence/nowhere is installed or given",
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


# -- objects that the embedding program hands over ---------------------------------------------


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
        settings(enable=(), critics={"given": {"deadline": 3}}),
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


def test_explain_knows_what_was_meant(dists: Dists) -> None:
    dists.tactfulness()
    with pytest.raises(
        SettingsError, match=r"no plugin 'tactfulnes' .*did you mean 'tactfulness'\?"
    ):
        explain("tactfulnes", settings())
