"""`eleanor evaluate`: judge one text, and end with the decision's exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eleanor_cli import exits, logs
from eleanor_cli.escape import masked
from eleanor_cli.faults import UsageError, describe, say
from eleanor_cli.inputs import read_context, read_text
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.running import run
from eleanor_core.codec import event_to_json, to_json
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.model import Assessment, CaseKind, DecisionMade, Event, JsonObject

if TYPE_CHECKING:
    from eleanor_cli.explain.page import Reader
    from eleanor_core.registry import Registry
    from eleanor_core.settings import LoadedSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for, as typed."""

    text: str | None
    file: Path | None
    stdin: bool
    context: str | None
    kind: CaseKind
    trace_id: str | None
    json: bool
    detail: int
    stream: bool
    explain: Reader | None = None


def evaluate(options: Options, request: Request) -> int:
    """Judge, print the result, and return the exit code."""
    if request.json and request.explain:
        msg = "--explain is for people and --json for programs; give one of the two"
        raise UsageError(msg)
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    text = read_text(request.text, request.file, stdin=request.stdin)
    context = read_context(request.context, loaded.settings.limits.of_request)
    engine = EleanorEngine(loaded, redaction=options.redaction)
    printer = _Json(request) if request.json else _People(request, text, loaded, engine.registry)

    async def main() -> int:
        try:
            assessment = await _judge(engine, request, text, context, printer.event)
        except EvidenceUnavailable as error:
            printer.unrecorded(error)
            return exits.FAULT
        printer.result(assessment)
        return exits.DECISIONS[assessment.decision]

    return run(main)


async def _judge(
    engine: EleanorEngine,
    request: Request,
    text: str,
    context: JsonObject | None,
    tell: Callable[[Event], None],
) -> Assessment:
    async with engine:
        if not request.stream:
            return await engine.run(
                text=text, context=context, kind=request.kind, trace_id=request.trace_id
            )
        result: Assessment | None = None
        async for event in engine.stream(
            text=text, context=context, kind=request.kind, trace_id=request.trace_id
        ):
            tell(event)
            if isinstance(event, DecisionMade):
                result = event.assessment
    if result is None:
        msg = "the stream of events ended without a decision"
        raise EvidenceUnavailable(msg)
    return result


class _Json:
    """For programs: the wire form, one line when piped, indented on a terminal."""

    def __init__(self, request: Request) -> None:
        self._stream = request.stream

    def event(self, event: Event) -> None:
        write_json(event_to_json(event), line=True)

    def result(self, assessment: Assessment) -> None:
        # A stream's last line, the decision, has carried it.
        if not self._stream:
            write_json(to_json(assessment))

    def unrecorded(self, error: EvidenceUnavailable) -> None:
        code, message = describe(error)
        assessment = None if error.assessment is None else to_json(error.assessment)
        write_json({"error": {"code": code, "message": message}, "assessment": assessment})


class _People:
    """For people. rich is imported here, not before: only this form needs it."""

    def __init__(
        self, request: Request, text: str, loaded: LoadedSettings, registry: Registry
    ) -> None:
        from eleanor_cli.screen import console

        self._console = console(sys.stdout)
        self._text = text
        self._request = request
        self._loaded = loaded
        self._registry = registry

    def event(self, event: Event) -> None:
        from eleanor_cli.events import line

        if not isinstance(event, DecisionMade):
            self._console.print(line(event))

    def result(self, assessment: Assessment) -> None:
        if self._request.stream:
            self._console.print()
        if self._request.explain:
            self._explain(assessment, self._request.explain)
        else:
            from eleanor_cli.show import show

            show(self._console, assessment, masked(self._text), detail=self._request.detail)

    def unrecorded(self, error: EvidenceUnavailable) -> None:
        if error.assessment is not None:
            self.result(error.assessment)
        _, message = describe(error)
        say(message)

    def _explain(self, assessment: Assessment, reader: Reader) -> None:
        from eleanor_cli.explain.ground import Ground
        from eleanor_cli.explain.page import explain

        ground = Ground(
            assessment=assessment,
            text=masked(self._text),
            registry=self._registry,
            loaded=self._loaded,
        )
        explain(self._console, ground, reader)
