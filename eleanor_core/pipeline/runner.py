"""Runs voices side by side: their deadlines, their isolation, and what stands for a fault.

Nothing that a voice does escapes from here: it returns a result or an abstention, and its siblings
never notice. Late is judged by the clock too, because a voice that swallows cancellation or blocks
the loop returns as if in time.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from typing import Final, Generic, TypeAlias, cast

import anyio
from attrs import evolve

from eleanor_core._log import Logger
from eleanor_core.errors import describe, shortened
from eleanor_core.isolation.frames import MalformedError, VoiceRaisedError
from eleanor_core.model import Abstention, AbstentionReason, Case
from eleanor_core.pipeline.apart import Threads, Workers
from eleanor_core.pipeline.voice import R, Remake, Voice
from eleanor_core.pipeline.worker import WorkerCall

Accept: TypeAlias = Callable[[Voice[R], object, Case], R]
Said: TypeAlias = Callable[[str, R | Abstention], None]
Asked: TypeAlias = dict[str, Voice[R]]
Task: TypeAlias = Callable[[Case], Awaitable[object]]

INLINE_BUDGET: Final = 0.005
"""Seconds of CPU time that one inline call may use, beside 50 us for each 1,000 characters."""
INLINE_BUDGET_PER_CHARACTER: Final = 50e-9
OVERRUNS_BEFORE_MOVE: Final = 3
THREADS: Final = 16
PROCESSES: Final = 4

_log = Logger("eleanor.runner")


class Runner(Generic[R]):
    """Asks a fixed set of voices about one case after another. One per engine and kind."""

    def __init__(self, voices: Mapping[str, Voice[R]], accept: Accept[R]) -> None:
        self._accept: Accept[R] = accept
        self._voices: dict[str, Voice[R]] = dict(voices)
        self._inline: Asked[R] = {}
        self._waiting: Asked[R] = {}
        self._sort()
        self._overruns: dict[str, int] = {}
        self._threads = Threads(THREADS)
        self._workers = Workers(PROCESSES)

    async def ask(
        self,
        case_for: Callable[[Voice[R]], Case],
        said: Said[R],
        *,
        time_left: Callable[[], float],
    ) -> None:
        """Ask every voice; `said` is told each outcome as it comes, once for each voice.

        `time_left`: returns the seconds left for the whole judgement; no voice gets more.
        """
        # A voice that another judgement moves meanwhile is asked as it was before.
        waiting, inline = self._waiting, self._inline
        if not waiting:
            self._ask_inline(inline, case_for, said)
            return
        silent = set(waiting)

        def report(key: str, outcome: R | Abstention) -> None:
            silent.discard(key)
            said(key, outcome)

        due: dict[float, Asked[R]] = {}
        apart: list[tuple[str, float]] = []
        left = time_left()
        for key, voice in waiting.items():
            deadline = min(voice.deadline, left)
            if voice.execution == "task":
                due.setdefault(deadline, {})[key] = voice
            else:
                apart.append((key, deadline))
        async with anyio.create_task_group() if apart else nullcontext() as group:
            if group is not None:
                for key, deadline in apart:
                    voice = waiting[key]
                    group.start_soon(self._wait_apart, key, voice, case_for, report, deadline)
            by_deadline: list[tuple[float, Asked[R]]] = [
                (deadline, due[deadline]) for deadline in sorted(due)
            ]
            await self._ask_due(by_deadline, inline, case_for, report)
        for key in sorted(silent):
            # Only a voice that raised a cancellation of its own making ends without a word.
            said(key, self._abstain(waiting[key], "raised", "ended without a result"))

    def _sort(self) -> None:
        """Tell those who are waited for from the others, among whom who is broken says so."""
        voices = self._voices.items()
        self._waiting = {key: voice for key, voice in voices if _waits(voice)}
        self._inline = {key: voice for key, voice in voices if not _waits(voice)}

    # -- inline -----------------------------------------------------------------------------------

    def _ask_inline(
        self, voices: Asked[R], case_for: Callable[[Voice[R]], Case], report: Said[R]
    ) -> None:
        # What the processor's time is ahead of the clock's. While others run, it falls back.
        apart = time.thread_time() - time.perf_counter()
        for key, voice in voices.items():
            if voice.broken is None:
                report(key, self._call_inline(key, voice, case_for(voice), apart))
            else:
                report(key, voice.broken)

    def _call_inline(self, key: str, voice: Voice[R], case: Case, apart: float) -> R | Abstention:
        began = time.perf_counter()
        outcome: R | Abstention
        try:
            call = voice.call
            outcome = self._accept(voice, call(case) if call else None, case)
        except KeyboardInterrupt:
            raise
        except MalformedError as error:
            outcome = self._abstain(voice, "malformed", str(error))
        except BaseException as error:  # noqa: BLE001 -- sync code has no cancellation of ours to pass on
            outcome = self._abstain(voice, "raised", describe(error))
        # No call takes more of the processor than of the clock, which is quicker to ask. So this is
        # what it took at least; where calls before it had to wait for others, it took more.
        if time.perf_counter() - began > INLINE_BUDGET:
            spent = time.thread_time() - (began + apart)
            if spent > INLINE_BUDGET + INLINE_BUDGET_PER_CHARACTER * len(case.text):
                self._overran(key, voice, spent)
        return outcome

    def _overran(self, key: str, voice: Voice[R], spent: float) -> None:
        count = self._overruns[key] = self._overruns.get(key, 0) + 1
        _log.warning("inline_overrun", voice=voice.name, cpu_ms=round(spent * 1e3, 3), count=count)
        if count < OVERRUNS_BEFORE_MOVE:
            return
        moved = evolve(voice, execution="thread" if voice.thread_safe else "process")
        if moved.execution == "process" and not _travels(moved.remake):
            # Slow is better than lost: what cannot be made again elsewhere stays on the loop.
            return
        self._voices[key] = moved
        self._sort()
        _log.warning("voice_moved", voice=voice.name, execution=moved.execution)

    # -- task, thread, process --------------------------------------------------------------------

    async def _ask_due(
        self,
        due: list[tuple[float, Asked[R]]],
        inline: Asked[R],
        case_for: Callable[[Voice[R]], Case],
        report: Said[R],
    ) -> None:
        """Ask tasks, the last of `due` first, and then who is asked inline.

        A scope costs as much as a task, so those with one deadline share that of their group; the
        groups of earlier deadlines stand inside those of later ones.
        """
        if not due:
            self._ask_inline(inline, case_for, report)
            return
        earlier, (deadline, voices) = due[:-1], due[-1]
        async with anyio.create_task_group() as group:
            scope = group.cancel_scope
            scope.deadline = anyio.current_time() + deadline
            for key, voice in voices.items():
                group.start_soon(self._wait_for, key, voice, case_for, report, deadline, scope)
            await self._ask_due(earlier, inline, case_for, report)

    async def _wait_apart(
        self,
        key: str,
        voice: Voice[R],
        case_for: Callable[[Voice[R]], Case],
        report: Said[R],
        deadline: float,
    ) -> None:
        """Wait for a thread or a process, whose deadline may be put off."""
        with anyio.move_on_after(deadline) as scope:
            await self._wait_for(key, voice, case_for, report, deadline, scope)

    async def _wait_for(
        self,
        key: str,
        voice: Voice[R],
        case_for: Callable[[Voice[R]], Case],
        report: Said[R],
        deadline: float,
        scope: anyio.CancelScope,
    ) -> None:
        reason: AbstentionReason = "overload" if self._full(voice) else "deadline"
        try:
            outcome = await self._call_waiting(voice, case_for(voice), scope)
        except anyio.get_cancelled_exc_class():
            if scope.cancel_called:
                report(key, self._abstain(voice, reason, f"no answer in {deadline:g} s"))
            raise
        if anyio.current_time() > scope.deadline and not isinstance(outcome, Abstention):
            took = anyio.current_time() - scope.deadline + deadline
            outcome = self._abstain(voice, "late", f"answered after {took:.3g} s of {deadline:g} s")
        report(key, outcome)

    def _full(self, voice: Voice[R]) -> bool:
        if voice.execution == "thread":
            return self._threads.full
        return voice.execution == "process" and self._workers.full

    async def _call_waiting(
        self, voice: Voice[R], case: Case, deadline: anyio.CancelScope
    ) -> R | Abstention:
        try:
            if voice.execution == "task":
                result = await cast("Task", voice.call)(case)
            else:
                result = await self._call_apart(voice, case, deadline)
            return self._accept(voice, result, case)
        except (KeyboardInterrupt, anyio.get_cancelled_exc_class()):
            raise
        except MalformedError as error:
            return self._abstain(voice, "malformed", str(error))
        except VoiceRaisedError as error:
            return self._abstain(voice, "raised", str(error))
        except BaseException as error:  # noqa: BLE001 -- a fault of the voice, whatever it raised
            return self._abstain(voice, "raised", describe(error))

    async def _call_apart(self, voice: Voice[R], case: Case, deadline: anyio.CancelScope) -> object:
        if voice.execution == "thread":
            return await self._threads.run(cast("Callable[[Case], object]", voice.call), case)
        if voice.remake is None:
            msg = "it cannot be made again in a worker process"
            raise TypeError(msg)
        return await self._workers.run(voice.remake, case, deadline)

    @staticmethod
    def _abstain(voice: Voice[R], reason: AbstentionReason, detail: str) -> Abstention:
        # A voice may have had a hand in the words, and an abstention must always be possible.
        said = shortened(detail).encode(errors="replace").decode()
        return Abstention(voice=voice.name, reason=reason, detail=said, provenance=voice.provenance)


def _waits(voice: Voice[R]) -> bool:
    return voice.broken is None and voice.execution != "inline"


def _travels(remake: Remake | None) -> bool:
    """Tell whether a voice can be made again in a worker process."""
    if remake is None:
        return False
    try:
        WorkerCall.pack(remake)
    except Exception:  # noqa: BLE001 -- pickle runs code of the plugin, which raises what it likes
        return False
    return True
