"""From an exception to what a person can act on: one line, the plugin's own frame, a hint."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Protocol

from eleanor_core._version import __version__
from eleanor_core.errors import EleanorError, describe
from eleanor_core.registry.registry import Broken, Found, Stage


class Masks(Protocol):
    """Masks secrets in what a plugin raised."""

    def text(self, text: str, /) -> str:
        """Return the text masked."""
        ...

    def told(self, error: BaseException, /) -> BaseException:
        """Return the error, to be chained to another one, or what stands for it."""
        ...


class Unmasked:
    """For those who load plugins and know no secret."""

    def text(self, text: str, /) -> str:
        """Return the text."""
        return text

    def told(self, error: BaseException, /) -> BaseException:
        """Return the error."""
        return error


class Defect(Exception):  # noqa: N818 -- never crosses the package: it becomes a `Broken`
    """A fault of one plugin, raised where it is seen and turned into a `Broken` in one place."""

    def __init__(self, stage: Stage, error: str, *, frame: str = "", hint: str = "") -> None:
        super().__init__(error)
        self.stage = stage
        self.error = error
        self.frame = frame
        self.hint = hint

    @classmethod
    def of(cls, stage: Stage, error: BaseException, package: str, *, hint: str = "") -> Defect:
        """Describe `error`, raised by code of the plugin whose package is `package`."""
        error = _alone(error)
        if isinstance(error, Defect):
            return error
        if isinstance(error, EleanorError):
            # Raised on purpose: nothing of the plugin wants repair, and it says what does.
            hint = hint or "Put that right and start again."
        return cls(stage, describe(error), frame=own_frame(error, package), hint=hint)

    def broken(self, found: Found, masks: Masks) -> Broken:
        """Return the record of this fault in the plugin `found`."""
        return Broken(
            kind=found.kind,
            name=found.name,
            dist=found.dist,
            version=found.version,
            stage=self.stage,
            error=masks.text(self.error),
            frame=self.frame,
            hint=self.hint
            or f"Repair or upgrade {found.dist}, or add '{found.ref}' "
            f"to plugins.block (seen under eleanor-core {__version__})",
        )


def own_frame(error: BaseException, package: str) -> str:
    """Return "file:line in function" of the last frame that runs code of `package`, or ""."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno} in <module>"
    own = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module == package or module.startswith(package + "."):
            own = f"{frame.f_code.co_filename}:{line} in {frame.f_code.co_qualname}"
    return own


def place(function: Callable[..., object]) -> str:
    """Return "file:line in function" of where `function` is written, or ""."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return ""
    return f"{code.co_filename}:{code.co_firstlineno} in {code.co_qualname}"


def package_of(module: str) -> str:
    """Return the top-level package of `module`: frames in it are the plugin's own.

    Of the core itself (its test kit) only the one module counts, or our frames would.
    """
    top = module.partition(".")[0]
    return module if top == "eleanor_core" else top


def _alone(error: BaseException) -> BaseException:
    """Return the one error inside groups of one, as a task group raises them."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
