"""What the contracts of critics and detectors have in common: how a voice runs, what it returns.

Each test stands for a rule of `docs/plugins/testing.md`, which its docstring names.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import chain
from typing import ClassVar, Generic, TypeAlias, TypeVar, cast

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from eleanor_core.api import (
    CriticResult,
    DetectorResult,
    DetectorSignal,
    Pattern,
    VoiceDeclaration,
)
from eleanor_core.codec import to_json
from eleanor_core.errors import InvalidInput
from eleanor_core.isolation.frames import MalformedError
from eleanor_core.model import Abstention, Assessment, Case, JsonValue
from eleanor_core.pipeline.runner import INLINE_BUDGET, INLINE_BUDGET_PER_CHARACTER
from eleanor_core.pipeline.voice import Voice
from eleanor_core.testing.contract import PluginContract, at_most
from eleanor_core.testing.harness import Harness
from eleanor_core.testing.makers import LetterEmbedder, make_case
from eleanor_core.testing.measure import cancelled_call, cpu_time, longest_hold
from eleanor_core.testing.rules import broken

R = TypeVar("R", CriticResult, DetectorResult)
D = TypeVar("D", bound=VoiceDeclaration[object])
Product: TypeAlias = Callable[[Case], object]
Ask: TypeAlias = Callable[[Case], Awaitable[R]]

ORDINARY = (
    "Take out the trash.",
    "Water boils at 100 degrees Celsius at sea level.",
    "Please send the minutes of Tuesday's meeting to everybody who was there.",
)
HUGE = "word " * 19_000
"""About 95,000 characters: a little under the default limit of a case's text."""

SHOWN = 60
"""Characters of a text that an error message shows."""
CANCEL_GRACE = 0.5
"""Seconds in which a cancelled call must have ended."""
LOOP_GRACE = 0.05
"""Seconds for which a `task` voice may hold the loop, once in three tries."""


