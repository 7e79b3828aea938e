"""Runs an engine with canaries everywhere and something wrong, and collects every byte that came out."""

from __future__ import annotations

import io
import json
import logging
import tempfile
import traceback
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import anyio
import structlog
from attrs import define, field

from canary.birds import PERSON, Canary
from canary.plan import Plan
from canary.registry import ORIGINS, PLACES
from canary.stranger import plugins_of
from eleanor_core import Action, EleanorEngine, EvidenceUnavailable, Execution, Redaction
from eleanor_core.codec import event_to_json, to_json
from eleanor_core.model import DecisionMade, SecretRef, SecretValue
from eleanor_core.settings import Settings, describe, effective
from eleanor_core.settings.load import LoadedSettings, load_settings

CANARIES = {name: Canary(number) for number, name in enumerate((*ORIGINS, *PLACES))}
_OTHER_SINKS = {"streamed": ["local"], "sink that follows raises": ["copy"]}


@define
class Sinks:
    """Bytes by the sink where they came out."""

    blobs: dict[str, bytes] = field(factory=dict)

    def take(self, sink: str, *values: object) -> None:
        said = [
            item if isinstance(item, bytes) else str(item).encode(errors="replace")
            for item in values
        ]
        self.blobs[sink] = b"\n".join([self.blobs.get(sink, b""), *said])


@define
class Run:
    """One failure in one turn: what came out, and which canaries were let loose."""

    failure: str
    turn: int
    sinks: Sinks
    said: set[str]


def settings_of(plan: Plan, home: Path) -> dict[str, object]:
    """Return settings with a canary under every name that says "secret"."""

    def known(name: str) -> str:
        plan.said.add(name)
        return plan.canaries[name].known

    login = known("settings, login in a URL").replace("/", "%2F")
    critic: dict[str, object] = {
        "api_token": known("settings of a critic"),
        "more": {"login": {"password": known("settings of a critic, nested")}},
        "passwords": [known("settings of a critic, a list")],
        "database": f"postgresql://app:{login}@db.invalid/app",
    }
    if plan.failure == "plugin settings are refused":
        critic["check"] = "bad"
    settings: dict[str, object] = {
        "home": str(home),
        "plugins": {"exact": ["evidence/local"] if plan.failure == "streamed" else []},
        "critics": {"canary": {"settings": critic}},
        "sinks": {"canary": {"settings": {}}},
        "secrets": {"shelf": {"settings": {"api_token": known("settings of a provider")}}},
        "security": {"shelf": {"passwords": [known("security.NAME")]}},
        "deadlines": dict.fromkeys(("start", "stop", "record"), plan.patience),
        "recall": {"deadline": plan.patience},
        "evidence": {"sinks": ["canary", *_OTHER_SINKS.get(plan.failure, [])]},
    }
    if plan.failure == "required critic does not start":
        settings["plugins"] = {"defaults": [], "require": ["critics/canary"]}
    if plan.failure in ("hook raises", "no panel"):
        del settings["critics"]
    if plan.failure == "settings are refused":
        settings["limits"] = {"text_bytes": known("settings, in the wrong place"), "x": "y"}
    return settings


def environment_of(plan: Plan) -> dict[str, str]:
    """Return variables with a canary each, and one for every value that is to be known."""
    known = {name: canary.known for name, canary in plan.canaries.items()}
    plan.said |= {name for name in ORIGINS if name.startswith("environment")}
    login = known["environment, login in a URL"].replace("/", "%2F")
    return {
        "CANARY_TOKEN": known["environment, token"],
        "CANARY_PASSWORD": known["environment, password"],
        "CANARY_DATABASE": f"redis://:{login}@cache.invalid/0",
        "CANARY_API_KEY": known["environment, key"],
        **{f"CANARY_{number}_SECRET": known[name] for number, name in enumerate(PLACES)},
    }


