"""Which of the installed plugins are used, decided from settings before anything is imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from eleanor_core.errors import DuplicatePluginError, SettingsError
from eleanor_core.registry.registry import IN_PROCESS, Found
from eleanor_core.settings import Settings


@frozen(kw_only=True)
class Selection:
    """What the settings choose. `chosen`: ref -> the key that chose it, in words.

    `expected`: refs that are chosen by name, so that one that is not installed is a fault.
    """

    chosen: Mapping[str, str]
    expected: frozenset[str]
    required: frozenset[str]
    blocked: frozenset[str]
    exact: bool

    def reason(self, ref: str) -> str:
        """Say in words why the plugin is on or off."""
        if ref in self.blocked:
            return "blocked by plugins.block"
        if ref in self.chosen:
            return self.chosen[ref]
        if self.exact:
            return "left out by plugins.exact"
        return "installed, but neither in plugins.defaults nor in plugins.enable"


def select(settings: Settings, found: Iterable[Found]) -> Selection:
    """Choose among the plugins `found`.

    Raises SettingsError if `block`, `require`, `exact`, `security.secret_provider` and `backend`
    contradict each other.
    """
    plugins = settings.plugins
    installed = {item.ref for item in found}
    blocked, required = frozenset(plugins.block), frozenset(plugins.require)
    _refuse_contradictions(plugins.exact, blocked=blocked, required=required)
    provider = _provider(settings, blocked)
    backend = _backend(settings, blocked)

    chosen: dict[str, str] = {}
    if plugins.exact is None:
        chosen |= {ref: "in plugins.defaults" for ref in plugins.defaults if ref in installed}
        chosen |= dict.fromkeys(plugins.enable, "enabled by plugins.enable")
        expected = required.union(plugins.enable)
    else:
        chosen |= dict.fromkeys(plugins.exact, "in plugins.exact")
        expected = required.union(plugins.exact)
    chosen |= dict.fromkeys(provider, "named by security.secret_provider")
    chosen |= dict.fromkeys(backend, "named by the setting backend")
    chosen |= dict.fromkeys(required, "required by plugins.require")
    return Selection(
        chosen={ref: why for ref, why in chosen.items() if ref not in blocked},
        expected=expected.union(provider, backend) - blocked,
        required=required,
        blocked=blocked,
        exact=plugins.exact is not None,
    )


def _refuse_contradictions(
    exact: tuple[str, ...] | None, *, blocked: frozenset[str], required: frozenset[str]
) -> None:
    if both := sorted(required & blocked):
        raise SettingsError(
            f"plugins.block and plugins.require both name {', '.join(both)}: "
            "a required plugin cannot be blocked; take it out of one of them"
        )
    if exact is not None and (left_out := sorted(required.difference(exact))):
        raise SettingsError(
            f"plugins.require names {', '.join(left_out)}, which plugins.exact leaves out: "
            "add it to plugins.exact, or take it out of plugins.require"
        )


def _provider(settings: Settings, blocked: frozenset[str]) -> tuple[str, ...]:
    """Return the ref of the secrets provider that `security.secret_provider` names, if any."""
    name, exact = settings.security.secret_provider, settings.plugins.exact
    if name is None:
        return ()
    ref = f"secrets/{name}"
    if ref in blocked:
        raise SettingsError(
            f"security.secret_provider is {name!r}, and plugins.block names {ref}: "
            "take it out of one of them"
        )
    if exact is not None and ref not in exact:
        raise SettingsError(
            f"security.secret_provider is {name!r}, which plugins.exact leaves out: "
            f"add {ref} to plugins.exact, or unset security.secret_provider"
        )
    return (ref,)


def _backend(settings: Settings, blocked: frozenset[str]) -> tuple[str, ...]:
    """Return the ref of the backend that `backend` names, if any; an exact set stays as it is."""
    ref = named_backend(settings)
    if ref is None or settings.plugins.exact is not None:
        return ()
    if ref in blocked:
        raise SettingsError(
            f"backend is {settings.backend!r}, and plugins.block names {ref}: "
            "take it out of one of them"
        )
    return (ref,)


def named_backend(settings: Settings) -> str | None:
    """Return the ref of the backend that the settings name, None for `auto`."""
    name = settings.backend.partition(":")[0]
    return None if name == "auto" else f"backends/{name}"


def refuse_duplicates(candidates: Iterable[Found]) -> None:
    """Raise DuplicatePluginError if two of the plugins that would be loaded share a ref."""
    claims: dict[str, list[Found]] = {}
    for item in candidates:
        claims.setdefault(item.ref, []).append(item)
    clashes = [_clash(ref, items) for ref, items in sorted(claims.items()) if len(items) > 1]
    if clashes:
        raise DuplicatePluginError("\n".join(clashes))


def _clash(ref: str, items: list[Found]) -> str:
    whose = " and ".join(f"{item.dist} {item.version} ({item.target})" for item in items)
    dists = sorted({item.dist for item in items} - {IN_PROCESS})
    if any(item.dist == IN_PROCESS for item in items):
        cure = (
            "give the in-process plugin another name, or leave the installed one out of "
            "plugins.defaults, plugins.enable and plugins.exact"
            if dists
            else "give one of them another name"
        )
    elif len(dists) == 1:
        cure = f"its entry points contradict each other: repair it, or pip uninstall {dists[0]}"
    else:
        cure = "keep one: " + ", or ".join(f"pip uninstall {dist}" for dist in dists)
    return f"{ref} is claimed by {whose}; {cure}"
