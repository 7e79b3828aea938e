"""From one line of the input to one line of the output, wherever the engine runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from eleanor_cli.escape import dumps
from eleanor_cli.lines import BadLine, CaseLine, RawLine, parse
from eleanor_core.codec import to_json
from eleanor_core.errors import EvidenceUnavailable, InvalidInput
from eleanor_core.model import CaseKind, JsonObject, JsonValue

if TYPE_CHECKING:
    from eleanor_core.engine import EleanorEngine

ERROR: Final = "error"


@dataclass(frozen=True, slots=True)
class Judged:
    """How a line ended (a decision, or `error`), and the whole line of the output."""

    verdict: str
    data: bytes


async def judge(engine: EleanorEngine, raw: RawLine) -> Judged:
    """Judge one line. Only what concerns this one case is caught: the rest ends the run."""
    line = parse(raw, engine.settings.limits.of_request)
    if isinstance(line, BadLine):
        return not_judged(line, line.code, line.message)
    try:
        # The engine checks kind and context itself; it is handed what stands in the file.
        assessment = await engine.run(
            text=cast("str", line.text),
            context=cast("JsonObject | None", line.context),
            kind=cast("CaseKind", line.kind),
        )
    except (InvalidInput, EvidenceUnavailable) as error:
        return not_judged(line, error.code, str(error))
    wire = {"id": line.id, **cast("JsonObject", to_json(assessment))}
    return Judged(assessment.decision, _written(wire))


def not_judged(line: CaseLine | BadLine, code: str, message: str) -> Judged:
    """Return the line that stands in the place of one that could not be judged."""
    error: JsonValue = {"code": code, "message": message}
    return Judged(ERROR, _written({"id": line.id, "line": line.number, ERROR: error}))


def _written(value: JsonObject) -> bytes:
    return dumps(value).encode() + b"\n"
