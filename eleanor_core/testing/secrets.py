"""The contract of secrets providers: what they resolve, what they never show, how they rotate."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from functools import partial
from typing import ClassVar, Final
from urllib.parse import quote

import anyio
import pytest
import structlog

from eleanor_core.api import (
    Kind,
    RotatingSecrets,
    SecretNotFound,
    SecretRef,
    SecretsDeclaration,
    SecretsProvider,
    SecretsReporter,
    SecretsRotator,
    SecretUnavailable,
    SecretValue,
)
from eleanor_core.testing.contract import PluginContract
from eleanor_core.testing.measure import cancelled_call, longest_hold
from eleanor_core.testing.rules import broken

LOOP_HELD: Final = 0.05
"""Seconds for which the loop may stand while a secret is asked for."""

TRIES: Final = 3
CANCEL_WITHIN: Final = 0.5
TOLD_WITHIN: Final = 30.0
_SHOWN: Final = 8
"""Characters of a value that must not be seen: parts of it are not to be seen either."""


class SecretsProviderContract(PluginContract[SecretsDeclaration, SecretsProvider]):
    """The rules for a provider.

    `known`: references that the store holds, each with its value, at least 8 characters long.
    `unknown`: one that it does not hold. Fill them in, or in `prepare`, where the store is made.
    `rotate` changes a value in the store and keeps the one before it, `outage` cuts the store off;
    a rule is skipped where the provider lacks what it is about.
    """

    kind: ClassVar[Kind] = "secrets"
    known: Mapping[str, str]
    unknown: str

    async def rotate(self, provider: SecretsProvider, ref: SecretRef, value: str) -> None:
        """For the author: give `ref` another value in the store. Default: the provider's `put`."""
        assert isinstance(provider, SecretsRotator)  # noqa: S101 -- the test skips otherwise
        await provider.put(ref, SecretValue(value))

    def outage(self) -> AbstractAsyncContextManager[None] | None:
        """For the author: cut the store off while the context lasts. None: it cannot be."""
        return None

    # -- the rules --------------------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_resolves_what_it_knows(self) -> None:
        """`resolves`: also for calls that overlap."""
        found: dict[str, SecretValue] = {}
        async with self.started() as provider:

            async def ask(text: str) -> None:
                found[text] = await provider.get(SecretRef.parse(text))

            async with anyio.create_task_group() as group:
                for text in self.known:
                    group.start_soon(ask, text)
                    group.start_soon(ask, text)
        for text, value in self.known.items():
            if not isinstance(found[text], SecretValue):
                broken(self.whose, "resolves", f"{text} is a {type(found[text]).__name__}")
            if found[text].reveal() != value:
                broken(self.whose, "resolves", f"{text} has another value than the store")

    @pytest.mark.anyio
    async def test_refuses_what_it_does_not_know(self) -> None:
        """`refuses`: with SecretNotFound, which names the reference."""
        async with self.started() as provider:
            try:
                await provider.get(SecretRef.parse(self.unknown))
            except SecretNotFound as error:
                if self.unknown not in str(error):
                    broken(self.whose, "refuses", f"{error} does not name {self.unknown}")
            except Exception as error:  # noqa: BLE001 -- whatever it raises is what we look for
                broken(self.whose, "refuses", f"it raises {type(error).__name__}: {error}")
            else:
                broken(self.whose, "refuses", "it returns a value")

    @pytest.mark.anyio
    async def test_shows_no_value(self) -> None:
        """`shows-nothing`: in no error, log line or report, at any level."""
        said = io.StringIO()
        values = [*self.known.values()]
        with _recorded(said):
            async with self.started() as provider:
                for text in (*self.known, self.unknown):
                    ref = SecretRef.parse(text)
                    said.write(await _asked(provider, ref))
                    # A key that is not there makes the provider look at the whole secret.
                    odd = SecretRef(ref.provider, ref.path, "no-such-key")
                    said.write(await _asked(provider, odd))
                if isinstance(provider, RotatingSecrets):
                    ref = SecretRef.parse(next(iter(self.known)))
                    said.write(repr(await provider.candidates(ref)))
                said.write(
                    f"{provider!r} {vars(provider) if hasattr(provider, '__dict__') else ''}"
                )
                if isinstance(provider, SecretsReporter):
                    said.write(repr(provider.health()))
        shown = said.getvalue()
        for value in values:
            for form in _forms(value):
                if form in shown:
                    broken(
                        self.whose, "shows-nothing", "a value, or a part or form of it, is shown"
                    )

    @pytest.mark.anyio
    async def test_leaves_the_loop_free(self) -> None:
        """`free-store`: the first question, the one that goes to the store."""
        ref = SecretRef.parse(next(iter(self.known)))
        held = []
        for _ in range(TRIES):
            async with self.started() as provider:
                held.append(await longest_hold(partial(provider.get, ref)))
        if min(held) > LOOP_HELD:
            broken(self.whose, "free-store", f"the loop stood for {min(held) * 1000:.0f} ms")

    @pytest.mark.anyio
    async def test_lets_cancellation_through(self) -> None:
        """`cancelled-get`: at once, and the next call gets its value."""
        text, value = next(iter(self.known.items()))
        ref = SecretRef.parse(text)
        for delay in (0.0, 0.001):
            async with self.started() as provider:
                ended = await cancelled_call(partial(provider.get, ref), delay)
                if ended.swallowed or ended.went_on > CANCEL_WITHIN:
                    found = "it returned" if ended.swallowed else f"{ended.went_on:.1f} s later"
                    broken(self.whose, "cancelled-get", found)
                with anyio.move_on_after(TOLD_WITHIN):
                    if (await provider.get(ref)).reveal() == value:
                        continue
                broken(self.whose, "cancelled-get", "the next call did not get the value")

    @pytest.mark.anyio
    async def test_follows_a_rotation(self) -> None:
        """`rotates`: who waits is told, who asks gets the new value, and the old one is there."""
        text, old = next(iter(self.known.items()))
        ref, new = SecretRef.parse(text), old[::-1] + "-rotated"
        async with self.started() as provider:
            if not isinstance(provider, RotatingSecrets):
                pytest.skip("the provider does not follow rotations")
            own = type(self).rotate is not SecretsProviderContract.rotate
            if not (own or isinstance(provider, SecretsRotator)):
                pytest.skip("the provider cannot change its store, and rotate() is not filled in")
            before = await provider.get(ref)
            fresh: list[SecretValue] = []
            told: SecretValue = before

            async def turn() -> None:
                await self.rotate(provider, ref, new)
                fresh.append(await provider.refresh(ref))

            with anyio.move_on_after(TOLD_WITHIN):
                async with anyio.create_task_group() as group:
                    group.start_soon(turn)
                    told = await provider.changed(ref, before)
            if [value.reveal() for value in fresh] != [new]:
                broken(self.whose, "rotates", "refresh() does not return the new value")
            if told.reveal() != new:
                broken(self.whose, "rotates", f"nobody was told within {TOLD_WITHIN:g} s")
            valid = [value.reveal() for value in await provider.candidates(ref)]
            if valid[:1] != [new] or len(set(valid)) != len(valid):
                broken(self.whose, "rotates", "candidates() does not begin with the new value")
            if (await provider.get(ref)).reveal() != new:
                broken(self.whose, "rotates", "get() has the old value")

    @pytest.mark.anyio
    async def test_outlives_an_outage(self) -> None:
        """`outlives`: the last value is served, health says why, and it ends with the outage."""
        outage = self.outage()
        if outage is None:
            pytest.skip("outage() is not filled in")
        text, value = next(iter(self.known.items()))
        ref = SecretRef.parse(text)
        async with self.started() as provider:
            await provider.get(ref)
            async with outage:
                await _asked_now(provider, ref)
                if (await provider.get(ref)).reveal() != value:
                    broken(self.whose, "outlives", "another value is served")
                self._check_health(provider, ok=False)
            with anyio.move_on_after(TOLD_WITHIN):
                while not _is_well(provider):
                    await anyio.sleep(0.05)
                    await _asked_now(provider, ref)
            self._check_health(provider, ok=True)

    @pytest.mark.anyio
    async def test_reports_its_health(self) -> None:
        """`outlives`: a provider that reports says that all is well while it is."""
        async with self.started() as provider:
            for text in self.known:
                await provider.get(SecretRef.parse(text))
            if not isinstance(provider, SecretsReporter):
                pytest.skip("the provider does not report its health")
            self._check_health(provider, ok=True)
            named = {str(state.ref) for state in provider.health().secrets}
            if missing := self.known.keys() - named:
                broken(self.whose, "outlives", f"health() says nothing of {sorted(missing)}")

    def _check_health(self, provider: SecretsProvider, *, ok: bool) -> None:
        if isinstance(provider, SecretsReporter) and provider.health().ok is not ok:
            said = repr(provider.health())
            broken(self.whose, "outlives", f"ok is {not ok} in health(): {said}")


