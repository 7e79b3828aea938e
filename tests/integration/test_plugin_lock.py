"""A locked deployment runs the locked bytes and nothing else, of plugins that pip installed."""

from __future__ import annotations

import importlib
import json
import os
import py_compile
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copytree, rmtree

import pytest
from support.wheels import install, make_wheel, unpack

from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import PluginError, RequiredPluginError, SettingsError
from eleanor_core.model import Abstention
from eleanor_core.registry import Broken, Registry, load
from eleanor_core.registry.lock import read_lock
from eleanor_core.registry.sealing import Seal
from eleanor_core.registry.trust import make_lock, verify
from eleanor_core.settings import Settings
from eleanor_core.testing import Harness

INIT = """
from contextlib import asynccontextmanager
from eleanor_core.api import CriticDeclaration, CriticResult, hookimpl
from eleanor_tame.words import SAID

@asynccontextmanager
async def open_tame(settings, services):
    async def tame(case):
        from eleanor_tame import late
        return CriticResult(critic="tame", score=0.0, confidence=1.0, justification=SAID + late.SAID)
    yield tame

@hookimpl
def eleanor_register_critics(api):
    return [
        CriticDeclaration(name="tame", factory=open_tame, principle="risk", clauses={"K1"}),
    ]
"""
SOURCES = {
    "eleanor_tame/__init__.py": INIT,
    "eleanor_tame/words.py": "SAID = 'as locked'\n",
    "eleanor_tame/late.py": "SAID = ', late too'\n",
}
POINTS = "[eleanor.critics]\ntame = eleanor_tame\n"
OTHER = {path.replace("tame", "feral", 1): text for path, text in SOURCES.items()}
REF = "critics/tame"
Change = Callable[[Path], object]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip makes of the wheel, its cached bytecode with it."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    install(make_wheel(wheels, "eleanor-tame", "1.2.0", POINTS, SOURCES), target=target)
    assert list(target.rglob("*.pyc"))
    return target


class Deployment:
    """A copy of that folder on `sys.path`, and a lock of it as it was installed."""

    def __init__(self, root: Path) -> None:
        self.site, self.lock = root / "site", root / "plugins.lock"

    def settings(self, *, locked: bool = True, **plugins: object) -> Settings:
        chosen = {"exact": [REF], "lock": self.lock if locked else None, **plugins}
        return Settings.model_validate({"home": self.lock.parent / "home", "plugins": chosen})

    def load(self) -> Registry:
        importlib.invalidate_caches()
        return load(self.settings())

    def refusal(self) -> Broken:
        """Load, and return why the one plugin was refused, of which nothing was imported."""
        (broken,) = self.load().broken
        assert broken.stage == "lock"
        assert not any(name.startswith("eleanor_tame") for name in sys.modules)
        return broken


