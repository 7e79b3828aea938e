"""Holds each import of a locked package to the lock, byte for byte, at the moment it is read.

A check at start leaves two ways around it: a file that is swapped between the check and a later
import, and cached bytecode, which Python runs in place of the source that was checked. So the
modules of a locked package come through a loader of ours: it reads the source, compares its hash,
and looks at no `__pycache__`. Extension modules are loaded by the system, which gives no such hold:
they are held to the lock at start alone.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import (
    ExtensionFileLoader,
    ModuleSpec,
    PathFinder,
    SourceFileLoader,
)
from types import ModuleType

from eleanor_core.registry.dists import Installed


class Seal(MetaPathFinder):
    """Finds the modules of one locked dist, before any other finder does."""

    def __init__(self, dist: Installed) -> None:
        self.name = dist.name
        self._packages = tuple(dist.packages)
        self._files = {str(dist.root / path): value for path, value in dist.files.items()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of the dist. Raises ImportError for one that is not in the lock."""
        if not any(fullname == own or fullname.startswith(f"{own}.") for own in self._packages):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return spec
        origin = os.path.realpath(spec.origin)
        if origin not in self._files:
            raise ImportError(f"{fullname} would come from {spec.origin}, which is not in the lock")
        if not isinstance(spec.loader, ExtensionFileLoader):
            spec.loader = _Sealed(fullname, spec.origin, self._files[origin])
            spec.cached = None
        return spec


class _Sealed(SourceFileLoader):
    """Loads a source whose hash is known."""

    def __init__(self, fullname: str, path: str, sha256: str) -> None:
        super().__init__(fullname, path)
        self._sha256 = sha256

    def path_stats(self, path: str) -> Mapping[str, float]:  # noqa: ARG002 -- as importlib calls it
        """Know of no time stamp: then Python neither reads nor writes cached bytecode."""
        raise OSError("cached bytecode is not used")

    def get_data(self, path: str) -> bytes:
        """Read the source. Raises ImportError if it is not the locked one."""
        data = super().get_data(path)
        if path == self.path and hashlib.sha256(data).hexdigest() != self._sha256:
            raise ImportError(f"{path} is not what the lock says")
        return data


def seal(dist: Installed) -> None:
    """Hold all later imports of the dist's packages to what was just checked, in this process."""
    sys.meta_path[:] = [
        Seal(dist),
        *(
            finder
            for finder in sys.meta_path
            if not (isinstance(finder, Seal) and finder.name == dist.name)
        ),
    ]
