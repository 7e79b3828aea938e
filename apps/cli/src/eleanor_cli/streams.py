"""The standard streams, as the program may find them: closed, or taking nothing more."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from typing_extensions import Buffer

OUTPUT: Final = "standard output"
_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


class _Output(io.FileIO):
    """Standard output, whose errors say that they are its own."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = OUTPUT
            raise


class _Errors(io.FileIO):
    """Standard error, which loses what it cannot take: a full disk must not stop a judgement."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def mend() -> None:
    """Open the null device in the place of each standard stream that is closed; mind the errors.

    The next file that is opened would get its number otherwise: what a library or the system then
    says on standard error would stand in the evidence log.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            os.dup2(opened, number)
            if opened != number:
                os.close(opened)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 -- it lives as long as the process
    # What a program has put there itself stays.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _over(_Output, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _over(_Errors, sys.stderr)


def _over(kind: type[io.FileIO], found: TextIO | None) -> TextIO | None:
    if not isinstance(found, io.TextIOWrapper):
        return found
    return io.TextIOWrapper(
        io.BufferedWriter(kind(found.fileno(), "w", closefd=False)),
        encoding=found.encoding,
        errors=found.errors,
        line_buffering=found.line_buffering,
        write_through=found.write_through,
    )


def give_up() -> None:
    """Throw away what waits for standard output, for Python would complain of it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
