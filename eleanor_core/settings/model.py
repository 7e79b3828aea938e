"""The settings, all of them. What a default is, what a key means, stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from attrs import evolve
from pydantic import AfterValidator, Field, JsonValue, model_validator

from eleanor_core.api import JsonLimits
from eleanor_core.settings.evidence import EvidenceSettings
from eleanor_core.settings.isolation import Confinement
from eleanor_core.settings.security import Security
from eleanor_core.settings.types import (
    TABLES,
    BackendChoice,
    ClauseCode,
    PluginName,
    PluginRef,
    Seconds,
    Section,
    Unit,
    absolute,
)

DEFAULT_PLUGINS = (
    "backends/numpy",
    "embedders/static",
    "precedents/sqlite",
    "evidence/local",
    "detectors/injection",
    "detectors/secrets",
    "detectors/personal-data",
    "detectors/hidden-text",
    "detectors/disclosure",
    "detectors/overclaim",
    "detectors/citations",
    "detectors/quantities",
    "detectors/language",
    "critics/rights",
    "critics/autonomy",
    "critics/fairness",
    "critics/truth",
    "critics/risk",
    "critics/pragmatics",
)


class PluginSelection(Section):
    """Which installed plugins are used. A plugin is named `kind/name`."""

    defaults: tuple[PluginRef, ...] = Field(
        default=DEFAULT_PLUGINS, description="Enabled wherever they are installed."
    )
    enable: tuple[PluginRef, ...] = Field(
        default=(), description="Enabled beside the defaults; must be installed."
    )
    block: tuple[PluginRef, ...] = Field(
        default=(), description="Never imported, whatever else says so."
    )
    require: tuple[PluginRef, ...] = Field(
        default=(),
        description="Enabled, and the engine refuses to start if one is missing or broken.",
    )
    exact: tuple[PluginRef, ...] | None = Field(
        default=None,
        description="Exactly these and no others: replaces defaults and enable.",
        examples=[("critics/rights", "evidence/local")],
    )
    lock: Annotated[Path, AfterValidator(absolute)] | None = Field(
        default=None,
        description="A file made by `eleanor plugins lock`: what is not in it, or is not byte for "
        "byte what it says, is refused before it is imported.",
        examples=["/etc/eleanor/plugins.lock"],
    )

    @model_validator(mode="after")
    def _exact_stands_alone(self) -> Self:
        if self.exact is not None and self.enable:
            raise ValueError(
                "'exact' and 'enable' are both set: 'exact' lists every plugin that runs, "
                "so add the plugins of 'enable' to it, or remove one of the two keys"
            )
        return self


class ThresholdSettings(Section):
    """Overrides of a critic's own thresholds. What is left out stays as the critic declares it."""

    objection: Unit | None = Field(
        default=None, description="Score at which the result objects.", examples=[0.5]
    )
    escalation: Unit | None = Field(
        default=None, description="Score at which severity 2 or 3 escalates.", examples=[0.6]
    )
    deny: Unit | None = Field(
        default=None, description="Score at which severity 3 denies.", examples=[0.9]
    )


class PluginEntry(Section):
    """Settings of one plugin; `settings` is validated by the plugin's own settings class."""

    settings: dict[str, JsonValue] = Field(
        default_factory=dict,
        # A value here may be a secret that somebody wrote in plain against all advice.
        repr=False,
        description="The plugin's own settings.",
    )


class DetectorEntry(PluginEntry):
    """Settings of one detector."""

    isolation: Literal["process"] | None = Field(
        default=None,
        description="`process`: import and run it in worker processes alone, within `confinement`; "
        "else as it declares, in this one.",
        examples=["process"],
    )
    confinement: Confinement = Field(
        default=Confinement(), description="What its workers may use, under `isolation: process`."
    )

    deadline: Seconds | None = Field(
        default=None, description="Seconds that one call may take.", examples=[5.0]
    )


class CriticEntry(DetectorEntry):
    """Settings of one critic."""

    thresholds: ThresholdSettings = Field(
        default=ThresholdSettings(), description="Overrides of the critic's thresholds."
    )


