"""Makers of cases, voices and vectors. What they make is real: nothing here imitates the core."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Generic, TypedDict, TypeVar, Unpack, cast

from attrs import frozen

from eleanor_core.api import (
    AnyCritic,
    AnyDetector,
    CriticDeclaration,
    DetectorDeclaration,
    DetectorSignal,
    EmbedderDeclaration,
    Embedding,
    Execution,
    Pattern,
    PluginSettings,
    Services,
    Thresholds,
    hookimpl,
)
from eleanor_core.model import Case, CaseKind, FrozenMap, JsonObject, Principle, freeze
from eleanor_core.pipeline.scan import Scanner

T = TypeVar("T")


def make_case(
    text: str,
    *,
    kind: CaseKind = "answer",
    context: JsonObject | None = None,
    patterns: Sequence[Pattern] = (),
    signals: Iterable[DetectorSignal] = (),
    embedding: Embedding | None = None,
) -> Case:
    """Build a case as a voice with these patterns would get it, through the core's own scan."""
    scan = _scanner(tuple(patterns)).scan(text)
    return Case(
        text=text,
        kind=kind,
        context=cast("FrozenMap", freeze(FrozenMap() if context is None else context)),
        trace_id=hashlib.sha256(text.encode()).hexdigest()[:32],
        views=scan.views,
        hits=scan.hits.get("critics/case", ()),
        signals=tuple(signals),
        embedding=embedding,
    )


@lru_cache(maxsize=8)
def _scanner(patterns: tuple[Pattern, ...]) -> Scanner:
    """Compile once for the many cases of one test class."""
    return Scanner({"critics/case": patterns})


@frozen
class Ready(Generic[T]):
    """A factory for a product that needs no start. It can be pickled wherever `product` can."""

    product: T

    def __call__(
        self, settings: PluginSettings, services: Services
    ) -> AbstractAsyncContextManager[T]:
        """Hand out the product as it is."""
        del settings, services
        return nullcontext(self.product)


class VoiceFields(TypedDict, total=False):
    """What else a voice may declare; see `VoiceDeclaration`."""

    settings: type[PluginSettings]
    summary: str
    deadline: float
    gaps: Mapping[str, str]
    patterns: tuple[Pattern, ...]
    needs_embedding: bool
    thread_safe: bool


class CriticFields(VoiceFields, total=False):
    """What else a critic may declare."""

    thresholds: Thresholds


@frozen(eq=False)
class CriticPlugin:
    """An object with the hook of a critics plugin, for `plugins=`."""

    declaration: CriticDeclaration

    @hookimpl
    def eleanor_register_critics(self) -> Iterable[CriticDeclaration]:
        """Declare the one critic."""
        return (self.declaration,)


@frozen(eq=False)
class DetectorPlugin:
    """An object with the hook of a detectors plugin, for `plugins=`."""

    declaration: DetectorDeclaration

    @hookimpl
    def eleanor_register_detectors(self) -> Iterable[DetectorDeclaration]:
        """Declare the one detector."""
        return (self.declaration,)


def critic_plugin(
    name: str,
    fn: AnyCritic,
    *,
    principle: Principle = "risk",
    clauses: Iterable[str] = (),
    execution: Execution | None = None,
    **fields: Unpack[CriticFields],
) -> CriticPlugin:
    """Make a plugin of one critic out of a function.

    `execution` left out: `task` for a coroutine function, else `inline`. For `process` the function
    must stand at the top of a module, because it travels by pickle.
    """
    return CriticPlugin(
        CriticDeclaration(
            name=name,
            factory=Ready(fn),
            principle=principle,
            clauses=frozenset(clauses),
            execution=execution or natural_execution(fn),
            **fields,
        )
    )


def detector_plugin(
    name: str,
    fn: AnyDetector,
    *,
    categories: Mapping[str, str] | None = None,
    execution: Execution | None = None,
    **fields: Unpack[VoiceFields],
) -> DetectorPlugin:
    """Make a plugin of one detector out of a function; see `critic_plugin`."""
    return DetectorPlugin(
        DetectorDeclaration(
            name=name,
            factory=Ready(fn),
            categories=categories or {},
            execution=execution or natural_execution(fn),
            **fields,
        )
    )


def is_async(voice: Callable[..., object]) -> bool:
    """Tell whether calling `voice` makes a coroutine."""
    return iscoroutinefunction(voice) or iscoroutinefunction(type(voice).__call__)


def natural_execution(voice: Callable[..., object]) -> Execution:
    """Return `task` for a coroutine function, else `inline`."""
    return "task" if is_async(voice) else "inline"


class LetterEmbedder:
    """Counts letters: the smallest embedder whose vectors are near where the texts are alike.

    It is a plugin too, and can stand among `plugins=` where a voice or a store needs an embedder.
    """

    encoder_id = "kit/letters-1"
    dim = 27

    @hookimpl
    def eleanor_register_embedders(self) -> Iterable[EmbedderDeclaration]:
        """Declare this very object as the embedder."""
        yield EmbedderDeclaration(name="letters", factory=Ready(self))

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        """Return one vector a text: the share of each letter a to z, and of all else."""
        return [self.vector(text) for text in texts]

    def vector(self, text: str) -> Embedding:
        """Return the vector of one text, of length 1 unless the text is empty."""
        counts = [0.0] * self.dim
        for letter in text.lower():
            place = ord(letter) - ord("a")
            counts[place if 0 <= place < self.dim - 1 else self.dim - 1] += 1.0
        length = math.hypot(*counts) or 1.0
        data = struct.pack(f"<{self.dim}f", *(count / length for count in counts))
        return Embedding(encoder_id=self.encoder_id, dim=self.dim, data=data)
