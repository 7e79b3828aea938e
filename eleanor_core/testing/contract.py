"""The base of all contracts: finding the plugin, starting it, and the rules for every kind.

An author's class names the plugin and may fill other attributes; `__init__` and pytest's set-up
methods are the kit's, so that the kit can grow. `prepare` is the author's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Final, Generic, TypeVar, cast

import pytest
import structlog
from hypothesis import settings as hypothesis_settings

from eleanor_core._panel import first
from eleanor_core._secrets import Resolver
from eleanor_core.api import Backend, Declaration, Embedder, Kind, Services, Thresholds
from eleanor_core.errors import EleanorError
from eleanor_core.evidence import KnownSecrets
from eleanor_core.model import EMPTY_MAP, JsonObject
from eleanor_core.registry import Loaded, Products, Registry, load, open_products
from eleanor_core.settings import Settings
from eleanor_core.settings.types import TABLES
from eleanor_core.testing.harness import split_plugins
from eleanor_core.testing.rules import broken

D = TypeVar("D", bound=Declaration[object])
P = TypeVar("P")

RESERVED: Final = frozenset(
    {"__init__", "__new__", "setup_method", "setup_class", "teardown_method", "teardown_class"}
)
HEAVY: Final = frozenset(
    {
        "anthropic", "boto3", "botocore", "cupy", "google.cloud", "grpc", "httpx", "hvac", "jax",
        "keras", "matplotlib", "numpy", "onnxruntime", "openai", "pandas", "psycopg", "pyarrow",
        "requests", "scipy", "sentence_transformers", "sklearn", "spacy", "sqlalchemy",
        "tensorflow", "tokenizers", "torch", "transformers",
    }
)  # fmt: skip
"""Packages that no module of a plugin imports before its factory runs."""
START_TIMEOUT: Final = 120.0
"""Seconds: a plugin may fetch and load its weights here for the first time."""

_PROBE = """
import inspect, json, sys
from importlib.metadata import EntryPoint
plugins = [EntryPoint("plugin", target, "eleanor").load() for target in sys.argv[1:]]
from eleanor_core.api import PluginAPI
for plugin in plugins:
    for name in dir(plugin):
        if name.startswith("eleanor_register_"):
            hook = getattr(plugin, name)
            list(hook(PluginAPI()) if inspect.signature(hook).parameters else hook())
