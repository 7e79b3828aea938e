"""`eleanor plugins explain`: in words, why a plugin is on or off and what it declares.

It imports only what the settings choose, so a blocked or merely available plugin stays unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import frozen
from pydantic_core import PydanticUndefined

from eleanor_core.api import AnyDeclaration, BackendDeclaration, PluginSettings, VoiceDeclaration
from eleanor_core.api.declarations import CriticDeclaration
from eleanor_core.errors import SettingsError
from eleanor_core.registry.backends import told
from eleanor_core.registry.discover import file_of
from eleanor_core.registry.load import NO_ORIGINS, Loading
from eleanor_core.registry.names import meant
from eleanor_core.registry.registry import Loaded, Registry, Row
from eleanor_core.settings import Settings
from eleanor_core.settings.model import DetectorEntry
from eleanor_core.settings.types import TABLES

_MODULES: Final = re.compile(r"\b(?:[A-Za-z_]\w*\.)+")
"""What stands before the name of a type: where it is written says nothing to who sets it."""


@frozen(kw_only=True)
class SettingField:
    """One setting of a plugin: `key` is where it stands in the settings, `default` as text."""

    key: str
    type: str
    default: str
    description: str


@frozen(kw_only=True)
class Explanation:
    """What there is to say of one plugin. `facts` and `settings` are empty unless it is loaded."""

    row: Row
    facts: Mapping[str, str]
    settings: tuple[SettingField, ...] = ()

    def __str__(self) -> str:
        row = self.row
        whose = f" ({row.dist} {row.version})" if row.dist else ""
        lines = [f"{row.ref}{whose} is {row.status}: {row.reason}"]
        lines += [f"  {name}: {value}" for name, value in self.facts.items()]
        lines += [
            f"  {field.key} ({field.type}, {field.default}): {field.description}"
            for field in self.settings
        ]
        return "\n".join(lines)


def explain(
    ref: str,
    settings: Settings,
    plugins: Iterable[object] = (),
    *,
    origins: Mapping[str, str] = NO_ORIGINS,
) -> tuple[Explanation, ...]:
    """Explain the plugin `ref`: `kind/name`, or a bare name, which several may bear.

    A broken plugin is explained like any other, a required one too. Raises SettingsError if no
    plugin is called so; otherwise what `load` raises, except for RequiredPluginError.
    """
    registry = Loading(settings, origins).run(plugins)
    rows = registry.rows()
    chosen = [row for row in rows if ref in (row.ref, row.name)]
    if not chosen:
        known = {row.ref for row in rows} | {row.name for row in rows}
        raise SettingsError(
            f"no plugin {ref!r} is installed, given or named in the settings{meant(ref, known)}"
        )
    return tuple(_explain(row, registry, settings) for row in chosen)


def _explain(row: Row, registry: Registry, settings: Settings) -> Explanation:
    facts = {"entry point": row.target, "file": file_of(row.target), "hook": ", ".join(row.hooks)}
    if row.summary:
        facts = {"summary": row.summary} | facts
    loaded = registry.loaded[row.kind].get(row.name)
    if loaded is None or loaded.provenance.dist != row.dist:
        if row.status == "available":
            facts["to enable it"] = f"add '{row.ref}' to plugins.enable"
        return Explanation(row=row, facts=_said(facts))
    facts |= _declared(loaded.declaration)
    if row.kind == "backends":
        _, facts["the setting backend"] = told(registry)
    entry = settings.entry(row.kind, row.name)
    if isinstance(entry, DetectorEntry) and entry.isolation is not None:
        facts["execution"] = f"isolated, in {entry.confinement.workers} confined workers"
    return Explanation(
        row=row,
        facts=_said(facts),
        settings=tuple(_fields(loaded)),
    )


def _declared(declaration: AnyDeclaration) -> dict[str, str]:
    facts = {"plugin API": declaration.api}
    if isinstance(declaration, CriticDeclaration):
        facts["principle"] = declaration.principle
        facts["clauses"] = ", ".join(sorted(declaration.clauses))
        scores = declaration.thresholds
        facts["thresholds"] = (
            f"objection {scores.objection:g}, escalation {scores.escalation:g}, "
            f"deny {scores.deny:g}"
        )
    if isinstance(declaration, VoiceDeclaration):
        facts["execution"] = declaration.execution
        facts["deadline"] = f"{declaration.deadline:g} s"
        facts["patterns"] = str(len(declaration.patterns))
        facts["may leave unassessed"] = _listed(declaration.gaps)
    if isinstance(declaration, BackendDeclaration):
        facts["devices"] = ", ".join(declaration.devices)
    facts["categories"] = _listed(getattr(declaration, "categories", {}))
    return facts


def _fields(loaded: Loaded) -> Iterable[SettingField]:
    path = f"{TABLES[loaded.kind]}.{loaded.name}.settings"
    model: type[PluginSettings] = loaded.declaration.settings
    for name, field in model.model_fields.items():
        default: object = field.get_default(call_default_factory=True, validated_data={})
        annotation = field.annotation
        yield SettingField(
            key=f"{path}.{name}",
            type=_MODULES.sub(
                "", annotation.__name__ if type(annotation) is type else str(annotation)
            ),
            default="required" if default is PydanticUndefined else f"default {default!r}",
            description=field.description or "",
        )


def _listed(words: Mapping[str, str]) -> str:
    return "; ".join(f"{name} ({meaning})" for name, meaning in words.items())


def _said(facts: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in facts.items() if value}
