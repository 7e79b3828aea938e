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
        open_fan_out,
        open_precedents,
        open_retention,
        open_reviews,
        open_secrets,
    )
    from eleanor_core._redaction import Redaction
    from eleanor_core._retention import Retention
    from eleanor_core._review import sign_review
    from eleanor_core._reviews import Reviewed, Reviews
    from eleanor_core._signatures import PrivateKey
    from eleanor_core.engine import EleanorEngine, EleanorEngineV8
    from eleanor_core.errors import (
        ActionFailed,
        ActionUnknown,
        EleanorError,
        EvidenceUnavailable,
        ExecutionRefused,
        ExpiredDecision,
        ForgedDecision,
        GateClosed,
        InjectionRefused,
        InvalidInput,
        NoPanel,
        NotRunning,
        PluginError,
        PolicyRefused,
        PrecedentsUnavailable,
        ReplayedDecision,
        RetentionRefused,
        ReviewRefused,
        SettingsError,
        SigningUnavailable,
        UnresolvableRecord,
        WrongAction,
        WrongCase,
    )
    from eleanor_core.model import (
        Action,
        Assessment,
        Case,
        DecisionMade,
        Event,
        ExecutableDecision,
        Executed,
        Execution,
        SignedReview,
    )
    from eleanor_core.settings import (
        Settings,
        load_settings,
    )

_HOMES = {
    "Action": "model",
    "ActionFailed": "errors",
    "ActionUnknown": "errors",
    "Assessment": "model",
    "Case": "model",
    "DecisionMade": "model",
    "EleanorEngine": "engine",
    "EleanorEngineV8": "engine",
    "EleanorError": "errors",
    "Event": "model",
    "EvidenceUnavailable": "errors",
    "ExecutableDecision": "model",
    "Executed": "model",
    "Execution": "model",
    "ExecutionRefused": "errors",
    "ExpiredDecision": "errors",
    "ForgedDecision": "errors",
    "GateClosed": "errors",
    "InjectionRefused": "errors",
    "InvalidInput": "errors",
    "NoPanel": "errors",
    "NotRunning": "errors",
    "PluginError": "errors",
    "PolicyRefused": "errors",
    "Precedents": "_opening",
    "PrecedentsUnavailable": "errors",
    "PrivateKey": "_signatures",
    "Redaction": "_redaction",
    "ReplayedDecision": "errors",
    "Retention": "_retention",
    "RetentionRefused": "errors",
    "ReviewRefused": "errors",
    "Reviewed": "_reviews",
    "Reviews": "_reviews",
    "Secrets": "_opening",
    "Settings": "settings",
    "SettingsError": "errors",
    "SignedReview": "model",
    "SigningUnavailable": "errors",
    "UnresolvableRecord": "errors",
    "WrongAction": "errors",
    "WrongCase": "errors",
    "load_settings": "settings",
    "open_evidence": "_opening",
    "open_fan_out": "_opening",
    "open_precedents": "_opening",
    "open_retention": "_opening",
    "open_reviews": "_opening",
    "open_secrets": "_opening",
    "sign_review": "_review",
}

__all__ = [
    "Action",
    "ActionFailed",
    "ActionUnknown",
    "Assessment",
    "Case",
    "DecisionMade",
    "EleanorEngine",
    "EleanorEngineV8",
    "EleanorError",
    "Event",
    "EvidenceUnavailable",
    "ExecutableDecision",
    "Executed",
    "Execution",
    "ExecutionRefused",
    "ExpiredDecision",
    "ForgedDecision",
    "GateClosed",
    "InjectionRefused",
    "InvalidInput",
    "NoPanel",
    "NotRunning",
    "PluginError",
    "PolicyRefused",
    "Precedents",
    "PrecedentsUnavailable",
    "PrivateKey",
    "Redaction",
    "ReplayedDecision",
    "Retention",
    "RetentionRefused",
    "ReviewRefused",
    "Reviewed",
    "Reviews",
    "Secrets",
    "Settings",
    "SettingsError",
    "SignedReview",
    "SigningUnavailable",
    "UnresolvableRecord",
    "WrongAction",
    "WrongCase",
    "__version__",
    "load_settings",
    "open_evidence",
    "open_fan_out",
    "open_precedents",
    "open_retention",
    "open_reviews",
    "open_secrets",
    "sign_review",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{home}"), name)