@pytest.fixture
def deployed(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    deployment = Deployment(tmp_path)
    copytree(site, deployment.site)
    monkeypatch.syspath_prepend(str(deployment.site))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    deployment.lock.write_text(make_lock(deployment.settings(locked=False)), "utf-8")
    yield deployment
    for name in [name for name in sys.modules if name.startswith(("eleanor_tame", "elsewhere"))]:
        del sys.modules[name]


def _append(path: str) -> Change:
    def append(site: Path) -> None:
        with (site / path).open("a") as file:
            file.write("# one more line\n")

    return append


def test_the_lock_is_canonical_and_reads_as_a_diff(deployed: Deployment) -> None:
    text = deployed.lock.read_text("utf-8")
    data = json.loads(text)
    assert text == json.dumps(data, indent=2, sort_keys=True) + "\n"
    assert data["format"] == "eleanor-plugins-lock/1"
    dist = data["dists"]["eleanor-tame"]
    assert dist["versions"] == "==1.2.0"
    assert set(dist["files"]) == {
        *SOURCES,
        *(
            f"eleanor_tame-1.2.0.dist-info/{name}"
            for name in ("METADATA", "WHEEL", "entry_points.txt")
        ),
    }
    assert make_lock(deployed.settings()) == text
    # Two installations of one wheel have one lock, wherever they lie.
    assert str(deployed.site) not in text


@pytest.mark.anyio
async def test_what_is_locked_runs_and_evidence_says_which_bytes_judged(
    deployed: Deployment, tmp_path: Path
) -> None:
    async with Harness(tmp_path / "home")(plugins=[REF]) as engine:
        result = await engine.run(text="Take out the trash.")
        assert getattr(result.critics["tame"], "justification", "") == "as locked, late too"
        first, *_ = [record async for record in engine.evidence.read()]
    (verdict,) = verify(deployed.settings(), read_lock(deployed.lock))
    assert verdict.problem == ""
    facts = json.loads(first.leaf)["facts"]
    assert facts["dists"] == {"eleanor-tame": f"sha256:{verdict.sha256}"}


CHANGES: dict[str, tuple[Change, str]] = {
    "a changed module": (_append("eleanor_tame/words.py"), "changed eleanor_tame/words.py"),
    "a changed module of the same length": (
        lambda site: (site / "eleanor_tame/words.py").write_text("SAID = 'as lacked'\n"),
        "changed eleanor_tame/words.py",
    ),
    "an added module": (
        lambda site: (site / "eleanor_tame/more.py").write_text("import os\n"),
        "added eleanor_tame/more.py",
    ),
    "an added extension": (
        lambda site: (site / "eleanor_tame/words.abi3.so").write_bytes(b"\x7fELF"),
        "added eleanor_tame/words.abi3.so",
    ),
    "a linked folder": (
        lambda site: (site / "eleanor_tame/inner").symlink_to(site / "eleanor_tame"),
        "added eleanor_tame/inner",
    ),
    "a removed module": (
        lambda site: (site / "eleanor_tame/late.py").unlink(),
        "removed eleanor_tame/late.py",
    ),
    "an entry point that leads elsewhere": (
        lambda site: (
            (site / "elsewhere.py").write_text(INIT),
            (site / "eleanor_tame-1.2.0.dist-info/entry_points.txt").write_text(
                POINTS.replace("= eleanor_tame", "= elsewhere")
            ),
        ),
        "changed eleanor_tame-1.2.0.dist-info/entry_points.txt",
    ),
    "another version": (
        lambda site: (
            rmtree(site / "eleanor_tame-1.2.0.dist-info"),
            unpack(make_wheel(site.parent, "eleanor-tame", "1.3.0", POINTS, SOURCES), target=site),
        ),
        "allows eleanor-tame ==1.2.0, not 1.3.0",
    ),
    "another dist in its place": (
        lambda site: (
            rmtree(site / "eleanor_tame-1.2.0.dist-info"),
            unpack(make_wheel(site.parent, "eleanor-other", "1.2.0", POINTS, {}), target=site),
        ),
        "eleanor-other is not in the lock",
    ),
    "an editable install": (
        lambda site: (site / "eleanor_tame-1.2.0.dist-info/direct_url.json").write_text(
            '{"url": "file:///src/tame", "dir_info": {"editable": true}}'
        ),
        "is an editable install (file:///src/tame)",
    ),
    "no record": (
        lambda site: (site / "eleanor_tame-1.2.0.dist-info/RECORD").unlink(),
        "has no RECORD of its files",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_differs_from_the_lock_is_refused_before_it_is_imported(
    deployed: Deployment, change: str
) -> None:
    make, said = CHANGES[change]
    make(deployed.site)
    assert said in deployed.refusal().error
    (verdict,) = verify(deployed.settings(), read_lock(deployed.lock))
    assert said in verdict.problem


def test_a_package_that_stands_before_the_locked_one_is_refused(
    deployed: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(deployed.site / "eleanor_tame", tmp_path / "before" / "eleanor_tame")
    monkeypatch.syspath_prepend(str(tmp_path / "before"))
    assert "none of the locked files" in deployed.refusal().error


def test_cached_bytecode_is_never_run(deployed: Deployment) -> None:
    source = deployed.site / "eleanor_tame" / "words.py"
    stat = source.stat()
    honest = source.read_text("utf-8")
    # Compiled from other text, under the size and the time stamp that Python compares.
    source.write_text("SAID = 'as forged'\n", "utf-8")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    py_compile.compile(str(source), doraise=True)
    source.write_text(honest, "utf-8")
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not deployed.load().broken
    assert sys.modules["eleanor_tame.words"].SAID == "as locked"
    # The control: without a lock, the bytecode is what runs.
    for name in [name for name in sys.modules if name.startswith("eleanor_tame")]:
        del sys.modules[name]
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Seal)]
    load(deployed.settings(locked=False))
    assert sys.modules["eleanor_tame.words"].SAID == "as forged"


def test_a_module_that_is_swapped_after_the_check_is_not_imported(deployed: Deployment) -> None:
    assert not deployed.load().broken
    late, more = (deployed.site / "eleanor_tame" / name for name in ("late.py", "more.py"))
    late.write_text("SAID = 'swapped'\n", "utf-8")
    more.write_text("SAID = 'slipped in'\n", "utf-8")
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match="is not what the lock says"):
        importlib.import_module("eleanor_tame.late")
    with pytest.raises(ImportError, match="not in the lock"):
        importlib.import_module("eleanor_tame.more")


@pytest.mark.anyio
async def test_a_refused_critic_is_a_fault_in_every_result(
    deployed: Deployment, tmp_path: Path
) -> None:
    _append("eleanor_tame/words.py")(deployed.site)
    chosen = {"plugins": {"exact": [REF, "evidence/local"], "lock": str(deployed.lock)}}
    data = json.loads(deployed.lock.read_text("utf-8"))
    data["dists"]["eleanor-evidence-local"] = {"versions": ">=0.1"}
    deployed.lock.write_text(json.dumps(data), "utf-8")
    async with EleanorEngine(
        Settings.model_validate({"home": tmp_path / "home", **chosen})
    ) as engine:
        result = await engine.run(text="Take out the trash.")
    outcome = result.critics["tame"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == "broken"
    assert "failed at lock" in outcome.detail
    assert result.decision == "review"
    assert not result.gate.open


@pytest.mark.long
@pytest.mark.anyio
async def test_an_isolated_plugin_is_held_to_the_lock_in_its_worker(
    deployed: Deployment, tmp_path: Path
) -> None:
    data = json.loads(deployed.lock.read_text("utf-8"))
    data["dists"]["eleanor-evidence-local"] = {"versions": ">=0.1"}
    deployed.lock.write_text(json.dumps(data), "utf-8")
    settings = {
        "home": tmp_path / "home",
        "plugins": {"exact": [REF, "evidence/local"], "lock": str(deployed.lock)},
        "critics": {"tame": {"isolation": "process", "confinement": {"best_effort": True}}},
    }
    async with EleanorEngine(Settings.model_validate(settings)) as engine:
        # Imported by the worker in the first call, long after every check.
        (deployed.site / "eleanor_tame" / "late.py").write_text("SAID = 'swapped'\n", "utf-8")
        result = await engine.run(text="Take out the trash.")
    outcome = result.critics["tame"]
    assert isinstance(outcome, Abstention)
    assert "is not what the lock says" in outcome.detail
    assert not any(name.startswith("eleanor_tame") for name in sys.modules)


def test_a_required_one_refuses_the_start(deployed: Deployment) -> None:
    _append("eleanor_tame/words.py")(deployed.site)
    with pytest.raises(RequiredPluginError, match="changed eleanor_tame/words.py"):
        load(deployed.settings(require=[REF]))


def test_a_version_range_without_files_allows_its_bytes_and_no_other_version(
    deployed: Deployment,
) -> None:
    _append("eleanor_tame/words.py")(deployed.site)
    for versions, sound in {">=1.2,<1.3": True, ">=1.3": False}.items():
        data = {
            "format": "eleanor-plugins-lock/1",
            "dists": {"Eleanor_Tame": {"versions": versions}},
        }
        deployed.lock.write_text(json.dumps(data), "utf-8")
        (verdict,) = verify(deployed.settings(), read_lock(deployed.lock))
        assert (verdict.problem == "") is sound
        assert verdict.sha256 == ""


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        '{"format": "x", "dists": {}}',
        '{"format": "eleanor-plugins-lock/1", "dists": {"a": {"versions": "newest"}}}',
    ],
)
def test_without_a_sound_lock_nothing_starts(deployed: Deployment, text: str | None) -> None:
    deployed.lock.unlink()
    if text is not None:
        deployed.lock.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"plugins\.lock.*eleanor plugins lock"):
        deployed.load()


def test_what_cannot_be_vouched_for_is_not_locked(deployed: Deployment) -> None:
    (deployed.site / "eleanor_tame" / "more.py").touch()
    with pytest.raises(
        PluginError, match=r"files that its RECORD does not list: eleanor_tame/more.py"
    ):
        make_lock(deployed.settings(locked=False))


def test_an_object_of_the_embedding_program_is_refused(deployed: Deployment) -> None:
    module = importlib.import_module("eleanor_tame")
    registry = load(deployed.settings(exact=[]), [module])
    (broken,) = registry.broken
    assert "given by the embedding program" in broken.error
