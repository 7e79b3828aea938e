"""The kit's rules for a backend, on every device that there is."""

from __future__ import annotations

from eleanor_backends_torch import plugin

from eleanor_core.testing import BackendContract


class TestCpu(BackendContract):
    """On the CPU."""

    plugin = plugin
    device = "cpu"


class TestCuda(BackendContract):
    """On the first CUDA device."""

    plugin = plugin
    device = "cuda"


class TestMps(BackendContract):
    """On Apple's GPU."""

    plugin = plugin
    device = "mps"