class VoiceContract(PluginContract[D, Product], Generic[D, R]):
    """What critics and detectors have in common.

    `texts`: texts of the plugin's own field; the more of its branches they reach, the better.
    `signals`: signals of detectors to which it listens. `deterministic`: False for a voice that
    asks a model. `examples`: how many texts Hypothesis makes; fewer where its profile says so.
    """

    texts: ClassVar[Sequence[str]] = ()
    deterministic: ClassVar[bool] = True
    examples: ClassVar[int] = 50
    signals: ClassVar[Sequence[DetectorSignal]] = ()

    # -- what the tests below are made of ---------------------------------------------------------

    @abstractmethod
    def accept(self, voice: Voice[R], result: object, case: Case) -> R:
        """Return the result as the engine takes it. Raises MalformedError."""

    @abstractmethod
    def undeclared(self, result: R) -> list[str]:
        """Return the clauses or categories of the result that the declaration does not list."""

    @abstractmethod
    def peers(self) -> Sequence[object]:
        """Return plugins of other voices: one that objects and one that fails."""

    @abstractmethod
    def outcome(self, assessment: Assessment) -> R | Abstention:
        """Return what the assessment says of this voice."""

    @abstractmethod
    def restored(self, wire: dict[str, JsonValue]) -> R:
        """Build the result from its wire form."""

    def all_texts(self) -> tuple[str, ...]:
        """Return the author's texts, the patterns' examples, and a few ordinary sentences."""
        examples_of = (pattern.example for pattern in self.declaration.patterns)
        return tuple(chain(self.texts, filter(None, examples_of), ORDINARY))

    async def case(self, text: str, signals: Sequence[DetectorSignal] = ()) -> Case:
        """Return the case that the voice would get for `text`."""
        declaration = self.declaration
        embedding = LetterEmbedder().vector(text) if declaration.needs_embedding else None
        return make_case(text, patterns=declaration.patterns, signals=signals, embedding=embedding)

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask[R]]:
        """Start the voice; give a call that runs it as declared and checks what it returns."""
        async with self.started() as product:
            yield partial(self._ask, product)

    async def _ask(self, product: Product, case: Case) -> R:
        return self.checked(await self.call(product, case), case)

    def checked(self, result: object, case: Case) -> R:
        """Return the result as the engine takes it; fail if it breaks `own-result` or the words."""
        declaration = self.declaration
        voice: Voice[R] = Voice(
            name=declaration.name,
            ref=self.loaded.ref,
            provenance=self.loaded.provenance,
            gaps=frozenset(declaration.gaps),
        )
        try:
            accepted = self.accept(voice, result, case)
        except MalformedError as error:
            broken(self.whose, "own-result", f"{error}, for {short(case.text)}")
        for word in self.undeclared(accepted):
            broken(self.whose, "declared-words", f"{word} in the result of {short(case.text)}")
        return accepted

    async def call(self, product: Product, case: Case) -> object:
        """Call the product once, the way it declares."""
        execution = self.declaration.execution
        if execution == "task":
            return await cast("Awaitable[object]", product(case))
        if execution == "inline":
            return product(case)
        return await anyio.to_thread.run_sync(product, case, abandon_on_cancel=True)

    def only_for(self, *executions: str) -> None:
        """Skip the test for voices that run otherwise."""
        if self.declaration.execution not in executions:
            pytest.skip(f"for voices declared {' or '.join(executions)}")

    # -- how it runs ------------------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_lets_cancellation_through(self) -> None:
        """`cancellation`: cancelled before its first wait, and in the midst of it."""
        self.only_for("task")
        case = await self.case(self.all_texts()[0])
        async with self.started() as product:
            for delay in (0.0, 0.01):
                ended = await cancelled_call(partial(self.call, product, case), delay)
                if ended.went_on > CANCEL_GRACE:
                    broken(self.whose, "cancellation", f"it went on for {ended.went_on:.2f} s")
                if ended.swallowed:
                    broken(self.whose, "cancellation", "it was swallowed: the call returned")

    @pytest.mark.anyio
    async def test_answers_within_its_deadline(self) -> None:
        """`deadline`: the slowest of the texts, by the clock."""
        self.only_for("task", "thread", "process")
        async with self.asking() as ask:
            for text in self.all_texts():
                case = await self.case(text)
                started = anyio.current_time()
                await ask(case)
                took = anyio.current_time() - started
                if took > self.declaration.deadline:
                    found = f"{took:.2f} s of {self.declaration.deadline:g} s for {short(text)}"
                    broken(self.whose, "deadline", found)

    @pytest.mark.anyio
    async def test_leaves_the_loop_free(self) -> None:
        """`free-loop`: the best of three tries, so that a busy machine accuses nobody."""
        self.only_for("task")
        async with self.started() as product:
            for text in self.all_texts():
                case = await self.case(text)
                held = [await longest_hold(partial(self.call, product, case)) for _ in range(3)]
                if min(held) > LOOP_GRACE:
                    found = f"the loop stood for {min(held) * 1e3:.0f} ms on {short(text)}"
                    broken(self.whose, "free-loop", found)

    @pytest.mark.anyio
    async def test_stays_in_its_cpu_budget(self) -> None:
        """`cpu-budget`: the best of three tries, in CPU time of this thread."""
        self.only_for("inline")
        async with self.started() as product:
            for text in (*self.all_texts(), HUGE):
                case = await self.case(text)
                spent = min([cpu_time(partial(product, case)) for _ in range(3)])
                budget = INLINE_BUDGET + INLINE_BUDGET_PER_CHARACTER * len(text)
                if spent > budget:
                    found = f"{spent * 1e3:.1f} ms of {budget * 1e3:.1f} ms on {short(text)}"
                    broken(self.whose, "cpu-budget", found)

    # -- what it returns --------------------------------------------------------------------------

    @pytest.mark.anyio
    async def test_returns_its_own_result(self) -> None:
        """`own-result`, `declared-words`."""
        async with self.asking() as ask:
            for text in self.all_texts():
                await ask(await self.case(text))

    @pytest.mark.anyio
    @pytest.mark.hypothesis
    async def test_answers_any_text(self) -> None:
        """`any-text`: empty, huge, and what Hypothesis makes of the texts and of all scripts."""
        pieces = st.sampled_from(self.all_texts()) | st.text(max_size=40)
        texts = st.lists(pieces, max_size=4).map(" ".join)
        async with self.asking() as ask:
            for text in ("", " ", "\x00", HUGE):
                await ask(await self.case(text))

            async def answer(text: str) -> None:
                await ask(await self.case(text))

            @hypothesis_settings(
                max_examples=at_most(self.examples),
                deadline=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(text=texts)
            def any_text(text: str) -> None:
                anyio.from_thread.run(answer, text)

            await anyio.to_thread.run_sync(any_text)

    @pytest.mark.anyio
    async def test_gives_the_same_answer_again(self) -> None:
        """`same-answer`: from one started voice, and from another one."""
        if not self.deterministic:
            pytest.skip("declared deterministic = False")
        cases = [await self.case(text) for text in self.all_texts()]
        async with self.asking() as ask:
            first = [await ask(case) for case in cases]
            again = [await ask(case) for case in reversed(cases)][::-1]
        async with self.asking() as ask:
            other = [await ask(case) for case in cases]
        for case, one, two, three in zip(cases, first, again, other, strict=True):
            if not one == two == three:
                broken(self.whose, "same-answer", f"two results for {short(case.text)}")

    @pytest.mark.anyio
    async def test_survives_overlapping_calls(self) -> None:
        """`concurrency`: all texts at once, twice each."""
        cases = [await self.case(text) for text in self.all_texts()] * 2
        together: dict[int, object] = {}
        async with self.started() as product:

            async def keep(place: int, case: Case) -> None:
                together[place] = await self.call(product, case)

            async with anyio.create_task_group() as group:
                for place, case in enumerate(cases):
                    group.start_soon(keep, place, case)
            for place, case in enumerate(cases):
                result = self.checked(together[place], case)
                if self.deterministic and result != await self._ask(product, case):
                    broken(self.whose, "concurrency", f"another result for {short(case.text)}")

    @pytest.mark.anyio
    async def test_result_survives_the_wire(self) -> None:
        """`own-result`: through the bytes of JSON, which have no NaN and no lone surrogate."""
        async with self.asking() as ask:
            for text in self.all_texts():
                result = await ask(await self.case(text))
                try:
                    sent = json.dumps(to_json(result), allow_nan=False, ensure_ascii=False).encode()
                except ValueError as error:
                    broken(self.whose, "own-result", f"{error}, in the result of {short(text)}")
                wire = json.loads(sent)
                del wire["status"]
                if self.restored(wire) != result:
                    broken(self.whose, "own-result", f"another value came back for {short(text)}")

    # -- what it must leave alone -----------------------------------------------------------------

    @pytest.mark.anyio
    async def test_leaves_the_case_untouched(self) -> None:
        """`case-untouched`: compared with a case made anew."""
        async with self.asking() as ask:
            for text in self.all_texts():
                case = await self.case(text, self.signals)
                await ask(case)
                if case != await self.case(text, self.signals):
                    broken(self.whose, "case-untouched", f"the case of {short(text)} changed")

    @pytest.mark.anyio
    async def test_ignores_other_voices(self, harness: Harness) -> None:
        """`independence`: alone in the engine, and beside one that objects and one that fails."""
        if not self.deterministic:
            pytest.skip("declared deterministic = False")
        alone = await self._outcomes(harness, self.panel())
        beside = await self._outcomes(harness, [*self.panel(), *self.peers()])
        for text, outcome in alone.items():
            if isinstance(outcome, Abstention):
                broken(self.whose, "own-result", f"abstained: {outcome.reason}, {outcome.detail}")
            if outcome != beside[text]:
                broken(self.whose, "independence", f"peers changed the result of {short(text)}")

    def panel(self) -> list[object]:
        """Return the plugins to run the voice in an engine."""
        return [self.chosen, *self.beside]

    async def _outcomes(
        self, harness: Harness, plugins: Sequence[object]
    ) -> dict[str, R | Abstention]:
        outcomes: dict[str, R | Abstention] = {}
        async with harness(plugins=plugins, settings=self.engine_settings()) as engine:
            for text in self.all_texts():
                # What an engine refuses, such as the empty text, reaches no voice through one.
                with suppress(InvalidInput):
                    outcomes[text] = self.outcome(await engine.run(text=text))
        return outcomes

    # -- what it declares -------------------------------------------------------------------------

    def test_patterns_find_their_examples(self) -> None:
        """`patterns`."""
        patterns = self.declaration.patterns

        def finds(pattern: Pattern, text: str) -> bool:
            # One scan for all, as in an engine: to compile each alone takes ten times as long.
            hits = make_case(text, patterns=patterns).hits
            return any(hit.pattern == pattern.id for hit in hits)

        for pattern in patterns:
            if pattern.example and not finds(pattern, pattern.example):
                found = f"{pattern.id!r} does not find its example {pattern.example!r}"
                broken(self.whose, "patterns", found)
            if finds(pattern, pattern.near_miss):
                found = f"{pattern.id!r} finds its near miss {pattern.near_miss!r}"
                broken(self.whose, "patterns", found)


def short(text: str) -> str:
    """Return the beginning of a text, quoted, for an error message."""
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
