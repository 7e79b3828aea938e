"""What Python itself writes of an error that nobody catches: masked, without local variables."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from eleanor_core import Redaction


def install(redaction: Redaction) -> None:
    """Mask the tracebacks that end this process or one of its threads, and those of finalisers."""
    write = _writer(redaction)

    def uncaught(
        _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        write("", error)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        # A thread may end itself, as a program does.
        if not isinstance(args.exc_value, SystemExit):
            name = args.thread.name if args.thread else "unknown"
            write(f"Exception in thread {name}:\n", args.exc_value)

    def in_finaliser(args: sys.UnraisableHookArgs) -> None:
        write(f"{args.err_msg or 'Exception ignored'} in: {args.object!r}\n", args.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = uncaught, in_thread, in_finaliser


def _writer(redaction: Redaction) -> Callable[[str, BaseException | None], None]:
    def write(head: str, error: BaseException | None) -> None:
        told = [] if error is None else traceback.format_exception(error)
        if sys.stderr is not None:
            sys.stderr.write(redaction.text("".join([head, *told])))

    return write
