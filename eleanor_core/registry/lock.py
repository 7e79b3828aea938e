"""The allow-list of a locked deployment: which dists, in which versions, with which bytes.

The file is JSON, sorted, one file of a dist on a line, so that a change reads as a diff. A person
may edit it: `versions` takes any specifier of PEP 440, and an entry without `files` allows every
byte of those versions, which `eleanor plugins verify` says of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from attrs import frozen
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from eleanor_core.errors import SettingsError
from eleanor_core.registry.discover import file_of
from eleanor_core.registry.dists import Installed, UnverifiableError, installed, sha256, stands_in
from eleanor_core.registry.faults import Defect
from eleanor_core.registry.registry import IN_PROCESS, Found
from eleanor_core.registry.sealing import seal

FORMAT: Final = "eleanor-plugins-lock/1"
_SHOWN: Final = 4
"""Files that an error names of one sort."""


def _specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier as error:
        raise ValueError("must be version specifiers, as in '>=1.2,<2'") from error
    return text


class LockedDist(BaseModel):
    """What is allowed of one dist. `files` None: any bytes of these versions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    versions: Annotated[str, AfterValidator(_specifier)]
    files: dict[str, Annotated[str, Field(pattern="^[0-9a-f]{64}$")]] | None = None


class LockFile(BaseModel):
    """The file as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["eleanor-plugins-lock/1"]
    dists: dict[str, LockedDist]


@frozen(kw_only=True)
class Lock:
    """A lock file that was read. `digest`: the SHA-256 of its bytes, in hex."""

    path: Path
    digest: str
    dists: Mapping[str, LockedDist]


def read_lock(path: Path) -> Lock:
    """Read a lock file. Raises SettingsError: without it a locked deployment must not start."""
    cure = f"put the lock back, or make one with `eleanor plugins lock {path}`"
    try:
        digest = sha256(path)
        file = LockFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SettingsError(
            f"plugins.lock: {path} cannot be read: {error.strerror or error}; {cure}"
        ) from error
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise SettingsError(
            f"plugins.lock: {path} is no lock of plugins: {where}: {fault['msg']}; {cure}"
        ) from error
    dists = {str(canonicalize_name(name)): dist for name, dist in file.dists.items()}
    return Lock(path=path, digest=digest, dists=dists)


def lock_text(dists: Iterable[Installed]) -> str:
    """Return the lock file of dists as they lie on the disk. Raises UnverifiableError."""
    locked = {}
    for dist in dists:
        if dist.added:
            raise UnverifiableError(
                "added-files",
                f"{dist.name} holds files that its RECORD does not list: {_named(dist.added)}; "
                "remove them, or install it again",
            )
        name = str(canonicalize_name(dist.name))
        locked[name] = LockedDist(versions=f"=={dist.version}", files=dict(dist.files))
    data = LockFile(format=FORMAT, dists=locked).model_dump()
    return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


class Guard:
    """Lets through what the lock allows. Looks at each dist once."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock
        self._checked: dict[str, Installed | str] = {}

    def check(self, found: Found) -> Installed | None:
        """Return the dist of a plugin, whose bytes are the locked ones, and seal its packages.

        None where the lock allows its version and says nothing of its bytes. Raises Defect.
        """
        locked = self.lock.dists.get(str(canonicalize_name(found.dist)))
        if locked is None:
            raise _refused(found, f"{found.dist} is not in the lock {self.lock.path}")
        if not SpecifierSet(locked.versions).contains(found.version, prereleases=True):
            raise _refused(
                found, f"the lock allows {found.dist} {locked.versions}, not {found.version}"
            )
        if locked.files is None:
            return None
        dist = self._dist(found.dist, locked.files)
        if isinstance(dist, str):
            raise _refused(found, dist)
        file = file_of(found.target)
        if not file or not stands_in(file, dist):
            raise _refused(
                found,
                f"its entry point {found.target!r} leads to {file or 'no file'}, which is "
                f"none of the locked files of {found.dist}",
            )
        seal(dist)
        return dist

    def _dist(self, name: str, files: Mapping[str, str]) -> Installed | str:
        if name not in self._checked:
            self._checked[name] = _compared(name, files)
        return self._checked[name]


def _compared(name: str, files: Mapping[str, str]) -> Installed | str:
    """Return the dist as it is if it is as locked, else what differs."""
    try:
        dist = installed(name)
    except UnverifiableError as error:
        return str(error)
    here = dict(dist.files)
    added = sorted({*dist.added, *(here.keys() - files.keys())})
    removed = sorted(files.keys() - here.keys())
    changed = sorted(path for path in files.keys() & here.keys() if files[path] != here[path])
    sorts = {"changed": changed, "added": added, "removed": removed}
    differs = [f"{what} {_named(paths)}" for what, paths in sorts.items() if paths]
    return f"{name} is not what was locked: {'; '.join(differs)}" if differs else dist


def _named(paths: Iterable[str]) -> str:
    paths = list(paths)
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more


def _refused(found: Found, error: str) -> Defect:
    if found.dist == IN_PROCESS:
        error = "it was given by the embedding program, and a lock can only vouch for a dist"
    return Defect(
        "lock",
        error,
        hint="Install what was locked; or, once you trust what is installed, lock it anew with "
        f"`eleanor plugins lock`; or add '{found.ref}' to plugins.block.",
    )
