"""ELEANOR judges what AI systems say and do: independent critics, kept dissent, a gate, evidence.

    async with EleanorEngine() as engine:
        result = await engine.run(text="...")

What a plugin author imports stands in `eleanor_core.api`.
"""

from eleanor_core._opening import open_evidence
from eleanor_core._version import __version__
from eleanor_core.engine import EleanorEngine, EleanorEngineV8
from eleanor_core.errors import (
    EleanorError,
    EvidenceUnavailable,
    GateClosed,
    InvalidInput,
    NoPanel,
    NotRunning,
    PluginError,
    SettingsError,
    UnresolvableRecord,
)
from eleanor_core.model import Assessment, Case, DecisionMade, Event, ExecutableDecision
from eleanor_core.settings import Settings, load_settings

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
    "InvalidInput",
    "NoPanel",
    "NotRunning",
    "PluginError",
    "Settings",
    "SettingsError",
    "UnresolvableRecord",
    "__version__",
    "load_settings",
    "open_evidence",
]
