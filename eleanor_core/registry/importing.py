"""From an entry point, or an object that was handed over, to the declaration that it names.

Each object is imported, registered and called at most once, however many entry points name it; what
failed once is not tried again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution
from typing import Final, TypeVar

from eleanor_core.api import AnyDeclaration, Kind, PluginAPI
from eleanor_core.errors import PluginError
from eleanor_core.registry.discover import GROUP
from eleanor_core.registry.faults import Defect, package_of
from eleanor_core.registry.hooks import Hooks, declarations, hook_of, module_of, register
from eleanor_core.registry.names import meant
from eleanor_core.registry.registry import IN_PROCESS, Found

_TARGET: Final = re.compile(r"\w+(\.\w+)*(\s*:\s*\w+(\.\w+)*)?(\s*\[.*\])?")
_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

K = TypeVar("K")
V = TypeVar("V")


class Importer:
    """Imports plugins and remembers what came of it, for one start."""

    def __init__(self, found: Iterable[Found], api: PluginAPI) -> None:
        self._found = tuple(found)
        self._api = api
        self._sound: dict[str, bool | Defect] = {}
        self._objects: dict[str, object] = {}
        self._hooks: dict[int, Hooks | Defect] = {}
        self._declared: dict[tuple[int, Kind], tuple[AnyDeclaration, ...] | Defect] = {}

    def declaration(self, found: Found) -> AnyDeclaration:
        """Import what the entry point names and return its declaration. Raises Defect."""
        _once(self._sound, found.dist, lambda: _check_requirements(found.dist))
        plugin = _once(self._objects, found.target, lambda: _import(found))
        hooks = self._register(plugin)
        declared = {item.name: item for item in self._call(plugin, hooks, found.kind)}
        self._compare(found, declared)
        return declared[found.name]

    def given(self, plugin: object) -> Iterator[tuple[Found, AnyDeclaration | Defect]]:
        """Yield each declaration of an object that the embedding program handed over.

        Where a hook of it fails, the Defect takes the place of its declarations. Raises PluginError
        if the object has no usable hook: then nobody can say what was to be plugged in.
        """
        label = str(getattr(plugin, "__name__", type(plugin).__name__))
        try:
            hooks = self._register(plugin)
        except Defect as defect:
            where = f" at {defect.frame}" if defect.frame else ""
            raise PluginError(
                f"{label!r}, given in plugins=, is no usable plugin: {defect.error}{where}. "
                f"{defect.hint or 'Repair it, or leave it out.'}"
            ) from defect
        for kind in hooks.callers:
            try:
                for declaration in self._call(plugin, hooks, kind):
                    yield _in_process(kind, declaration.name, plugin), declaration
            except Defect as defect:
                yield _in_process(kind, label.rpartition(".")[2], plugin), defect

    def _register(self, plugin: object) -> Hooks:
        return _once(self._hooks, id(plugin), lambda: register(plugin))

    def _call(self, plugin: object, hooks: Hooks, kind: Kind) -> tuple[AnyDeclaration, ...]:
        return _once(
            self._declared, (id(plugin), kind), lambda: declarations(hooks, kind, self._api)
        )

    def _compare(self, found: Found, declared: Iterable[str]) -> None:
        """Hold the names that the hook declares against the entry points of its dist."""
        declared = sorted(declared)
        hook = hook_of(found.kind)
        if found.name not in declared:
            has = ", ".join(declared) or "nothing"
            raise Defect(
                "register",
                f"{hook} declares no {found.name!r}, it declares {has}"
                f"{meant(found.name, declared)}",
                hint="The name of the entry point must be that of the declaration.",
            )
        named = {
            item.name for item in self._found if item.dist == found.dist and item.kind == found.kind
        }
        if surplus := [name for name in declared if name not in named]:
            raise Defect(
                "register",
                f"{hook} declares {', '.join(surplus)}, which no entry point of {found.dist} names",
                hint=f'Add it to [project.entry-points."{GROUP}{found.kind}"] and install '
                f"{found.dist} again, or drop the declaration.",
            )


def _once(memo: dict[K, V | Defect], key: K, make: Callable[[], V]) -> V:
    if key not in memo:
        try:
            memo[key] = make()
        except Defect as defect:
            memo[key] = defect
    made = memo[key]
    if isinstance(made, Defect):
        raise made
    return made


def _check_requirements(dist: str) -> bool:
    """Raise Defect if a dist that `dist` requires is absent. Conditional ones are not looked at."""
    missing = []
    for requirement in distribution(dist).requires or ():
        name = _REQUIREMENT.match(requirement)
        if ";" in requirement or name is None or name[0].lower() == "eleanor-core":
            continue
        try:
            distribution(name[0])
        except PackageNotFoundError:
            missing.append(name[0])
    if missing:
        raise Defect(
            "requires",
            f"{dist} requires {', '.join(missing)}, which is not installed",
            hint=f"Install it beside {dist}; `pip check` lists all that is missing.",
        )
    return True


def _import(found: Found) -> object:
    if not _TARGET.fullmatch(found.target):
        raise Defect("import", f"{found.target!r} is neither 'module' nor 'module:object'")
    point = EntryPoint(found.name, found.target, GROUP + found.kind)
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        package = package_of(found.target.partition(":")[0].strip())
        raise Defect.of("import", error, package) from error


def _in_process(kind: Kind, name: str, plugin: object) -> Found:
    module = module_of(plugin)
    return Found(
        kind=kind,
        name=name,
        dist=IN_PROCESS,
        version="0",
        target=f"{module}:{hook_of(kind)}",
    )
