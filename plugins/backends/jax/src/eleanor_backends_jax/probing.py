"""Whether a device can be there, told from what is installed and without importing jax."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def probe(device: str) -> str | None:
    """Return why `device` (cpu, cpu:N, gpu, gpu:N) cannot be used here, or None."""
    if find_spec("jax") is None or find_spec("jaxlib") is None:
        return "jax is not installed: pip install jax"
    if device.partition(":")[0] != "gpu":
        return None
    names = (dist.metadata["Name"] or "" for dist in distributions())
    if not any(name.startswith(("jax-cuda", "jax-rocm")) for name in names):
        return "jax is installed without GPU support: pip install 'jax[cuda13]'"
    if sys.platform == "linux" and not any(map(Path.exists, map(Path, _DRIVERS))):
        return f"no GPU driver is loaded: none of {', '.join(_DRIVERS)} is there"
    return None
