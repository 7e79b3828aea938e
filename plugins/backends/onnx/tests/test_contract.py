"""The kit's rules for a backend."""

from __future__ import annotations

from eleanor_backends_onnx import plugin

from eleanor_core.testing import BackendContract


class TestCpu(BackendContract):
    """On the CPU."""

    plugin = plugin