class Limits(Section):
    """Sizes that a case may have. docs/input.md says what else is refused."""

    text_bytes: int = Field(default=100_000, gt=0, description="Largest text, in bytes of UTF-8.")
    context_bytes: int = Field(
        default=1_000_000, gt=0, description="Largest context, in bytes of JSON."
    )
    context_depth: int = Field(
        default=32, gt=0, le=256, description="Deepest nesting of the context."
    )
    context_marks: int = Field(
        default=80_000,
        gt=0,
        description="Most commas and brackets in the context's JSON, outside strings.",
    )
    context_keys: int = Field(
        default=10_000, gt=0, description="Most keys of one object in the context."
    )
    context_items: int = Field(
        default=50_000, gt=0, description="Most items of one list in the context."
    )
    context_string_bytes: int = Field(
        default=500_000, gt=0, description="Largest string in the context, in bytes of UTF-8."
    )
    context_key_bytes: int = Field(
        default=1_000, gt=0, description="Largest key in the context, in bytes of UTF-8."
    )

    @cached_property
    def of_context(self) -> JsonLimits:
        """What a context may hold."""
        return JsonLimits(
            bytes=self.context_bytes,
            depth=self.context_depth,
            marks=self.context_marks,
            keys=self.context_keys,
            items=self.context_items,
            string_bytes=self.context_string_bytes,
            key_bytes=self.context_key_bytes,
        )

    @cached_property
    def of_request(self) -> JsonLimits:
        """What a JSON text may hold that states one case: an object with text and context."""
        return evolve(
            self.of_context,
            # Names, id, blanks and escapes have the rest. With more of it, more bytes would have to
            # be read before a bomb is known as one.
            bytes=self.text_bytes + self.context_bytes + 65_536,
            depth=self.context_depth + 1,
            marks=self.context_marks + 64,
            string_bytes=max(self.text_bytes, self.context_string_bytes),
        )


class Policy(Section):
    """What this deployment counts as grave, known and forbidden."""

    prohibited_clauses: tuple[ClauseCode, ...] = Field(
        default=(),
        description="Clauses that no human action opens, for practices that the law forbids.",
    )
    high_impact_domains: tuple[str, ...] = Field(
        default=(
            "biometrics",
            "credit",
            "critical-infrastructure",
            "education",
            "employment",
            "healthcare",
            "housing",
            "insurance",
            "justice",
            "law-enforcement",
            "migration",
        ),
        description="Domains in which impact is high (after Annex III of the EU AI Act).",
    )
    validated_domains: tuple[str, ...] = Field(
        default=(
            "general",
            "biometrics",
            "credit",
            "critical-infrastructure",
            "education",
            "employment",
            "healthcare",
            "housing",
            "insurance",
            "justice",
            "law-enforcement",
            "migration",
        ),
        description="Domains that the panel was validated in; any other escalates U3.",
    )
    gaps: Literal["high-impact", "escalate"] = Field(
        default="high-impact",
        description="When a gap escalates U1: only where impact is high, or always.",
    )
    injection: Literal["signal", "refuse"] = Field(
        default="signal",
        description="What the detector `injection` brings about: a signal for the critics, or a "
        "refusal of the text, unjudged, once its score is high enough.",
    )
    injection_threshold: Unit = Field(
        default=0.8,
        description="Score of the detector `injection` from which a text is refused, where "
        "policy.injection is refuse.",
    )
    audit_sample: Unit = Field(
        default=0.0, description="Share of results marked for audit. A mark, never a decision."
    )


class RecallSettings(Section):
    """How like cases are found and when they conflict."""

    neighbours: int = Field(default=8, gt=0, le=100, description="Like cases looked at.")
    similarity: Unit = Field(
        default=0.6, description="Similarity from which a case is like this one."
    )
    conflict: Unit = Field(default=0.7, description="Conflict among like cases that escalates PR2.")
    deadline: Seconds = Field(default=2.0, description="Seconds that recall may take.")


class UncertaintySettings(Section):
    """When uncertainty is high."""

    high: Unit = Field(
        default=0.5, description="Overall uncertainty that, with high impact, escalates U2."
    )


