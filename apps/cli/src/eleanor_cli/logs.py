"""What the program says about itself: structlog to standard error, as the settings ask."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from eleanor_cli.escape import safe

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from structlog.typing import EventDict, Processor

    from eleanor_core import Redaction
    from eleanor_core.settings import Settings


def configure(settings: Settings, redaction: Redaction) -> None:
    """Set up logging for this process, secrets masked first. Standard output is free for data.

    What libraries log in the standard way is written the same way, and so are warnings.
    """
    set_up = partial(_set_up, settings, redaction)
    if "structlog" in sys.modules:
        set_up()
    else:
        sys.meta_path.insert(0, _OnceImported("structlog", set_up))
    logging.captureWarnings(capture=True)
    logging.basicConfig(level=logging.WARNING, handlers=[_Libraries()], force=True)


def _set_up(settings: Settings, redaction: Redaction) -> None:
    import structlog

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


class _OnceImported:
    """Does something as soon as a module has been imported, by whomever.

    structlog takes a twentieth of a cold start, and most runs have nothing to say; but whoever says
    something, a plugin too, must find it set up.
    """

    def __init__(self, name: str, then: Callable[[], None]) -> None:
        self._name = name
        self._then = then

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Say how the module is imported: as ever, and then what is to be done is done."""
        if name != self._name:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                self._then()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign] # its purpose
        return spec


class _Libraries(logging.Handler):
    """Hands what libraries log over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        import structlog

        event = record.getMessage().strip()
        write = structlog.get_logger().bind(logger=record.name).log
        write(record.levelno, event, exc_info=record.exc_info)


def _line(_logger: object, _method: str, event: EventDict) -> str:
    """Return time, level and event, then the fields: `repr` and `safe` keep a terminal safe."""
    trace = event.pop("exception", "")
    head = [str(event.pop(key, "")) for key in ("timestamp", "level", "event")]
    fields = [f"{key}={value!r}" for key, value in event.items()]
    return safe("\n".join(filter(None, [" ".join(head + fields), trace])), keep="\n")
