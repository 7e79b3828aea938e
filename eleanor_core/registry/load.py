"""From settings and metadata to the frozen registry: select, check, import, register, configure.

One broken plugin is recorded and the others load on. Four things refuse to start: settings that
contradict themselves or name nothing, two claims on one ref, a broken required plugin, and an
object in `plugins` that is no plugin at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from eleanor_core._version import __version__
from eleanor_core.api import KINDS, AnyDeclaration, PluginAPI, SecretsDeclaration
from eleanor_core.errors import RequiredPluginError, SettingsError
from eleanor_core.model import Provenance
from eleanor_core.registry.checks import check_declaration
from eleanor_core.registry.configure import unknown_keys, validate
from eleanor_core.registry.discover import discover, file_of, strays
from eleanor_core.registry.faults import Defect, Masks, Unmasked
from eleanor_core.registry.importing import Importer
from eleanor_core.registry.isolated import declared, recipe
from eleanor_core.registry.names import meant, split
from eleanor_core.registry.registry import IN_PROCESS, Broken, Found, Loaded, Registry
from eleanor_core.registry.rows import make_rows
from eleanor_core.registry.selection import Selection, named_backend, refuse_duplicates, select
from eleanor_core.settings import Settings

if TYPE_CHECKING:
    from eleanor_core.registry.lock import Guard

NO_ORIGINS: Final[Mapping[str, str]] = MappingProxyType({})

NOT_APART: Final = "it was given by the embedding program, so it is in this process already"


def load(
    settings: Settings,
    plugins: Iterable[object] = (),
    *,
    origins: Mapping[str, str] = NO_ORIGINS,
    masks: Masks | None = None,
) -> Registry:
    """Load what `settings` choose, and every object in `plugins` (a module or an instance).

    `origins` (from `load_settings`) lets an error name the file or variable that set a key. `masks`
    hides secrets in what a plugin raised. Raises SettingsError, DuplicatePluginError,
    RequiredPluginError, or PluginError for an object in `plugins` that has no usable hook.
    """
    loading = Loading(settings, origins, masks)
    registry = loading.run(plugins)
    refuse_lost(registry.required, registry.broken, loading.causes)
    return registry


def refuse_lost(
    required: frozenset[str], broken: Iterable[Broken], causes: Mapping[str, BaseException]
) -> None:
    """Raise RequiredPluginError if a required plugin is among `broken`."""
    lost = [item for item in broken if item.ref in required]
    if lost:
        said = "\n".join(f"required by plugins.require: {item.text}" for item in lost)
        raise RequiredPluginError(said) from causes.get(lost[0].ref)


class Loading:
    """One run over all that is chosen. `causes`: ref -> what a broken plugin raised."""

    def __init__(
        self,
        settings: Settings,
        origins: Mapping[str, str] = NO_ORIGINS,
        masks: Masks | None = None,
    ) -> None:
        self.causes: dict[str, BaseException] = {}
        self._settings = settings
        self._origins = origins
        self._masks = Unmasked() if masks is None else masks
        self._found = discover()
        self._choice: Selection = select(settings, self._found)
        self._importer = Importer(self._found, PluginAPI(core=__version__))
        self._guard = _guard(settings)
        self._loaded: list[Loaded] = []
        self._broken: list[Broken] = []
        self._wrong: list[str] = []

    def run(self, plugins: Iterable[object]) -> Registry:
        """Return the registry; a broken required plugin stands in it like any other."""
        given = [
            item
            for plugin in {id(plugin): plugin for plugin in plugins}.values()
            for item in self._importer.given(plugin)
        ]
        known = (*self._found, *(found for found, _ in given))
        chosen = [item for item in self._found if item.ref in self._choice.chosen]
        wanted = [item for item in given if item[0].ref not in self._choice.blocked]
        refuse_duplicates([*chosen, *(found for found, _ in wanted)])

        for found, outcome in wanted:
            self._take(found, outcome)
        for found in chosen:
            self._take(found, None)
        self._miss({found.ref for found in known})
        self._refuse_settings(known)
        return self._registry(known)

    def _take(self, found: Found, outcome: AnyDeclaration | Defect | None) -> None:
        """Check and configure one plugin; import it first if there is no `outcome` yet."""
        try:
            declaration = self._declaration(found, outcome)
            check_declaration(declaration, found.dist)
            options, wrong = validate(found, declaration.settings, self._settings, self._origins)
        except Defect as defect:
            self._broken.append(defect.broken(found, self._masks))
            self.causes[found.ref] = self._masks.told(defect.__cause__ or defect)
            return
        self._wrong += map(self._masks.text, wrong)
        self._wrong += self._not_for_production(found, declaration)
        if options is not None:
            self._loaded.append(
                Loaded(
                    kind=found.kind,
                    name=found.name,
                    declaration=declaration,
                    provenance=Provenance(plugin=found.ref, dist=found.dist, version=found.version),
                    settings=options,
                    origin=file_of(found.target) or found.target,
                )
            )

    def _declaration(self, found: Found, outcome: AnyDeclaration | Defect | None) -> AnyDeclaration:
        """Hold the plugin to the lock, then import it, here or in a worker. Raises Defect."""
        if isinstance(outcome, Defect):
            raise outcome
        if self._guard is not None:
            self._guard.check(found)
        apart = recipe(found, self._settings)
        if outcome is not None and apart is not None:
            raise Defect("import", NOT_APART, hint="Install it as a dist, or drop `isolation`.")
        return outcome or (declared(apart) if apart else self._importer.declaration(found))

    def _not_for_production(self, found: Found, declaration: AnyDeclaration) -> list[str]:
        barred = isinstance(declaration, SecretsDeclaration) and declaration.development_only
        if not (barred and self._settings.security.production):
            return []
        key = "security.production"
        where = f" ({self._origins[key]})" if key in self._origins else ""
        return [
            f"{key}{where}: {found.ref} of {found.dist} {found.version} is for development only; "
            "name another provider in security.secret_provider, and leave this one out"
        ]

    def _miss(self, known: set[str]) -> None:
        """Record what the settings name and nobody installed or handed over."""
        for ref in sorted(self._choice.expected - known):
            kind, name = split(ref)
            stray = "".join(f"; {text}" for text in strays(kind, name))
            why = self._choice.reason(ref)
            missing = Found(kind=kind, name=name, dist="", version="", target="")
            defect = Defect(
                "discover",
                f"{why}, but not installed{meant(ref, known)}{stray}",
                hint="Install the dist that brings it, or take its name out of the settings.",
            )
            self._broken.append(defect.broken(missing, self._masks))

    def _no_backend(self) -> list[str]:
        """Say that the backend named is not among what is used, for whatever reason but its own."""
        ref = named_backend(self._settings)
        refs = {item.ref for item in self._loaded} | {item.ref for item in self._broken}
        if ref is None or ref in refs:
            return []
        origin = f" ({self._origins['backend']})" if "backend" in self._origins else ""
        return [f"backend{origin}: {ref} is not among the plugins used: add it to plugins.exact"]

    def _refuse_settings(self, known: Iterable[Found]) -> None:
        """Raise SettingsError with one line for each thing that the user must correct."""
        unsure = {item.kind for item in self._broken if item.dist == IN_PROCESS}
        refs = [item.ref for item in known] + list(self._choice.expected)
        names = {
            kind: [name for known_kind, name in map(split, refs) if known_kind == kind]
            for kind in KINDS
            if kind not in unsure
        }
        wrong = unknown_keys(self._settings, names, self._origins) + self._wrong
        wrong += self._no_backend()
        if wrong:
            listed = "".join(f"\n  {line}" for line in wrong)
            raise SettingsError(
                f"the settings of plugins cannot be used; {len(wrong)} to correct:{listed}"
            )

    def _registry(self, known: Iterable[Found]) -> Registry:
        by_name = sorted(self._loaded, key=lambda item: item.name)
        broken = tuple(sorted(self._broken, key=lambda item: (item.kind, item.name)))
        return Registry(
            loaded=MappingProxyType(
                {
                    kind: MappingProxyType(
                        {item.name: item for item in by_name if item.kind == kind}
                    )
                    for kind in KINDS
                }
            ),
            broken=broken,
            required=self._choice.required,
            backend=self._settings.backend,
            rows=make_rows(known, self._choice, self._loaded, broken),
        )


def _guard(settings: Settings) -> Guard | None:
    """Return what holds plugins to the lock. Raises SettingsError if it cannot be read."""
    path = settings.plugins.lock
    if path is None:
        return None
    from eleanor_core.registry.lock import Guard, read_lock  # noqa: PLC0415 -- most starts need none

    return Guard(read_lock(path))
