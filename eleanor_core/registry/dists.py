"""The bytes of an installed dist: which files are its own, and the SHA-256 of each.

RECORD says which files there are, never what is in them: every hash is made from the file. What
differs from one installation to the next without changing what runs is left out: scripts outside
the folder of packages, the installer's notes, and cached bytecode (`sealing` keeps that from being
read).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath
from typing import Final

from attrs import field, frozen

from eleanor_core.registry.registry import IN_PROCESS, Registry

_NOTES: Final = frozenset(
    ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
)
"""What installers write beside a dist's own metadata; it names paths of the machine."""
_CACHE: Final = "__pycache__"


class UnverifiableError(Exception):
    """A dist whose bytes nobody can vouch for; the message says why and what to do.

    `code`: the same in a word, which names no path.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@frozen(kw_only=True)
class Installed:
    """A dist as it lies on the disk. `files`: path below `root`, with `/` -> SHA-256 in hex.

    `added`: files in its packages that RECORD does not list. `packages`: dotted name -> its folder,
    or the file of a module that stands alone.
    """

    name: str
    version: str
    root: Path
    files: Mapping[str, str] = field(repr=False)
    added: tuple[str, ...]
    packages: Mapping[str, Path]

    @property
    def digest(self) -> str:
        """One SHA-256 over all files: of the lines that `sha256sum` would print, by path."""
        lines = (f"{value}  {path}\n" for path, value in sorted(self.files.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def installed(name: str) -> Installed:
    """Read and hash all files of a dist. Raises UnverifiableError."""
    try:
        dist = distribution(name)
    except PackageNotFoundError:
        raise UnverifiableError("not-installed", f"{name} is not installed") from None
    if where := _editable(dist):
        raise UnverifiableError(
            "editable",
            f"{name} is an editable install ({where}): its code is whatever lies there, and its "
            "RECORD does not list it; install it from a wheel",
        )
    listed = [PurePosixPath(str(path)) for path in dist.files or ()]
    own = [path for path in listed if _counts(path)]
    if not any(path.name == "METADATA" for path in own):
        raise UnverifiableError(
            "no-record", f"{name} has no RECORD of its files; install it from a wheel"
        )
    root = Path(os.path.realpath(str(dist.locate_file(""))))
    folders = [path.parent for path in own if path.name.partition(".")[0] == "__init__"]
    alone = [path for path in own if path.suffix == ".py" and not path.parent.parts]
    inside = {str(path) for path in own}
    walked = [*folders, *(path.parent for path in own if path.name == "METADATA")]
    added = {path for path in _walk(root, walked) if path not in inside}
    return Installed(
        name=name,
        version=dist.version,
        root=root,
        files={str(path): sha256(root / path) for path in own if (root / path).is_file()},
        added=tuple(sorted(added)),
        packages={
            **{".".join(folder.parts): root / folder for folder in folders},
            **{path.stem: root / path for path in alone},
        },
    )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprints(registry: Registry) -> Mapping[str, str]:
    """Return each loaded dist -> `sha256:` and its digest, or in a word why it has none.

    It goes into the leaf of a record, which nobody can erase: so no path, which may hold a name.
    """
    said = {}
    loaded = (item for items in registry.loaded.values() for item in items.values())
    for name in sorted({item.provenance.dist for item in loaded} - {IN_PROCESS}):
        try:
            said[name] = f"sha256:{installed(name).digest}"
        except UnverifiableError as error:
            said[name] = f"unverifiable: {error.code}"
    return said


def stands_in(file: str, dist: Installed) -> bool:
    """Tell whether a file is one of the dist's own."""
    path = Path(os.path.realpath(file))
    return path.is_relative_to(dist.root) and (path.relative_to(dist.root).as_posix() in dist.files)


def _counts(path: PurePosixPath) -> bool:
    if path.is_absolute() or ".." in path.parts or _CACHE in path.parts:
        return False
    return not (path.parent.suffix == ".dist-info" and path.name in _NOTES)


def _walk(root: Path, folders: Iterable[PurePosixPath]) -> Iterator[str]:
    """Yield every file below the folders, and every link to a folder, which import would follow."""
    for folder in set(folders):
        for here, below, names in os.walk(root / folder):
            below[:] = [name for name in below if name != _CACHE]
            links = [name for name in below if (Path(here) / name).is_symlink()]
            for name in (*names, *links):
                path = PurePosixPath((Path(here) / name).relative_to(root).as_posix())
                if _counts(path):
                    yield str(path)


def _editable(dist: Distribution) -> str:
    """Return the folder that an editable install points to, or ""."""
    text = dist.read_text("direct_url.json")
    try:
        told = json.loads(text) if text else {}
        editable = bool(told["dir_info"]["editable"])
    except (ValueError, KeyError, TypeError):
        return ""
    return str(told.get("url", "its source")) if editable else ""
