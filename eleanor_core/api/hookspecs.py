"""The map of the framework: the nine hooks, one for each kind of plugin.

A plugin is a module (or any object) that an entry point in the group `eleanor.<kind>` names, with a
function `eleanor_register_<kind>` marked `@hookimpl`. The entry point's name is the declaration's.

All nine hooks are sync and called once, at start-up. They return data; nothing that runs per
request goes through them. A hook may leave out the argument `api`.

Enabled plugins start in the order of the hooks below and stop in reverse.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from eleanor_core.api.declarations import (
    BackendDeclaration,
    CriticDeclaration,
    DetectorDeclaration,
    EmbedderDeclaration,
    EvidenceDeclaration,
    ModelDeclaration,
    PolicyDeclaration,
    PrecedentsDeclaration,
    SecretsDeclaration,
)
from eleanor_core.api.markers import hookspec
from eleanor_core.api.version import API_VERSION


@frozen(kw_only=True)
class PluginAPI:
    """What the core offers to a hook. `version`: of the plugin API, as "MAJOR.MINOR"."""

    version: str = API_VERSION
    core: str = ""


# -- what the others are built on -------------------------------------------------------------


@hookspec
def eleanor_register_secrets(api: PluginAPI) -> Iterable[SecretsDeclaration]:
    """Declare providers that resolve references such as `vault:kv/app#key`.

    Called when: the engine starts, first of all kinds, if the provider is enabled.
    Must return: declarations; the factory yields a `SecretsProvider`.
    Must not do: contact a server, read a credential, or keep a value anywhere but in the product.
    If it raises: the plugin is `broken`; references to it do not resolve.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_backends(api: PluginAPI) -> Iterable[BackendDeclaration]:
    """Declare compute backends (arrays on a CPU, CUDA or MPS device).

    Called when: the engine starts, if the backend is enabled.
    Must return: declarations with their devices, whose `probe` imports nothing heavy; the factory
        yields a `Backend` on `services.device`.
    Must not do: import torch, jax or a driver; that belongs in the factory.
    If it raises: the plugin is `broken`; stages that need a backend abstain, and say so.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_embedders(api: PluginAPI) -> Iterable[EmbedderDeclaration]:
    """Declare text embedders.

    Called when: the engine starts, if the embedder is enabled.
    Must return: declarations; the factory yields an `Embedder`.
    Must not do: load weights or reach for the network.
    If it raises: the plugin is `broken`; recall abstains, and says so.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_models(api: PluginAPI) -> Iterable[ModelDeclaration]:
    """Declare adapters to language models.

    Called when: the engine starts, if the adapter is enabled.
    Must return: declarations; the factory yields a `Model`.
    Must not do: contact a provider, or hold a client object at module level.
    If it raises: the plugin is `broken`; critics that ask it abstain.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_precedents(api: PluginAPI) -> Iterable[PrecedentsDeclaration]:
    """Declare stores of decided cases.

    Called when: the engine starts, if the store is enabled.
    Must return: declarations; the factory yields a `PrecedentStore`.
    Must not do: open the store; that belongs in the factory.
    If it raises: the plugin is `broken`; recall abstains, which escalates U1.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_evidence(api: PluginAPI) -> Iterable[EvidenceDeclaration]:
    """Declare evidence sinks.

    Called when: the engine starts, if the sink is enabled.
    Must return: declarations; the factory yields an `EvidenceSink`.
    Must not do: open or create a log; that belongs in the factory.
    If it raises: the plugin is `broken`; without any sink `run` raises `EvidenceUnavailable`.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_policies(api: PluginAPI) -> Iterable[PolicyDeclaration]:
    """Declare policies that are asked before anything is executed, after the gate.

    Called when: the engine starts, if the policy is enabled.
    Must return: declarations; the factory yields an `ExecutionPolicy`.
    Must not do: read a policy file; that belongs in the factory, which raises where one is missing.
    If it raises: the plugin is `broken`; nothing is executed until it is repaired or blocked by
        name. Judging goes on.
    """
    raise AssertionError(api)


# -- the voices -------------------------------------------------------------------------------


@hookspec
def eleanor_register_detectors(api: PluginAPI) -> Iterable[DetectorDeclaration]:
    """Declare detectors: they testify before the critics deliberate.

    Called when: the engine starts, if the detector is enabled.
    Must return: declarations with their patterns; the factory yields a detector.
    Must not do: compile patterns (the core compiles all of them into one automaton) or do I/O.
    If it raises: the plugin is `broken`: it stands as an abstention in every result, until it is
        repaired or blocked by name.
    """
    raise AssertionError(api)


@hookspec
def eleanor_register_critics(api: PluginAPI) -> Iterable[CriticDeclaration]:
    """Declare critics: each judges every case, and none sees another.

    Called when: the engine starts, last of all kinds, if the critic is enabled.
    Must return: declarations with principle and clauses; the factory yields a critic.
    Must not do: look for other critics, read a case, or keep state shared between engines.
    If it raises: the plugin is `broken`: it stands as an abstention in every result, until it is
        repaired or blocked by name.
    """
    raise AssertionError(api)
