"""Real dists for tests of the registry: metadata files and modules in a folder on `sys.path`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from eleanor_core.settings import Settings

CRITIC = '''
from contextlib import asynccontextmanager
from eleanor_core.api import CriticDeclaration, CriticResult, PluginSettings, hookimpl
from pydantic import Field


class TactfulnessSettings(PluginSettings):
    """Settings of the critic."""

    words: tuple[str, ...] = Field(default=("fool",), description="Words that it objects to.")
    tone: str = Field(default="plain", pattern="^(plain|stern)$", description="How it speaks.")


@asynccontextmanager
async def open_tactfulness(settings, services):
    async def tactfulness(case):
        return CriticResult(critic="tactfulness", score=0.0, confidence=1.0)

    yield tactfulness


TACTFULNESS = CriticDeclaration(
    name="tactfulness",
    factory=open_tactfulness,
    settings=TactfulnessSettings,
    principle="pragmatics",
    clauses={"G1"},
    summary="Objects to insults.",
    gaps={"language": "The text is in a language that it cannot read."},
)
'''
"""Source of a sound critic, without its hook."""

HOOK = """
@hookimpl
def eleanor_register_critics(api):
    return [TACTFULNESS]
"""


class Dists:
    """Writes dists into one folder, as an installer would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._modules: set[str] = set()

    def add(
        self,
        dist: str,
        entry_points: Mapping[str, Mapping[str, str]],
        modules: Mapping[str, str] | None = None,
        *,
        version: str = "0.1.0",
        requires: Iterable[str] = (),
    ) -> None:
        """Install a dist. `entry_points`: kind -> name -> target; `modules`: file -> source."""
        info = self.root / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {dist}", f"Version: {version}"]
        lines += [f"Summary: The dist {dist}."]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n", "utf-8")
        text = ""
        for kind, points in entry_points.items():
            text += f"[eleanor.{kind}]\n"
            text += "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(text, "utf-8")
        for name, source in (modules or {}).items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source, "utf-8")
            self._modules.add(name.removesuffix(".py").partition("/")[0])
        importlib.invalidate_caches()

    def tactfulness(self, source: str = CRITIC + HOOK, **extra: Iterable[str]) -> None:
        """Install the dist `tactful` with the critic `tactfulness` in a module of that source."""
        self.add(
            "tactful", {"critics": {"tactfulness": "tactful"}}, {"tactful.py": source}, **extra
        )

    def forget(self) -> None:
        """Take what tests imported from here out of `sys.modules`."""
        for name in list(sys.modules):
            if name.partition(".")[0] in self._modules:
                del sys.modules[name]


def make_dists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dists]:
    """Yield a fresh folder of dists, first on `sys.path`; the body of a fixture."""
    monkeypatch.syspath_prepend(str(tmp_path))
    dists = Dists(tmp_path)
    yield dists
    dists.forget()


def settings(
    *,
    enable: Iterable[str] = ("critics/tactfulness",),
    block: Iterable[str] = (),
    require: Iterable[str] = (),
    exact: Iterable[str] | None = None,
    defaults: Iterable[str] = (),
    **rest: object,
) -> Settings:
    """Return settings whose defaults name no plugin, whatever else is installed here."""
    plugins = {
        "enable": tuple(enable),
        "block": tuple(block),
        "require": tuple(require),
        "exact": None if exact is None else tuple(exact),
        "defaults": tuple(defaults),
    }
    return Settings.model_validate({"plugins": plugins, **rest})
