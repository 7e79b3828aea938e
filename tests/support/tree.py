"""The repository as its own tests see it: its dists and the files that belong to it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, cast

from attrs import define

ROOT = Path(__file__).resolve().parents[2]
PASSED_OVER = frozenset({"__pycache__", "build", "dist"})

Table: TypeAlias = Mapping[str, object]


@define(eq=False)
class Dist:
    """One dist of the repository, by its folder."""

    folder: Path

    @cached_property
    def project(self) -> Table:
        """The table `[project]`."""
        return cast("Table", self._pyproject["project"])

    @property
    def name(self) -> str:
        """The dist's name."""
        return str(self.project["name"])

    @property
    def module(self) -> str:
        """The name of its one package."""
        tool = cast("dict[str, dict[str, Table]]", self._pyproject["tool"])
        flit = tool.get("flit", {})
        return str(flit.get("module", {}).get("name", self.name.replace("-", "_")))

    @property
    def package(self) -> Path:
        """The folder of its package."""
        inner = self.folder / "src" / self.module
        return inner if inner.is_dir() else self.folder / self.module

    @property
    def dependencies(self) -> Sequence[str]:
        """What it requires, word for word."""
        return cast("Sequence[str]", self.project.get("dependencies", ()))

    @property
    def needs(self) -> set[str]:
        """Names of what it requires."""
        return {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in self.dependencies}

    @property
    def for_tests(self) -> set[str]:
        """Names of what its extra `test` requires."""
        extras = cast("Mapping[str, Sequence[str]]", self.project.get("optional-dependencies", {}))
        return {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in extras.get("test", ())}

    @property
    def refs(self) -> list[str]:
        """Its plugins as settings name them, `kind/name`."""
        groups = cast("Mapping[str, Table]", self.project.get("entry-points", {}))
        return [
            f"{group.removeprefix('eleanor.')}/{name}"
            for group, points in groups.items()
            if group.startswith("eleanor.")
            for name in points
        ]

    @property
    def apart(self) -> Sequence[str]:
        """Folders of dists in no default install; the core's own file names them."""
        tool = cast("Mapping[str, Mapping[str, Sequence[str]]]", self._pyproject["tool"])
        return tool["eleanor"]["apart"]

    @property
    def path(self) -> str:
        """Its folder as seen from the root, "." for the core."""
        return self.folder.relative_to(ROOT).as_posix()

    @cached_property
    def _pyproject(self) -> Table:
        return tomllib.loads((self.folder / "pyproject.toml").read_text("utf-8"))


def plugin_dists() -> list[Dist]:
    """Return the dists under `plugins/`, sorted by folder."""
    return [Dist(path.parent) for path in sorted(ROOT.glob("plugins/*/*/pyproject.toml"))]


def dists() -> list[Dist]:
    """Return every dist: the core, the surfaces and the plugins."""
    apps = [Dist(path.parent) for path in sorted(ROOT.glob("apps/*/pyproject.toml"))]
    return [Dist(ROOT), *apps, *plugin_dists()]


def together() -> list[Dist]:
    """Return the dists that are installed and tested in one environment."""
    core, *others = dists()
    return [core, *(dist for dist in others if dist.path not in core.apart)]


def files(*suffixes: str) -> list[Path]:
    """Return the files that git tracks or would add; without git, all but the hidden ones."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if _kept(path.relative_to(ROOT))]
    return sorted(
        path for path in found if path.is_file() and (not suffixes or path.suffix in suffixes)
    )


def _kept(path: Path) -> bool:
    return not any(part in PASSED_OVER or part.startswith(".") for part in path.parts)


__all__ = ["ROOT", "Dist", "dists", "files", "plugin_dists"]

if __name__ == "__main__":
    print(*(dist.package for dist in together()), sep="\n")
