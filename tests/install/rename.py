"""Renames a copy of the example critic everywhere, as its README tells the copier to.

    python tests/install/rename.py FOLDER NEWNAME

NEWNAME is the critic's new name, lower-case words joined by '-'. The module's, the dist's and the
classes' names follow from it. Not a test module.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
OLD_CRITIC, OLD_DIST = "civility", "example"


def rename(folder: Path, name: str) -> None:
    """Rename in `folder`. Exits unless the name can be one, and unless nothing old is left."""
    if not NAME.fullmatch(name):
        sys.exit(f"a critic's name is lower-case words joined by '-', got {name!r}")
    module = name.replace("-", "_")
    camel = "".join(word.capitalize() for word in name.split("-"))
    # Deepest first, so that a folder is renamed after what stands in it.
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            text = path.read_text("utf-8")
            text = text.replace(f"critics_{OLD_DIST}", f"critics_{module}")
            text = re.sub(rf"(critics.){OLD_DIST}", rf"\1{name}", text)
            text = text.replace(OLD_CRITIC, name).replace(OLD_CRITIC.capitalize(), camel)
            path.write_text(text, "utf-8")
        called = path.name.replace(f"critics_{OLD_DIST}", f"critics_{module}")
        path.rename(path.with_name(called.replace(OLD_CRITIC, name)))
    left = [path for path in folder.rglob("*") if path.is_file() and _is_old(path)]
    if left:
        sys.exit(f"the old name is left in {', '.join(map(str, left))}")


def _is_old(path: Path) -> bool:
    text = f"{path.name}\n{path.read_text('utf-8')}".lower()
    return OLD_CRITIC in text or re.search(rf"critics.{OLD_DIST}", text) is not None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit((__doc__ or "").partition("\n\n")[2])
    rename(Path(sys.argv[1]), sys.argv[2])