@contextmanager
def logs_into(sinks: Sinks, redaction: Redaction):
    """Let structlog and the standard library's logging write into sinks."""

    def tap(_logger, _method, event):
        sinks.take("log without a processor", dict(event))
        return event

    def untapped(_logger, _method, event):
        if not event.get("program"):
            tap(_logger, _method, event)
        return event

    written, standard = io.StringIO(), io.StringIO()
    structlog.configure(
        processors=[untapped, redaction.processor, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(file=written),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(standard)
    handler.addFilter(redaction.filter)
    library = logging.getLogger("canary.library")
    library.propagate = False
    library.addHandler(handler)
    try:
        yield
    finally:
        library.removeHandler(handler)
        structlog.reset_defaults()
        sinks.take("log", written.getvalue())
        sinks.take("standard log", standard.getvalue())


def program_logs(plan: Plan) -> None:
    """Log as a program around the engine does, by itself and through a library."""
    log, library = structlog.get_logger("program"), logging.getLogger("canary.library")
    log.warning(
        plan.say("program's log, event"), program=True, given=[plan.say("program's log, field")]
    )
    library.warning(plan.say("standard log, message"))
    library.warning("it said %s", plan.say("standard log, arguments"))
    try:
        raise ValueError(plan.say("program's log, traceback")) from KeyError(plan.say("text"))
    except ValueError:
        log.exception("failed", program=True)
    try:
        raise ValueError(plan.say("standard log, traceback")) from KeyError(plan.say("text"))
    except ValueError:
        library.exception("failed")


def context_of(plan: Plan) -> dict[str, object]:
    """Return a context with a canary at each depth, as a value and as a key."""
    context: dict[str, object] = {}
    level = context
    for depth in range(1, 7):
        level["note"] = plan.say(f"context, level {depth}")
        below: dict[str, object] = {}
        level[plan.say(f"context key, level {depth}")] = "value"
        level["below"] = below
        level = below
    # What is known by its shape alone is not put together again over several items.
    split = plan.canaries["context, neighbours"].known
    plan.said.add("context, neighbours")
    return {
        **context,
        "domain": plan.say("domain"),
        "impact": "high",
        "person": PERSON,
        "list": [1, True, plan.say("context, list"), None],
        "origins": {name: plan.name(name) for name in known_by_then(plan)},
        "neighbours": [split[at : at + 14] for at in range(0, len(split), 14)],
    }


def known_by_then(plan: Plan) -> list[str]:
    """Return the origins from which the engine has learnt a value when the case comes."""
    lost = {"settings, in the wrong place"}
    if plan.is_to("hook raises", "no panel"):
        lost |= {
            name for name in ORIGINS if name.startswith(("settings of a critic", "settings, l"))
        }
    if plan.is_to("provider raises", "provider is down", "secret is gone"):
        lost |= {name for name in ORIGINS if name.startswith("provider")}
    return [name for name in ORIGINS if name not in lost]


def case_of(plan: Plan) -> dict[str, object]:
    """Return what is handed to the engine."""
    text = f"Dear {PERSON}, please use {plan.say('text')} for it."
    case: dict[str, object] = {"text": text, "context": context_of(plan)}
    match plan.failure:
        case "none" | "streamed":
            canary = plan.canaries["trace id"]
            plan.said.add("trace id")
            case["trace_id"] = f"{canary.known} {canary.shaped}"
        case "refused: empty":
            case["text"] = " "
        case "refused: type":
            case["text"] = [plan.say("refused text")]
        case "refused: key":
            case["context"] = {plan.say("refused key"): {"below": object()}}
        case "refused: depth":
            deep: object = 1
            for _ in range(80):
                deep = {plan.canaries["refused key"].known: deep}
            case["context"] = deep
        case "refused: trace id":
            case["trace_id"] = plan.say("refused text") + "\u2028"
    return case


async def use(engine: EleanorEngine, plan: Plan, sinks: Sinks) -> None:
    """Judge, and ask for whatever else the engine hands out."""
    program_logs(plan)
    sinks.take("broken", engine.broken)
    await ask_the_provider(plan, engine, sinks)
    case = case_of(plan)
    if plan.failure == "not running":
        await engine.shutdown()
    if plan.failure in ("streamed", "abandoned"):
        async for event in engine.stream(**case):
            sinks.take("events", repr(event))
            sinks.take("events as JSON", json.dumps(event_to_json(event), ensure_ascii=False))
            if isinstance(event, DecisionMade):
                told(sinks, event.assessment)
            if plan.failure == "abandoned" and event.type == "detector":
                break
        return
    with anyio.CancelScope() as scope:
        if plan.failure == "cancelled before":
            scope.cancel()
        if plan.failure in ("cancelled meanwhile", "sink raises when abandoned"):
            scope.deadline = anyio.current_time() + 0.02
        assessment = await engine.run(**case)
        told(sinks, assessment)
        given = {name: part for name, part in case.items() if name != "trace_id"}
        action = Action(name="canary.look", run=looked_at, **given)
        sinks.take("result", repr(await engine.executable(assessment, action)))


async def looked_at(execution: Execution) -> str:
    return execution.trace_id


def told(sinks: Sinks, assessment) -> None:
    sinks.take("result", repr(assessment), assessment.critics, assessment.detectors)
    sinks.take("result as JSON", json.dumps(to_json(assessment), ensure_ascii=False))
    sinks.take("result as HTML", assessment._repr_html_())


async def ask_the_provider(plan: Plan, engine: EleanorEngine, sinks: Sinks) -> None:
    from eleanor_core._secrets import Resolver

    resolver = Resolver(engine._products.of("secrets"), engine.redaction.known)
    ref = SecretRef.parse("shelf:current")
    stored = SecretValue(plan.canaries["provider, stored"].known)
    for call in (
        lambda: resolver.candidates(ref),
        lambda: resolver.changed(ref, stored),
        lambda: resolver.refresh(ref),
        lambda: resolver.put(ref, stored),
    ):
        try:
            sinks.take("secrets", repr(await call()))
        except Exception as error:
            structlog.get_logger("program").error("provider", program=True, reason=str(error))
    plan.said |= {name for name in ORIGINS if name.startswith("provider")}
    sinks.take(
        "secrets", repr(resolver), resolver.health(), engine.redaction, engine.redaction.known
    )


def run(failure: str, turn: int, monkeypatch) -> Run:
    """Let one thing go wrong, with a canary everywhere."""
    plan, sinks = Plan(failure, turn, CANARIES), Sinks()
    for name, value in environment_of(plan).items():
        monkeypatch.setenv(name, value)
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(out), redirect_stderr(err):
        home = Path(folder).resolve()
        redaction = Redaction.of()
        with logs_into(sinks, redaction):
            try:
                _start(plan, sinks, home, redaction)
            except BaseException as error:
                _raised(sinks, error)
        for file in sorted(home.rglob("*")):
            if file.is_file():
                sinks.take("files", str(file), file.read_bytes())
    sinks.take("output", out.getvalue())
    sinks.take("errors", err.getvalue())
    return Run(failure, turn, sinks, plan.said)


def _start(plan: Plan, sinks: Sinks, home: Path, redaction: Redaction) -> None:
    loaded = load_settings(settings_of(plan, home), env={})
    _shown(sinks, loaded)
    plugins = plugins_of(plan)
    log = plugins[3]

    async def main() -> None:
        engine = EleanorEngine(loaded, plugins=plugins, redaction=redaction)
        try:
            async with engine:
                await use(engine, plan, sinks)
        finally:
            sinks.take("broken", engine.broken, *(item.text for item in engine.broken))
            sinks.take(
                "broken",
                *(row for row in engine.registry.rows()),
                repr(engine),
                repr(engine.registry),
            )

    try:
        anyio.run(main)
    finally:
        sinks.take("leaf", *(record.leaf for record in log.records))
        sinks.take("payload", *(record.payload or b"" for record in log.records))


def _shown(sinks: Sinks, loaded: LoadedSettings) -> None:
    sinks.take("settings", *describe(loaded), json.dumps(effective(loaded), default=str))
    sinks.take("settings", repr(loaded), repr(loaded.settings))
    assert isinstance(loaded.settings, Settings)


def _raised(sinks: Sinks, error: BaseException) -> None:
    sinks.take("error", repr(error), str(error))
    behind = error.__cause__ or error.__context__
    while behind is not None:
        # Also what Python does not print: other tools walk the whole chain.
        sinks.take("error", repr(behind))
        behind = behind.__cause__ or behind.__context__
    sinks.take("crash", "".join(traceback.format_exception(error)))
    if isinstance(error, EvidenceUnavailable) and error.assessment is not None:
        told(sinks, error.assessment)


__all__ = ["CANARIES", "Run", "Sinks", "run"]
