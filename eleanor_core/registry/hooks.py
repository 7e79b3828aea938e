"""The one module that talks to pluggy: from a plugin object to the declarations of its hooks.

Every object gets a manager of its own. A hook that raises then ends nobody else's registration, and
a misspelt hook is found right after the object is registered.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Final, cast, get_args

import pluggy
from attrs import frozen

from eleanor_core.api import KINDS, AnyDeclaration, Declaration, Kind, PluginAPI, hookspecs
from eleanor_core.api.markers import PROJECT
from eleanor_core.registry.faults import Defect, package_of, place
from eleanor_core.registry.names import meant

PREFIX: Final = "eleanor_register_"
DECLARATIONS: Final[Mapping[Kind, type[AnyDeclaration]]] = {
    cls.kind: cls for cls in get_args(AnyDeclaration)
}


class _Manager(pluggy.PluginManager):
    """Looks at no name that cannot be a hook's: pluggy takes longer over each than Python should.

    A start registers every plugin, and an object has more names of the language than of its own.
    """

    def parse_hookspec_opts(
        self, module_or_class: ModuleType | type, name: str
    ) -> pluggy.HookspecOpts | None:
        return super().parse_hookspec_opts(module_or_class, name) if PREFIX in name else None

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        of_python = name.startswith("__") and name.endswith("__")
        return None if of_python else super().parse_hookimpl_opts(plugin, name)


@frozen(kw_only=True)
class Hooks:
    """A registered plugin object: the hooks that it implements, by kind, and its package."""

    callers: Mapping[Kind, pluggy.HookCaller]
    package: str


def hook_of(kind: Kind) -> str:
    """Return the name of the hook in which plugins of `kind` declare themselves."""
    return PREFIX + kind


def register(plugin: object) -> Hooks:
    """Register `plugin` and check its hooks, without calling them. Raises Defect."""
    manager = _Manager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        marked = [name for name in dir(plugin) if manager.parse_hookimpl_opts(plugin, name)]
        raise _refused(plugin, marked, error) from error
    callers = {
        kind: caller
        for kind in KINDS
        for caller in manager.get_hookcallers(plugin) or ()
        if caller.name == hook_of(kind)
    }
    if not callers:
        raise Defect("register", _no_hook(plugin))
    for caller in callers.values():
        _refuse_shape(caller)
    return Hooks(callers=callers, package=package_of(module_of(plugin)))


def declarations(hooks: Hooks, kind: Kind, api: PluginAPI) -> tuple[AnyDeclaration, ...]:
    """Call the hook of `kind`, once, and check what it returns. Raises Defect."""
    hook = hook_of(kind)
    if kind not in hooks.callers:
        has = ", ".join(caller.name for caller in hooks.callers.values())
        raise Defect("register", f"its module has no {hook} marked @hookimpl; it has {has}")
    caller = hooks.callers[kind]
    where = place(caller.get_hookimpls()[0].function)
    try:
        results = caller(api=api)
        items = [item for result in results for item in _items(hook, result, where)]
    except Defect:
        raise
    except (Exception, SystemExit) as error:
        defect = Defect.of("register", error, hooks.package)
        defect.error = f"{hook} raised {defect.error}"
        raise defect from error
    if not results:
        raise Defect(
            "register", f"{hook} returned None; it must return a list of declarations", frame=where
        )
    _check_items(hook, kind, items, where)
    return tuple(items)


def module_of(plugin: object) -> str:
    """Return the name of the module that `plugin` is, or that its class stands in."""
    if inspect.ismodule(plugin):
        return plugin.__name__
    return str(getattr(plugin, "__module__", None) or type(plugin).__module__)


def _items(hook: str, result: object, where: str) -> Iterable[AnyDeclaration]:
    if isinstance(result, Declaration):
        error = f"{hook} returned one declaration; it must return a list of them"
        raise Defect("register", error, frame=where)
    if inspect.iscoroutine(result):
        result.close()
    if isinstance(result, (str, bytes, Mapping)) or not isinstance(result, Iterable):
        error = f"{hook} returned a {type(result).__name__}; it must return a list of declarations"
        raise Defect("register", error, frame=where)
    return cast("Iterable[AnyDeclaration]", result)


def _check_items(hook: str, kind: Kind, items: Iterable[object], where: str) -> None:
    wanted = DECLARATIONS[kind]
    seen = set()
    for item in items:
        if not isinstance(item, wanted):
            error = f"{hook} returned a {type(item).__name__}, which is no {wanted.__name__}"
            other = next(
                (kind for kind, cls in DECLARATIONS.items() if isinstance(item, cls)), None
            )
            if other is not None:
                error += f"; that belongs in {hook_of(other)}"
            raise Defect("register", error, frame=where)
        if item.name in seen:
            raise Defect("register", f"{hook} declares {item.name!r} twice", frame=where)
        seen.add(item.name)


def _refuse_shape(caller: pluggy.HookCaller) -> None:
    for impl in caller.get_hookimpls():
        function = impl.function
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            error = f"{caller.name} is async; hooks are sync, and what must wait is for the factory"
            raise Defect("register", error, frame=place(function))
        if impl.wrapper or impl.hookwrapper:
            error = f"{caller.name} is a wrapper; a hook declares what is its own and wraps nobody"
            raise Defect("register", error, frame=place(function))


def _refused(plugin: object, marked: list[str], error: pluggy.PluginValidationError) -> Defect:
    hooks = [hook_of(kind) for kind in KINDS]
    for name in marked:
        if name not in hooks and repr(name) in str(error):
            suffixes = {hook.removeprefix(PREFIX): hook for hook in hooks}
            near = meant(name.removeprefix(PREFIX), suffixes)
            for suffix, hook in suffixes.items():
                near = near.replace(f"'{suffix}'", f"'{hook}'")
            text = f"there is no hook {name!r}{near or '; hooks are ' + ', '.join(sorted(hooks))}"
            return Defect("register", text, frame=place(getattr(plugin, name)))
    named = next((name for name in marked if repr(name) in str(error)), "")
    return Defect(
        "register",
        " ".join(str(error).split()),
        frame=place(getattr(plugin, named)) if named else "",
        hint="A hook takes the argument `api`, or none.",
    )


def _no_hook(plugin: object) -> str:
    for kind in KINDS:
        if inspect.getattr_static(plugin, hook_of(kind), None) is not None:
            return f"its {hook_of(kind)} is not marked @hookimpl (from eleanor_core.api)"
    return f"{module_of(plugin)} has no function eleanor_register_<kind> marked @hookimpl"
