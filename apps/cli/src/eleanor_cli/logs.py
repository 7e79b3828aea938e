"""What the program says about itself: structlog to standard error, as the settings ask."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from eleanor_cli.escape import safe

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from eleanor_core.settings import Settings


def configure(settings: Settings) -> None:
    """Set up logging for this process. Standard output stays free for data."""
    wanted = settings.logging
    as_json = wanted.format == "json"
    writer: Processor = structlog.processors.JSONRenderer() if as_json else _line
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            writer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[wanted.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _line(_logger: object, _method: str, event: EventDict) -> str:
    """Return time, level and event, then the fields: `repr` and `safe` keep a terminal safe."""
    trace = event.pop("exception", "")
    head = [str(event.pop(key, "")) for key in ("timestamp", "level", "event")]
    fields = [f"{key}={value!r}" for key, value in event.items()]
    return safe("\n".join(filter(None, [" ".join(head + fields), trace])), keep="\n")
