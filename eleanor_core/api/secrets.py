"""What every secrets provider needs and none should write again: the cache in front of a store.

A provider says how to ask its store for one reference; `CachedSecrets` does the rest. It keeps what
it was told for a time to live, asks once however many wait, repeats what failed, serves the last
value for a stated time while the store is down, tells who waits for a change, and reports health.
No value ever gets into an error, a log line or a report.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, ParamSpec, TypeAlias, TypeVar

import anyio
import anyio.to_thread
from attrs import define, field, frozen
from pydantic import Field

from eleanor_core.api.declarations import PluginSettings
from eleanor_core.api.json_text import parse_json
from eleanor_core.api.services import Log
from eleanor_core.errors import InvalidInput, SecretNotFound, SecretUnavailable
from eleanor_core.model import SecretRef, SecretsHealth, SecretState, SecretValue, SecretVersions

Fetch: TypeAlias = Callable[[SecretRef], Awaitable[SecretVersions]]

ATTEMPTS: Final = 3
FIRST_PAUSE: Final = 0.1
"""Seconds before the first repeat; each pause is twice the one before it."""

LONGEST_REST: Final = 30.0
"""Seconds for which a store that failed is left alone at most; the first rest takes one second."""

SHORTEST_WAIT: Final = 0.1
"""Seconds between two looks of one who waits for a change."""

LEASE_SHARE: Final = 2 / 3
"""Of a lease: after it the store is asked again."""

MOST_HELD: Final = 1024
"""References in memory; the one that came first gives way."""

P = ParamSpec("P")
T = TypeVar("T")


class CachingSettings(PluginSettings):
    """Settings of a provider that stands on `CachedSecrets`. Derive your own from it."""

    ttl: float = Field(
        default=300.0,
        ge=0.0,
        le=3600.0,
        description="Seconds for which a value is used before the store is asked again: how late "
        "a rotation is noticed.",
    )
    stale_for: float = Field(
        default=3600.0,
        ge=0.0,
        le=86400.0,
        description="Seconds beyond that for which the last value is served while the store "
        "cannot be asked.",
    )
    timeout: float = Field(
        default=10.0,
        gt=0.0,
        le=60.0,
        description="Seconds that one question to the store may take, repeats included.",
    )


@define
class _Held:
    """What is held of one reference. `asked` and `failed` are times of the clock.

    Questions are numbered: `last` was asked last, `good` was answered last, `bad` failed last.
    """

    versions: SecretVersions | None = None
    asked: float = float("-inf")
    failed: float = float("-inf")
    last: int = 0
    good: int = 0
    bad: int = 0
    failures: int = 0
    problem: str = ""
    missing: bool = False
    flight: anyio.Event | None = None
    changed: anyio.Event = field(factory=anyio.Event)

    def life(self, seconds: float) -> float:
        """Return `seconds`, or less where the versions are leased for less."""
        lease = self.versions.lease if self.versions else None
        return seconds if lease is None else min(seconds, lease)

    @property
    def rested(self) -> float:
        """When a store that failed may be asked again."""
        if not self.failures:
            return float("-inf")
        return self.failed + min(LONGEST_REST, 2.0 ** min(self.failures - 1, 10))


@frozen
class _Failure:
    """Why the store gave no value. Only the words are kept: a traceback holds what it passed."""

    text: str
    missing: bool


class CachedSecrets:
    """A whole provider over `fetch`, which asks the store for one reference.

    `fetch` raises SecretNotFound where the store answers that there is no such secret, and
    SecretUnavailable with what is wrong and what to do for anything else; of any other error only
    the type's name is told, because its text may hold a value. `clock` gives seconds, monotonic.
    """

    def __init__(
        self,
        fetch: Fetch,
        settings: CachingSettings,
        log: Log,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._settings = settings
        self._log = log
        self._clock = clock
        self._held: dict[SecretRef, _Held] = {}

    async def get(self, ref: SecretRef, /) -> SecretValue:
        """Return the current value: from memory, or asked for once, whoever else waits for it.

        Raises SecretNotFound or SecretUnavailable.
        """
        return (await self._versions(ref)).values[0]

    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]:
        """Return every value that may be valid now, the current one first. Raises as `get` does."""
        return (await self._versions(ref)).values

    async def refresh(self, ref: SecretRef, /) -> SecretValue:
        """Ask the store now; return its answer, or the last value if it cannot be asked."""
        return (await self._versions(ref, now=True)).values[0]

    async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue:
        """Wait until the current value is another than `known`, and return it.

        The store is asked whenever the time to live is over, and a change that anybody else finds
        is told at once. A secret that is gone or cannot be asked for is waited for.
        """
        while True:
            try:
                current = await self.get(ref)
            except SecretUnavailable:
                pass
            else:
                if current != known:
                    return current
            held = self._of(ref)
            with anyio.move_on_after(max(SHORTEST_WAIT, self._due(held) - self._clock())):
                await held.changed.wait()

    def health(self) -> SecretsHealth:
        """Say how old each secret is and why the last question about it failed, if it did."""
        now = self._clock()
        return SecretsHealth(
            secrets=tuple(self._state(ref, held, now) for ref, held in self._held.items())
        )

    # -- the cache --------------------------------------------------------------------------------

    async def _versions(self, ref: SecretRef, *, now: bool = False) -> SecretVersions:
        held = self._of(ref)
        # A question that is under way will do, except for one who wants an answer from now on.
        since = held.last if held.flight and not now else held.last + 1
        while True:
            if held.versions and (held.good >= since or (not now and self._fresh(held))):
                return held.versions
            if held.bad >= since or (not now and self._clock() < held.rested):
                return self._last(held)
            if held.flight is not None:
                await held.flight.wait()
            else:
                await self._ask(ref, held)

    async def _ask(self, ref: SecretRef, held: _Held) -> None:
        """Ask the store for all who wait. Who is cancelled here leaves the question to the next."""
        asked, held.flight = self._clock(), anyio.Event()
        held.last += 1
        try:
            outcome = await self._answer(ref)
        finally:
            flight, held.flight = held.flight, None
            flight.set()
        if isinstance(outcome, _Failure):
            self._fail(ref, held, outcome)
        else:
            self._keep(ref, held, outcome, asked)

    async def _answer(self, ref: SecretRef) -> SecretVersions | _Failure:
        limit = self._settings.timeout
        failure = _Failure(f"{ref}: the store did not answer within {limit:g} s", missing=False)
        with anyio.move_on_after(limit):
            for attempt in range(ATTEMPTS):
                if attempt:
                    pause = FIRST_PAUSE * 2 ** (attempt - 1)
                    await anyio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 -- jitter
                try:
                    return await self._fetch(ref)
                except SecretNotFound as error:
                    return _Failure(_named(ref, error), missing=True)
                except SecretUnavailable as error:
                    failure = _Failure(_named(ref, error), missing=False)
                except Exception as error:  # noqa: BLE001 -- a stranger's store raises anything
                    failure = _Failure(f"{ref}: the provider raised {type(error).__name__}", False)
        return failure

    def _keep(self, ref: SecretRef, held: _Held, versions: SecretVersions, asked: float) -> None:
        before, failures = held.versions, held.failures
        held.versions, held.asked, held.good = versions, asked, held.last
        held.failures, held.problem, held.missing = 0, "", False
        if failures:
            self._log.info("secrets.store_answers_again", ref=str(ref), failures=failures)
        if before is not None and before.values[0] != versions.values[0]:
            self._log.info("secrets.changed", ref=str(ref), version=versions.version)
        if before is None or before.values[0] != versions.values[0]:
            held.changed.set()
            held.changed = anyio.Event()

    def _fail(self, ref: SecretRef, held: _Held, failure: _Failure) -> None:
        held.failed, held.failures, held.bad = self._clock(), held.failures + 1, held.last
        held.problem, held.missing = failure.text, failure.missing
        if failure.missing:
            held.versions = None
        if held.failures == 1:
            self._log.warning("secrets.store_fails", ref=str(ref), reason=failure.text)

    def _last(self, held: _Held) -> SecretVersions:
        """Return the last value while it may still be served, else raise what went wrong."""
        age = self._clock() - held.asked
        life = held.life(self._settings.ttl + self._settings.stale_for)
        if held.versions is not None and age <= life:
            return held.versions
        if held.missing:
            raise SecretNotFound(f"secret {held.problem}")
        late = "" if held.versions is None else f"; its last value is {age:.0f} s old, too old"
        raise SecretUnavailable(f"secret {held.problem}{late}")

    def _of(self, ref: SecretRef) -> _Held:
        held = self._held.get(ref)
        if held is None:
            idle = (key for key, item in self._held.items() if item.flight is None)
            if len(self._held) >= MOST_HELD and (oldest := next(idle, None)) is not None:
                del self._held[oldest]
            held = self._held[ref] = _Held()
        return held

    def _due(self, held: _Held) -> float:
        """Return when the store is to be asked again."""
        if held.failures:
            return held.rested
        lease = held.versions.lease if held.versions else None
        ttl = self._settings.ttl
        return held.asked + (ttl if lease is None else min(ttl, lease * LEASE_SHARE))

    def _fresh(self, held: _Held) -> bool:
        return not held.failures and self._clock() < self._due(held)

    def _state(self, ref: SecretRef, held: _Held, now: float) -> SecretState:
        versions = held.versions
        return SecretState(
            ref=ref,
            version=versions.version if versions else "",
            others=len(versions.values) - 1 if versions else 0,
            age=now - held.asked if versions else None,
            stale=versions is not None and bool(held.failures),
            problem=held.problem,
        )


def in_threads(call: Callable[P, T], *, threads: int = 4) -> Callable[P, Awaitable[T]]:
    """Return `call` as a coroutine function that runs it in a thread and lets cancellation through.

    A thread that is left behind goes on, so `call` needs time-outs of its own; until it ends it
    counts among the `threads` that may run at once.
    """
    limiter: list[anyio.CapacityLimiter] = []

    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if not limiter:
            limiter.append(anyio.CapacityLimiter(threads))
        return await anyio.to_thread.run_sync(
            partial(call, *args, **kwargs), abandon_on_cancel=True, limiter=limiter[0]
        )

    return run


def value_of(ref: SecretRef, whole: SecretValue) -> SecretValue:
    """Return what `ref.key` names in a secret that is a JSON object, or all of it without a key.

    Raises SecretNotFound, which repeats nothing of the secret.
    """
    if not ref.key:
        return whole
    found = _member(whole, ref.key)
    if found is None:
        raise SecretNotFound(
            f"{ref}: the secret has no text under {ref.key!r}; it must be a JSON object with that "
            "key, or the reference must end before the '#'"
        )
    return found


def with_value(ref: SecretRef, whole: SecretValue, value: SecretValue) -> SecretValue:
    """Return `whole` with `value` in the place that `ref` names, to be stored. Raises as above."""
    if not ref.key:
        return value
    table = _table(whole)
    if table is None:
        raise SecretNotFound(f"{ref}: the secret is no JSON object, so nothing has a key in it")
    return SecretValue(json.dumps({**table, ref.key: value.reveal()}))


def _named(ref: SecretRef, error: SecretUnavailable) -> str:
    """Return what an error says, with the reference before it."""
    said = str(error)
    return said if str(ref) in said else f"{ref}: {said}"


def _member(whole: SecretValue, key: str) -> SecretValue | None:
    found = (_table(whole) or {}).get(key)
    if isinstance(found, str):
        return SecretValue(found)
    return SecretValue(json.dumps(found)) if isinstance(found, (int, float)) else None


def _table(whole: SecretValue) -> dict[str, object] | None:
    try:
        table: object = parse_json(whole.reveal())
    except InvalidInput:
        return None
    return table if isinstance(table, dict) else None
