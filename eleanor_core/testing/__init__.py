"""Floor 6: the kit for plugin authors: contract classes, YAML cases, a harness and makers.

pytest imports this package at its start, for the plugin beside it. So the names below are looked up
on first use (PEP 562): nothing of the engine is loaded before a test asks for it, pytest starts as
fast as before, and the coverage of an author's own modules is measured from their first line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eleanor_core.testing.backends import BackendContract
    from eleanor_core.testing.critics import CriticContract
    from eleanor_core.testing.detectors import DetectorContract
    from eleanor_core.testing.harness import Harness
    from eleanor_core.testing.makers import (
        CriticPlugin,
        DetectorPlugin,
        LetterEmbedder,
        critic_plugin,
        detector_plugin,
        make_case,
    )
    from eleanor_core.testing.memory import MemoryLog
    from eleanor_core.testing.postgres import PostgresServer
    from eleanor_core.testing.proxy import FaultProxy
    from eleanor_core.testing.secrets import SecretsProviderContract
    from eleanor_core.testing.sinks import EvidenceSinkContract
    from eleanor_core.testing.vectors import EmbedderContract, PrecedentStoreContract

_HOMES = {
    "BackendContract": "backends",
    "CriticContract": "critics",
    "CriticPlugin": "makers",
    "DetectorContract": "detectors",
    "DetectorPlugin": "makers",
    "EmbedderContract": "vectors",
    "EvidenceSinkContract": "sinks",
    "FaultProxy": "proxy",
    "Harness": "harness",
    "LetterEmbedder": "makers",
    "MemoryLog": "memory",
    "PostgresServer": "postgres",
    "PrecedentStoreContract": "vectors",
    "SecretsProviderContract": "secrets",
    "critic_plugin": "makers",
    "detector_plugin": "makers",
    "make_case": "makers",
}

__all__ = [
    "BackendContract",
    "CriticContract",
    "CriticPlugin",
    "DetectorContract",
    "DetectorPlugin",
    "EmbedderContract",
    "EvidenceSinkContract",
    "FaultProxy",
    "Harness",
    "LetterEmbedder",
    "MemoryLog",
    "PostgresServer",
    "PrecedentStoreContract",
    "SecretsProviderContract",
    "critic_plugin",
    "detector_plugin",
    "make_case",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{home}"), name)