def _is_well(provider: SecretsProvider) -> bool:
    return not isinstance(provider, SecretsReporter) or provider.health().ok


async def _asked_now(provider: SecretsProvider, ref: SecretRef) -> None:
    """Make the provider ask its store, where it can be made to."""
    if isinstance(provider, RotatingSecrets):
        await provider.refresh(ref)


async def _asked(provider: SecretsProvider, ref: SecretRef) -> str:
    """Return all that can be seen of an answer: the value's repr, or the error with its chain."""
    try:
        return repr(await provider.get(ref))
    except SecretUnavailable as error:
        return "".join(_chain(error))


def _chain(error: BaseException | None) -> Iterator[str]:
    """Yield an error with what it was raised from, and every local name on the way in words."""
    while error is not None:
        yield f"{error!r} {error} {vars(error)}\n"
        trace = error.__traceback__
        while trace is not None:
            frame = trace.tb_frame
            if not frame.f_globals.get("__name__", "").startswith("eleanor_core.testing"):
                yield f"{list(frame.f_locals.values())!r}\n"
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def _forms(value: str) -> Iterator[str]:
    """Yield the forms in which a value could be shown, and the two ends of it."""
    yield from (value, quote(value, safe=""), value.encode().hex(), repr(value)[1:-1])
    yield from (value[:_SHOWN], value[-_SHOWN:])
    yield base64.b64encode(value.encode()).decode().rstrip("=")[:-1]


@contextmanager
def _recorded(said: io.StringIO) -> Iterator[None]:
    """Write what structlog and logging say at any level to `said`."""
    handler = logging.StreamHandler(said)
    root, level = logging.getLogger(), logging.getLogger().level
    before = structlog.get_config()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(file=said),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        cache_logger_on_first_use=False,
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        structlog.configure(**before)