print(json.dumps(sorted(sys.modules)))
"""


class PluginContract(Generic[D, P]):
    """What every kind has in common.

    `plugin`: the module with the hook, any object with one, or the name of an installed entry
    point. `name`: which of its declarations, where there are several. `settings`: the plugin's own.
    `beside`: other plugins that this one needs (an embedder, a model), as `plugin` or "kind/name".
    `heavy`: packages that the module must not import.
    """

    kind: ClassVar[Kind]
    # No ClassVar where prepare() may set it, and none for `plugin`: mypy takes the module in
    # `plugin = some_module` for an alias, which cannot override a class variable.
    plugin: object
    name: ClassVar[str] = ""
    settings: JsonObject = EMPTY_MAP
    beside: Sequence[object] = ()
    heavy: ClassVar[frozenset[str]] = HEAVY

    home: Path
    registry: Registry
    loaded: Loaded

    def __init_subclass__(cls) -> None:
        """Refuse a subclass that takes what is the kit's."""
        super().__init_subclass__()
        taken = sorted(RESERVED & vars(cls).keys())
        if taken:
            msg = (
                f"{cls.__qualname__} defines {', '.join(taken)}, which the contract kit reserves: "
                "put what you prepare into prepare()"
            )
            raise TypeError(msg)

    def prepare(self) -> None:
        """For the author: called before each test, when `home` is known and nothing is loaded."""

    @pytest.fixture(autouse=True)
    def _kit(self, request: pytest.FixtureRequest, tmp_path: Path) -> None:
        try:
            self.take(tmp_path / "eleanor-home")
        except pytest.fail.Exception:
            if request.function.__name__ == self.test_starts_and_stops.__name__:
                raise
            pytest.fail("the core refuses the plugin: see test_starts_and_stops", pytrace=False)

    def take(self, home: Path) -> None:
        """Load the plugin, with `home` as the folder for all state. The kit's own set-up."""
        self.home = home
        self.prepare()
        name = self._identify()
        self.registry = self._load(self.engine_settings(name), *self.beside)
        if name not in self.registry.loaded[self.kind]:
            found = "\n".join(fault.text for fault in self.registry.broken)
            broken(f"{self.kind}/{name}", "registers", found or "no declaration of that name")
        self.loaded = self.registry.loaded[self.kind][name]

    def _identify(self) -> str:
        """Return the declaration's name: the one given, or the only one there is."""
        given = self.name or (self.plugin if isinstance(self.plugin, str) else "")
        if given:
            return given
        registry = self._load({})
        faults = [fault for fault in registry.broken if fault.kind == self.kind]
        names = sorted({*registry.loaded[self.kind], *(fault.name for fault in faults)})
        if not names:
            broken(_label(self.plugin), "registers", f"no declaration of {self.kind}")
        if len(names) > 1:
            msg = f"{type(self).__qualname__}: `name` must say which one: {', '.join(names)}"
            raise TypeError(msg)
        return names[0]

    def _load(self, settings: JsonObject, *beside: object) -> Registry:
        named, objects = split_plugins([self.chosen, *beside])
        whole = {"home": str(self.home), "plugins": {"exact": named}, **settings}
        try:
            return load(Settings.model_validate(whole), objects)
        except EleanorError as error:
            broken(_label(self.plugin), "registers", str(error))

    # -- the plugin -------------------------------------------------------------------------------

    @property
    def chosen(self) -> object:
        """The plugin as `plugins=` takes it."""
        return f"{self.kind}/{self.plugin}" if isinstance(self.plugin, str) else self.plugin

    @property
    def declaration(self) -> D:
        """What the plugin declares."""
        return cast("D", self.loaded.declaration)

    @property
    def whose(self) -> str:
        """The plugin in an error text: ref, dist and version."""
        origin = self.loaded.provenance
        return f"{self.loaded.ref} ({origin.dist} {origin.version})"

    def engine_settings(self, name: str = "") -> JsonObject:
        """Return the plugin's own settings, where an engine's settings hold them."""
        entry = {name or self.loaded.name: {"settings": self.settings}}
        return {TABLES[self.kind]: entry} if self.settings else {}

    @asynccontextmanager
    async def started(self) -> AsyncIterator[P]:
        """Start the plugin, and what it needs, as an engine does."""
        async with open_products(self.registry, self._services, timeout=START_TIMEOUT) as products:
            for fault in products.broken:
                broken(fault.ref, "starts", fault.text)
            yield cast("P", products.of(self.kind)[self.loaded.name])

    def _services(self, loaded: Loaded, products: Products) -> Services:
        return Services(
            data_dir=self.home / loaded.kind / loaded.name,
            keys_dir=self.home / "keys",
            log=structlog.get_logger(f"eleanor.{loaded.kind}.{loaded.name}"),
            thresholds=getattr(loaded.declaration, "thresholds", Thresholds()),
            backend=cast("Backend | None", first(products.of("backends"))),
            embedder=cast("Embedder | None", first(products.of("embedders"))),
            secrets=Resolver(products.of("secrets"), KnownSecrets()),
        )

    # -- the rules --------------------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_starts_and_stops(self) -> None:
        """`registers`, `starts`: twice over, because an engine may be started again."""
        for _ in range(2):
            async with self.started():
                pass

    def test_entry_point_bears_its_name(self) -> None:
        """`one-name`, where the plugin is installed."""
        names = sorted(point.name for point in self._entry_points())
        if not names:
            pytest.skip("no installed entry point leads to this plugin")
        if self.loaded.name not in names:
            found = f"entry points {', '.join(names)}; none is {self.loaded.name!r}"
            broken(self.whose, "one-name", found)

    def _entry_points(self) -> list[EntryPoint]:
        """Return the installed entry points that lead to the plugin's module."""
        group = entry_points(group=f"eleanor.{self.kind}")
        if isinstance(self.plugin, ModuleType):
            return [point for point in group if point.value == self.plugin.__name__]
        return [point for point in group if point.name == self.plugin]

    def _targets(self) -> tuple[str, ...]:
        """Return what to import, as in entry points; nothing for an object made by a test.

        All plugins of one module are imported together: a process for each takes far longer.
        """
        if isinstance(self.plugin, ModuleType):
            return (self.plugin.__name__,)
        modules = {point.module for point in self._entry_points()}
        group = entry_points(group=f"eleanor.{self.kind}")
        return tuple(sorted(point.value for point in group if point.module in modules))

    def test_imports_light(self) -> None:
        """`light-import`, in a fresh interpreter."""
        targets = self._targets()
        if not targets:
            pytest.skip("the plugin is an object, not a module")
        run = _imported(targets, os.pathsep.join(sys.path))
        if run.returncode:
            broken(self.whose, "light-import", f"the import fails:\n{run.stderr}")
        heavy = sorted(self.heavy & set(json.loads(run.stdout)))
        if heavy:
            broken(self.whose, "light-import", f"it loads {', '.join(heavy)}")


@cache
def _imported(targets: tuple[str, ...], path: str) -> subprocess.CompletedProcess[str]:
    """Import plugins in an interpreter of their own, and register them."""
    return subprocess.run(  # noqa: S603 -- this interpreter, on the author's own module
        [sys.executable, "-c", _PROBE, *targets],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )


def at_most(examples: int) -> int:
    """Return how many examples Hypothesis makes: so many, or fewer where its profile says so."""
    return min(examples, hypothesis_settings().max_examples)


def _label(plugin: object) -> str:
    return plugin.__name__ if isinstance(plugin, ModuleType) else repr(plugin)
