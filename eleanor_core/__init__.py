"""ELEANOR judges what AI systems say and do: independent critics, kept dissent, a gate, evidence.

    async with EleanorEngine() as engine:
        result = await engine.run(text="...")

What a plugin author imports stands in `eleanor_core.api`. The names below are looked up on first
use (PEP 562), so that a plugin, the kit or pytest can import a part without loading the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from eleanor_core._version import __version__

if TYPE_CHECKING:
    from eleanor_core._opening import (
        Precedents,
        Secrets,
        open_evidence,
        open_precedents,
        open_secrets,
    )
    from eleanor_core.engine import EleanorEngine, EleanorEngineV8
    from eleanor_core.errors import (
        EleanorError,
        EvidenceUnavailable,
        GateClosed,
        InjectionRefused,
        InvalidInput,
        NoPanel,
        NotRunning,
        PluginError,
        PrecedentsUnavailable,
        SettingsError,
        UnresolvableRecord,
    )
    from eleanor_core.model import Assessment, Case, DecisionMade, Event, ExecutableDecision
    from eleanor_core.settings import Settings, load_settings

_HOMES = {
    "Assessment": "model",
    "Case": "model",
    "DecisionMade": "model",
    "EleanorEngine": "engine",
    "EleanorEngineV8": "engine",
    "EleanorError": "errors",
    "Event": "model",
    "EvidenceUnavailable": "errors",
    "ExecutableDecision": "model",
    "GateClosed": "errors",
    "InjectionRefused": "errors",
    "InvalidInput": "errors",
    "NoPanel": "errors",
    "NotRunning": "errors",
    "PluginError": "errors",
    "Precedents": "_opening",
    "PrecedentsUnavailable": "errors",
    "Secrets": "_opening",
    "Settings": "settings",
    "SettingsError": "errors",
    "UnresolvableRecord": "errors",
    "load_settings": "settings",
    "open_evidence": "_opening",
    "open_precedents": "_opening",
    "open_secrets": "_opening",
}

__all__ = [
    "Assessment",
    "Case",
    "DecisionMade",
    "EleanorEngine",
    "EleanorEngineV8",
    "EleanorError",
    "Event",
    "EvidenceUnavailable",
    "ExecutableDecision",
    "GateClosed",
    "InjectionRefused",
    "InvalidInput",
    "NoPanel",
    "NotRunning",
    "PluginError",
    "Precedents",
    "PrecedentsUnavailable",
    "Secrets",
    "Settings",
    "SettingsError",
    "UnresolvableRecord",
    "__version__",
    "load_settings",
    "open_evidence",
    "open_precedents",
    "open_secrets",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{home}"), name)
