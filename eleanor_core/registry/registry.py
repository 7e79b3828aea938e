"""What is known about plugins once start-up has looked at them: frozen values, nothing that acts.

A plugin is named by its ref, `kind/name`. Statuses are available, enabled, required, blocked and
broken, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from attrs import field, frozen

from eleanor_core.api import AnyDeclaration, Kind, PluginSettings
from eleanor_core.model import Provenance

Status: TypeAlias = Literal["available", "enabled", "required", "blocked", "broken"]
Stage: TypeAlias = Literal[
    "discover", "lock", "requires", "import", "register", "api", "settings", "start", "run", "stop"
]

IN_PROCESS = "in-process"
"""The dist of a plugin that the embedding program handed over as an object."""


@frozen(kw_only=True)
class Found:
    """One entry point, read from its dist's metadata; nothing of the plugin was imported.

    `target` is the entry point's value, `summary` the dist's one line about itself.
    """

    kind: Kind
    name: str
    dist: str
    version: str
    target: str
    summary: str = ""

    @property
    def ref(self) -> str:
        """The plugin's name in settings: `kind/name`."""
        return f"{self.kind}/{self.name}"


@frozen(kw_only=True)
class Broken:
    """A plugin that was chosen and cannot be used.

    `frame`: "file:line in function" of the plugin's own last frame, or "". `hint`: what to do now.
    """

    kind: Kind
    name: str
    dist: str
    version: str
    stage: Stage
    error: str
    frame: str
    hint: str

    @property
    def ref(self) -> str:
        """The plugin's name in settings: `kind/name`."""
        return f"{self.kind}/{self.name}"

    @property
    def text(self) -> str:
        """What, whose, where, and what to do now."""
        whose = f" ({self.dist} {self.version})" if self.dist else ""
        where = f" at {self.frame}" if self.frame else ""
        said = f"{self.ref}{whose} is broken at {self.stage}: {self.error}{where}"
        return f"{said}{'' if said.endswith(('.', '?')) else '.'} {self.hint}"


@frozen(kw_only=True)
class Loaded:
    """A plugin whose declaration and settings were checked. `origin`: the file it came from."""

    kind: Kind
    name: str
    declaration: AnyDeclaration
    provenance: Provenance
    settings: PluginSettings = field(repr=False)  # somebody may have written a secret in plain
    origin: str

    @property
    def ref(self) -> str:
        """The plugin's name in settings: `kind/name`."""
        return f"{self.kind}/{self.name}"


@frozen(kw_only=True)
class Row:
    """One line of `eleanor plugins`. `reason` says in words why the status is what it is."""

    status: Status
    kind: Kind
    name: str
    dist: str
    version: str
    target: str
    summary: str
    hooks: tuple[str, ...]
    reason: str

    @property
    def ref(self) -> str:
        """The plugin's name in settings: `kind/name`."""
        return f"{self.kind}/{self.name}"


@frozen(kw_only=True)
class Registry:
    """All that was loaded and all that broke. It never changes; the request path reads it plainly.

    `loaded` holds every kind, sorted by name within each. `required`: refs that must not be broken.
    `backend`: which of the backends is wanted, as the setting of that name says it.
    """

    loaded: Mapping[Kind, Mapping[str, Loaded]]
    broken: tuple[Broken, ...] = ()
    required: frozenset[str] = frozenset()
    backend: str = "auto"
    _rows: tuple[Row, ...] = field(default=(), alias="rows", repr=False)

    def rows(self) -> tuple[Row, ...]:
        """Return every plugin that is installed, given or named in settings, sorted by ref."""
        return self._rows
