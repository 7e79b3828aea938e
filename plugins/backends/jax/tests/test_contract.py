"""The kit's rules for a backend, on every device that there is."""

from __future__ import annotations

from eleanor_backends_jax import plugin

from eleanor_core.testing import BackendContract


class TestCpu(BackendContract):
    """On the CPU."""

    plugin = plugin
    device = "cpu"
    examples = 8  # every shape is compiled


class TestGpu(BackendContract):
    """On the first GPU."""

    plugin = plugin
    device = "gpu"
