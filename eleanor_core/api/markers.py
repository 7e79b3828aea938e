"""The two markers. `@hookimpl` is all that a plugin's hook needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, ParamSpec, Protocol, TypeVar, cast

import pluggy

PROJECT: Final = "eleanor"

P = ParamSpec("P")
R = TypeVar("R")


class _Marker(Protocol):
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...


# pluggy's markers are typed as returning Any; the cast keeps a strict checker's view of the hook.
hookspec: Final = cast("_Marker", pluggy.HookspecMarker(PROJECT))
hookimpl: Final = cast("_Marker", pluggy.HookimplMarker(PROJECT))
