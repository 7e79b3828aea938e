"""Wheels of a plugin, made in place and installed by pip, for tests of what pip leaves behind."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile


def make_wheel(
    folder: Path, name: str, version: str, entry_points: str, files: Mapping[str, str]
) -> Path:
    """Write a wheel as a build backend would. `files`: path -> source."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    content = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    lines = [f"{path},{_hash(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""])
    wheel = folder / f"{stem}-py3-none-any.whl"
    with ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)
    return wheel


def install(*wheels: Path, target: Path) -> None:
    """Install wheels into a folder of their own, offline, and compile what is in them."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    options = ["--compile", "--target", str(target)]
    subprocess.run([*pip, *options, *map(str, wheels)], check=True)


def unpack(*wheels: Path, target: Path) -> None:
    """Put wheels into a folder as pip does, without the time that pip takes to start."""
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            archive.extractall(target)


def _hash(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"
