"""What the program says about itself: structlog to standard error, as the settings ask."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

from eleanor_cli.escape import safe

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from eleanor_core import Redaction
    from eleanor_core.settings import Settings


def configure(settings: Settings, redaction: Redaction) -> None:
    """Set up logging for this process, secrets masked first. Standard output is free for data.

    What libraries log in the standard way is written the same way, and so are warnings.
    """
    wanted = settings.logging
    as_json = wanted.format == "json"
    writer: Processor = structlog.processors.JSONRenderer() if as_json else _line
    structlog.configure(
        processors=[
            redaction.processor,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            writer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[wanted.level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)


class _Libraries(logging.Handler):
    """Hands what libraries log over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        event = record.getMessage().strip()
        write = structlog.get_logger().bind(logger=record.name).log
        write(record.levelno, event, exc_info=record.exc_info)


def _line(_logger: object, _method: str, event: EventDict) -> str:
    """Return time, level and event, then the fields: `repr` and `safe` keep a terminal safe."""
    trace = event.pop("exception", "")
    head = [str(event.pop(key, "")) for key in ("timestamp", "level", "event")]
    fields = [f"{key}={value!r}" for key, value in event.items()]
    return safe("\n".join(filter(None, [" ".join(head + fields), trace])), keep="\n")
