"""From an error to one clear message and an exit code. The only place that ends the program."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from shutil import get_terminal_size
from textwrap import wrap
from traceback import format_exception
from typing import Final, NoReturn, TypeGuard

from eleanor_cli import exits, streams
from eleanor_cli.escape import masked, safe
from eleanor_cli.out import write_json
from eleanor_core.errors import EleanorError, EvidenceUnavailable, InvalidInput, SettingsError


class UsageError(EleanorError):
    """The command asks for something that cannot be done as it stands. Nothing was done."""

    code = "usage"


_UNRECORDED: Final = (
    "The judgement is not recorded and its gate stays closed: nothing may run on it. "
    "Judge the case again once the log can be written."
)


def finish(verb: Callable[[], int], *, as_json: bool = False, traceback: bool = False) -> NoReturn:
    """Run a verb and end the program with its exit code, whatever happens in it."""
    try:
        code = verb()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = exits.SIGNALLED + signal.SIGINT
    except Exception as raised:  # noqa: BLE001 -- whatever it is, it is reported
        error = cause(raised)
        if isinstance(error, BrokenPipeError) or _of_the_output(error):
            code = not_shown(error)
        elif traceback:
            sys.stderr.write(masked("".join(format_exception(raised))))
            code = exits.FAULT
        else:
            code = _report(error, as_json=as_json)
    raise SystemExit(code)


def cause(error: BaseException) -> BaseException:
    """Return the error to report: task groups wrap whatever passes through them.

    Among several it is the first that was raised on purpose, else the first.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = [cause(item) for item in error.exceptions]
    return next((leaf for leaf in leaves if isinstance(leaf, EleanorError)), leaves[0])


def say(message: str) -> None:
    """Tell people something on standard error; data goes to standard output alone."""
    text = f"eleanor: {safe(message, keep=chr(10))}"
    if sys.stderr.isatty():
        width = get_terminal_size().columns
        lines = (wrap(line, width, break_on_hyphens=False) for line in text.split("\n"))
        text = "\n".join("\n  ".join(line) for line in lines)
    sys.stderr.write(f"{text}\n")


def refuse(message: str, *, as_json: bool) -> int:
    """Report that the command cannot be used as it was given, and return the exit code."""
    return _report(UsageError(message), as_json=as_json)


def _report(error: BaseException, *, as_json: bool) -> int:
    code, message = describe(error)
    try:
        if as_json:
            write_json({"error": {"code": code, "message": message}})
        else:
            say(message)
    except OSError as refused:
        return not_shown(refused)
    return exits.USAGE if isinstance(error, (SettingsError, UsageError)) else exits.FAULT


def describe(error: BaseException) -> tuple[str, str]:
    """Return the machine-readable code of an error and its message: what, whose, what to do."""
    if isinstance(error, EleanorError):
        judged = isinstance(error, EvidenceUnavailable) and error.assessment is not None
        return error.code, f"{error}\n{_UNRECORDED}" if judged else f"{error}{_where(error)}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return "os", f"{where}{error.strerror or error}"
    kind = type(error).__name__
    return "unexpected", (
        f"unexpected {kind}: {error}\n"
        "This is a defect. Run the command again with `eleanor --traceback ...` to see where."
    )


def _where(error: EleanorError) -> str:
    """Say where in the case the fault lies, and that it was not judged."""
    if not isinstance(error, InvalidInput):
        return ""
    part = error.path.rpartition(".")[2]
    place = "" if part == "$" or part in str(error) else f" (at {error.path})"
    return f"{place}. Nothing was judged"


def _of_the_output(error: BaseException) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.filename == streams.OUTPUT


def not_shown(error: OSError) -> int:
    """Say why standard output took no more, and return the exit code.

    Of a reader that went away nothing is said: it has seen what it wanted.
    """
    streams.give_up()
    if isinstance(error, BrokenPipeError):
        return exits.BROKEN_PIPE
    say(
        f"{streams.OUTPUT}: {error.strerror}. Not all that was to be shown is there; "
        "what was recorded stays recorded (eleanor evidence list)"
    )
    return exits.FAULT
