"""An engine for a test: exactly the plugins that it names, a log in memory, a home of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from attrs import frozen

from eleanor_core.engine import EleanorEngine
from eleanor_core.model import JsonObject
from eleanor_core.settings import Settings
from eleanor_core.testing.memory import MemoryLog


@frozen
class Harness:
    """Runs engines whose state lies under `home`. The fixture `harness` returns one.

    ```python
    async with harness(plugins=[my_module, "critics/rights"], settings={...}) as engine:
        assessment = await engine.run(text="Take out the trash.")
    ```
    """

    home: Path

    @asynccontextmanager
    async def __call__(
        self, *, plugins: Iterable[object] = (), settings: JsonObject | None = None
    ) -> AsyncIterator[EleanorEngine]:
        """Start an engine with these plugins and no others, and stop it at the end.

        `plugins`: modules or objects with a hook, and installed plugins by name ("kind/name").
        Unless an evidence sink is among them, a `MemoryLog` is added. `settings`: as in a settings
        file; neither files nor the environment are read.
        """
        named, objects = split_plugins(plugins)
        if not any(map(bears_evidence, (*named, *objects))):
            objects.append(MemoryLog())
        whole = self._settings(named, settings or {})
        async with EleanorEngine(whole, plugins=objects) as engine:
            yield engine

    def _settings(self, named: list[str], given: JsonObject) -> Settings:
        selection = cast("JsonObject", given.get("plugins", {}))
        return Settings.model_validate(
            {"home": self.home, **given, "plugins": {"exact": named, **selection}}
        )


def split_plugins(plugins: Iterable[object]) -> tuple[list[str], list[object]]:
    """Return the plugins given by name, and those given as objects."""
    named: list[str] = []
    objects: list[object] = []
    for plugin in plugins:
        if isinstance(plugin, str):
            named.append(plugin)
        else:
            objects.append(plugin)
    return named, objects


def bears_evidence(plugin: object) -> bool:
    """Tell whether a plugin, by name or as an object, is an evidence sink."""
    if isinstance(plugin, str):
        return plugin.startswith("evidence/")
    return hasattr(plugin, "eleanor_register_evidence")