class Deadlines(Section):
    """Seconds that each operation of the engine may take."""

    request: Seconds = Field(
        default=30.0, description="A whole judgement, from validation to record."
    )
    start: Seconds = Field(default=60.0, description="Start of one plugin.")
    stop: Seconds = Field(default=25.0, description="Stop of all plugins together.")
    record: Seconds = Field(default=10.0, description="Making one record durable.")


class GateSettings(Section):
    """What it takes to execute."""

    valid_seconds: Seconds = Field(
        default=300.0, description="How long a permission to execute holds."
    )
    action_timeout: Seconds = Field(
        default=60.0, description="Seconds that an action may take which states no time itself."
    )
    policy_timeout: Seconds = Field(
        default=2.0, description="Seconds that a policy may take; one that takes longer refuses."
    )
    people: int = Field(
        default=1, ge=1, le=100, description="How many different people must determine a tier 3."
    )


class Logging(Section):
    """What the program says about itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="Least severe level that is written."
    )
    format: Literal["text", "json"] = Field(
        default="text", description="How a log line is written."
    )


class Settings(Section):
    """All settings of an engine. Precedence and sources: see `eleanor_core.settings.sources`."""

    home: Annotated[Path, AfterValidator(absolute)] | None = Field(
        default=None,
        description="Folder for all state; default: the platform's data folder.",
        examples=["/var/lib/eleanor"],
    )
    plugins: PluginSelection = Field(
        default=PluginSelection(), description="Which plugins are used."
    )
    backend: BackendChoice = "auto"
    policy: Policy = Field(
        default=Policy(), description="What counts as grave, known and forbidden."
    )
    limits: Limits = Field(default=Limits(), description="Sizes that a case may have.")
    deadlines: Deadlines = Field(
        default=Deadlines(), description="Seconds that operations may take."
    )
    recall: RecallSettings = Field(
        default=RecallSettings(), description="How like cases are found."
    )
    uncertainty: UncertaintySettings = Field(
        default=UncertaintySettings(), description="When uncertainty is high."
    )
    security: Security = Field(default=Security(), description="Where secrets come from.")
    gate: GateSettings = Field(default=GateSettings(), description="What it takes to execute.")
    evidence: EvidenceSettings = Field(default=EvidenceSettings(), description="Where records go.")
    logging: Logging = Field(default=Logging(), description="What the program says about itself.")
    critics: dict[PluginName, CriticEntry] = Field(
        default_factory=dict,
        description="Settings of critics, by name.",
        examples=[{"rights": {}}],
    )
    detectors: dict[PluginName, DetectorEntry] = Field(
        default_factory=dict,
        description="Settings of detectors, by name.",
        examples=[{"personal-data": {}}],
    )
    sinks: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of evidence sinks, by name.",
        examples=[{"local": {}}],
    )
    policies: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of policies at execution, by name.",
        examples=[{"cedar": {}}],
    )
    secrets: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of secrets providers, by name.",
        examples=[{"env": {}}],
    )
    backends: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of compute backends, by name.",
        examples=[{"numpy": {}}],
    )
    embedders: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of embedders, by name.",
        examples=[{"static": {}}],
    )
    precedents: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of precedent stores, by name.",
        examples=[{"sqlite": {}}],
    )
    models: dict[PluginName, PluginEntry] = Field(
        default_factory=dict,
        description="Settings of model adapters, by name.",
        examples=[{"local": {}}],
    )

    def entry(self, kind: str, name: str) -> PluginEntry:
        """Return the settings of the plugin `kind/name`; empty ones if there are none."""
        table: Mapping[str, PluginEntry] = getattr(self, TABLES[kind])
        empty = {"critics": CriticEntry, "detectors": DetectorEntry}.get(kind, PluginEntry)
        entry = table.get(name) or empty()
        if kind != "secrets" or name not in self.security.providers:
            return entry
        beside = dict(self.security.providers[name])
        return entry.model_copy(update={"settings": {**entry.settings, **beside}})
