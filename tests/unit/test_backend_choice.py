"""Which backend is used: what the settings name, or the best that runs; never another in silence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog
from eleanor_backends_numpy.arrays import NumpyBackend

from eleanor_core.api import BackendDeclaration, PluginSettings, Services, hookimpl
from eleanor_core.errors import RequiredPluginError, SettingsError
from eleanor_core.registry import Registry, load, open_products
from eleanor_core.registry.backends import told
from eleanor_core.settings import Settings
from tests.unit.plugin_objects import make_services

pytestmark = pytest.mark.anyio


class OnDevices:
    """A backend with devices, of which some cannot be used and some fail at their start."""

    def __init__(
        self,
        name: str,
        devices: tuple[str, ...],
        *,
        refused: Mapping[str, str] | None = None,
        fails: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.devices = devices
        self.refused = refused or {}
        self.fails = fails

    @hookimpl
    def eleanor_register_backends(self) -> Iterable[BackendDeclaration]:
        yield BackendDeclaration(
            name=self.name, factory=self.open, devices=self.devices, probe=self.refused.get
        )

    @asynccontextmanager
    async def open(self, _: PluginSettings, services: Services) -> AsyncIterator[NumpyBackend]:
        if services.device in self.fails:
            raise RuntimeError(f"{services.device} is too old")
        made = NumpyBackend()
        made.name, made.device = self.name, services.device
        yield made


def registry(backend: str, *plugins: object, **chosen: object) -> Registry:
    settings = {"backend": backend, "plugins": chosen or {"exact": ()}}
    return load(Settings.model_validate(settings), plugins)


async def running(found: Registry) -> tuple[list[str], list[str]]:
    """Return which backends run, and what is broken."""
    async with open_products(found, make_services, timeout=5) as products:
        backends = products.of("backends").values()
        return (
            [f"{one.name}:{one.device}" for one in backends],
            [item.text for item in products.broken],
        )


NUMPY = OnDevices("numpy", ("cpu",))
TENSOR = OnDevices("tensor", ("cuda", "cpu"))
COLD = OnDevices("tensor", ("cuda", "cpu"), refused={"cuda": "no driver"})


@pytest.mark.parametrize(
    ("backend", "tensor", "wanted"),
    [
        ("auto", TENSOR, "tensor:cuda"),
        ("auto", COLD, "numpy:cpu"),
        ("auto", OnDevices("tensor", ("cuda", "cpu"), fails=("cuda",)), "numpy:cpu"),
        ("tensor", COLD, "tensor:cpu"),
        ("tensor:cpu", TENSOR, "tensor:cpu"),
        ("tensor:cuda:1", TENSOR, "tensor:cuda:1"),
        ("numpy", TENSOR, "numpy:cpu"),
    ],
)
async def test_one_is_taken(backend: str, tensor: OnDevices, wanted: str) -> None:
    assert await running(registry(backend, tensor, NUMPY)) == ([wanted], [])


@pytest.mark.parametrize(
    ("backend", "tensor", "why"),
    [
        ("tensor:cuda", COLD, "no driver"),
        ("tensor:cuda", OnDevices("tensor", ("cuda",), fails=("cuda",)), "cuda is too old"),
        ("tensor:tpu", COLD, "backends/tensor has no device 'tpu'; it has cuda, cpu"),
    ],
)
async def test_what_was_named_and_cannot_be_is_broken_and_no_other_takes_its_place(
    backend: str, tensor: OnDevices, why: str
) -> None:
    backends, (broken,) = await running(registry(backend, tensor, NUMPY))
    assert backends == []
    assert why in broken


async def test_why_another_was_not_taken_is_told() -> None:
    assert told(registry("auto", COLD, NUMPY)) == (
        True,
        "auto takes numpy:cpu; not tensor:cuda: no driver",
    )
    only = OnDevices("tensor", ("cuda",), refused={"cuda": "no driver"})
    assert told(registry("auto", only)) == (
        False,
        "auto finds none; not tensor:cuda: no driver",
    )
    failing = OnDevices("tensor", ("cuda",), fails=("cuda",))
    with structlog.testing.capture_logs() as logs:
        await running(registry("auto", failing, NUMPY))
    assert [(line["event"], line["backend"]) for line in logs] == [
        ("backend.not_started", "tensor:cuda"),
        ("backend.started", "numpy:cpu"),
    ]
    assert "cuda is too old" in logs[0]["reason"]


async def test_a_probe_that_raises_refuses() -> None:
    class Raising(dict[str, str]):
        def get(self, device: str, default: object = None) -> str:
            raise OSError(f"cannot look for {device}")

    found = registry("auto", OnDevices("tensor", ("cuda",), refused=Raising(a="b")), NUMPY)
    assert "not tensor:cuda: OSError: cannot look for cuda" in told(found)[1]
    assert await running(found) == (["numpy:cpu"], [])


async def test_a_required_one_comes_first_and_must_run() -> None:
    settings = {"backend": "auto", "plugins": {"exact": ("backends/numpy",)}}
    required = load(Settings.model_validate(settings), [TENSOR])
    assert await running(required) == (["tensor:cuda"], [])
    settings["plugins"]["require"] = ("backends/numpy",)
    required = load(Settings.model_validate(settings), [TENSOR])
    assert await running(required) == (["numpy:cpu"], [])
    cold = OnDevices("tensor", ("cuda",), refused={"cuda": "no driver"})
    with pytest.raises(RequiredPluginError, match="no driver"):
        await running(registry("tensor", cold, NUMPY, defaults=(), require=("backends/tensor",)))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"backend": "numpy", "plugins": {"block": ["backends/numpy"]}}, "take it out of one"),
        ({"backend": "numpy", "plugins": {"exact": []}}, "add it to plugins.exact"),
    ],
)
async def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, object], why: str
) -> None:
    with pytest.raises(SettingsError, match=why):
        load(Settings.model_validate(settings))


@pytest.mark.parametrize("backend", ["", "CUDA", "torch:", "torch:cuda:x", "torch cuda"])
async def test_what_is_no_backend_is_refused(backend: str) -> None:
    with pytest.raises(ValueError, match="a backend is 'auto', a name"):
        Settings.model_validate({"backend": backend})
