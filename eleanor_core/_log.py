"""The core's loggers. structlog is imported when something is first said.

It imports asyncio and, where that is installed, rich: together a fifth of what the import of the
core takes, and most runs have nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable


class Logger:
    """Writes to structlog's logger of this name, as it is set up at that moment."""

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, event: str, **fields: object) -> object:
        """Write `event` at this level."""
        return self.write("debug", event, **fields)

    def info(self, event: str, **fields: object) -> object:
        """Write `event` at this level."""
        return self.write("info", event, **fields)

    def warning(self, event: str, **fields: object) -> object:
        """Write `event` at this level."""
        return self.write("warning", event, **fields)

    def error(self, event: str, **fields: object) -> object:
        """Write `event` at this level."""
        return self.write("error", event, **fields)

    def write(self, level: str, event: str, /, **fields: object) -> object:
        """Write `event` at the level named, and return what structlog does."""
        import structlog  # noqa: PLC0415 -- see above

        write: Callable[..., object] = getattr(structlog.get_logger(self._name), level)
        return write(event, **fields)
