"""Whether a device can be there, told from files and without importing torch."""

from __future__ import annotations

import platform
import re
import sys
from importlib.util import find_spec
from pathlib import Path

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Where a driver shows itself: CUDA on Linux, on Linux under Windows, and ROCm."""


def probe(device: str) -> str | None:
    """Return why `device` (cpu, cuda, cuda:N, mps) cannot be used here, or None."""
    spec = find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return "torch is not installed: pip install torch"
    if device.partition(":")[0] == "cuda":
        return _cuda(Path(spec.submodule_search_locations[0]))
    if device == "mps" and (sys.platform != "darwin" or platform.machine() != "arm64"):
        return "mps needs a Mac with Apple silicon"
    return None


def _cuda(package: Path) -> str | None:
    try:
        version = (package / "version.py").read_text(encoding="utf-8")
    except OSError as error:
        return f"torch's version cannot be read: {error}"
    # `cuda: Optional[str] = None` in a build without CUDA; ROCm's builds answer to "cuda" too.
    if not re.search(r"^(cuda|hip)\b[^=\n]*= *['\"]", version, re.MULTILINE):
        return "this build of torch has no CUDA: install one that has"
    if sys.platform == "linux" and not any(map(Path.exists, map(Path, _DRIVERS))):
        return f"no GPU driver is loaded: none of {', '.join(_DRIVERS)} is there"
    return None
