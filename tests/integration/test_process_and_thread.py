"""Voices that run in threads and in processes: whatever happens there, the engine goes on."""

from __future__ import annotations

import os
import threading
import time

import anyio
import pytest
from attrs import evolve
from structlog.testing import capture_logs
from support.apart import bear_witness, obey, toil
from support.judging import TEXT
from support.panels import Member

from eleanor_core.api import Case, CriticResult, DetectorResult, Execution
from eleanor_core.engine import EleanorEngine
from eleanor_core.model import Abstention, CriticOutcome
from eleanor_core.testing import CriticPlugin, Harness, critic_plugin, detector_plugin

pytestmark = pytest.mark.anyio
CONTEXT = {"told": {"deep": [1, {"a": None}]}}
APART = pytest.mark.parametrize("execution", ["thread", "process"])


def _apart(execution: Execution, deadline: float = 5.0) -> CriticPlugin:
    return critic_plugin("apart", obey, execution=execution, deadline=deadline)


async def _outcome(engine: EleanorEngine, text: str) -> CriticOutcome:
    assessment = await engine.run(text=text, context=CONTEXT)
    outcome = assessment.critics["apart"]
    expected = "review" if isinstance(outcome, Abstention) else "allow"
    assert assessment.decision == expected
    return outcome


def _told(outcome: CriticOutcome) -> tuple[tuple[int, int], str]:
    """Return the process and the thread in which the critic ran, and what it saw of the case."""
    assert isinstance(outcome, CriticResult), outcome
    process, thread, saw = outcome.justification.split(maxsplit=2)
    return (int(process), int(thread)), saw


async def _place(engine: EleanorEngine) -> tuple[int, int]:
    return _told(await _outcome(engine, "well"))[0]


@APART
async def test_where_it_was_declared_to_run_it_gets_all_and_its_faults_stay(
    harness: Harness, execution: Execution
) -> None:
    async with harness(plugins=[critic_plugin("apart", obey)]) as engine:
        here = await _outcome(engine, TEXT)
    expected = {
        "raise": ("raised", "RuntimeError: out of order"),
        "leave": ("raised", "SystemExit: 3"),
        "interrupt": ("raised", "KeyboardInterrupt"),
        "close": ("raised", "GeneratorExit"),
        "mute": ("raised", "MuteError"),
        "stubborn": ("raised", "StubbornError: this and that"),
        "garbage": ("malformed", "returned dict"),
        "forge": ("malformed", "somebody-else"),
        "invent": ("malformed", "too-lazy"),
    }
    # One engine for all, since the start of a process is most of what this costs.
    async with harness(plugins=[_apart(execution)]) as engine:
        before = await _place(engine)
        assert (before[0] == os.getpid()) is (execution == "thread")
        assert before != (os.getpid(), threading.get_ident())
        # The case arrives whole, and the result comes back whole.
        there = await _outcome(engine, TEXT)
        assert _told(there)[1] == _told(here)[1]
        assert evolve(there, justification="") == evolve(here, justification="")  # type: ignore[type-var] # results, see _told
        for text, (reason, detail) in expected.items():
            outcome = await _outcome(engine, text)
            assert isinstance(outcome, Abstention), text
            assert outcome.reason == reason
            assert detail in outcome.detail
            assert outcome.provenance is not None
        after = await _place(engine)
        # A voice that only misbehaves does not cost its worker.
        assert before[0] == after[0]


@pytest.mark.long
@pytest.mark.parametrize("text", ["die", "shout"])
async def test_a_worker_that_crashes_is_replaced(harness: Harness, text: str) -> None:
    async with harness(plugins=[_apart("process")]) as engine:
        before = await _place(engine)
        outcome = await _outcome(engine, text)
        assert isinstance(outcome, Abstention)
        assert (outcome.reason, outcome.detail) == (
            "raised",
            "its worker process ended in the call",
        )
        after = await _place(engine)
        assert after[0] not in (before[0], os.getpid())


async def test_a_worker_past_its_deadline_is_killed_and_the_next_call_works(
    harness: Harness,
) -> None:
    # Far shorter than the start of a worker, which is not the voice's time.
    async with harness(plugins=[_apart("process", deadline=1.5)]) as engine:
        before, _ = await _place(engine)
        started = time.monotonic()
        outcome = await _outcome(engine, "sleep 30")
        assert time.monotonic() - started < 15
        assert isinstance(outcome, Abstention)
        assert outcome.reason == "deadline"
        after, _ = await _place(engine)
        assert after != before
        with pytest.raises(ProcessLookupError):
            os.kill(before, 0)


async def test_a_thread_past_its_deadline_is_given_up(harness: Harness) -> None:
    async with harness(plugins=[_apart("thread", deadline=0.05)]) as engine:
        outcome = await _outcome(engine, "sleep 0.3")
        assert isinstance(outcome, Abstention)
        assert outcome.reason == "deadline"
        await _place(engine)


async def test_threads_that_were_given_up_keep_their_places(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eleanor_core.pipeline.runner.THREADS", 2)
    reasons: list[str] = []
    async with harness(plugins=[_apart("thread", deadline=0.05)]) as engine:
        await _place(engine)
        idle = threading.active_count()
        for _ in range(5):
            outcome = await _outcome(engine, "sleep 0.7")
            assert isinstance(outcome, Abstention)
            reasons.append(outcome.reason)
            assert threading.active_count() <= idle + 2
        assert reasons == ["deadline", "deadline", "overload", "overload", "overload"]
        await anyio.sleep(0.8)
        await _place(engine)


@pytest.mark.long
async def test_calls_that_find_no_worker_free_are_overload(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eleanor_core.pipeline.runner.PROCESSES", 1)
    outcomes: list[CriticOutcome] = []
    async with harness(plugins=[_apart("process", deadline=1.5)]) as engine:

        async def judge(text: str) -> None:
            outcomes.append(await _outcome(engine, text))

        await _place(engine)
        async with anyio.create_task_group() as group:
            group.start_soon(judge, "sleep 30")
            await anyio.sleep(0.1)
            group.start_soon(judge, "sleep 0")
        reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Abstention)]
        assert "deadline" in reasons
        # It may get the place of the one that was killed, in the last moment.
        assert set(reasons) <= {"deadline", "overload"}
        await _place(engine)


async def test_a_detector_in_a_process_testifies(harness: Harness) -> None:
    detector = detector_plugin("apart", bear_witness, execution="process")
    async with harness(plugins=[detector, Member(inline=True).plugin("calm")]) as engine:
        assessment = await engine.run(text="well")
        outcome = assessment.detectors["apart"]
        assert isinstance(outcome, DetectorResult)
        assert outcome.score == 0.25
        assessment = await engine.run(text="raise")
        assert isinstance(assessment.detectors["apart"], Abstention)
        assert [(item.critic, item.clause) for item in assessment.escalations] == [
            ("detector:apart", "U1")
        ]


async def test_a_factory_that_cannot_travel_is_a_fault(harness: Harness) -> None:
    def local(case: Case, /) -> CriticResult:
        return obey(case)

    plugin = critic_plugin("apart", local, execution="process")
    async with harness(plugins=[plugin]) as engine:
        outcome = await _outcome(engine, "well")
        assert isinstance(outcome, Abstention)
        assert outcome.reason == "raised"
        assert "local" in outcome.detail


async def _places(engine: EleanorEngine, times: int) -> list[tuple[int, int]]:
    """Judge several cases and return where the critic `toil` ran; each time it has a result."""
    outcomes = [(await engine.run(text=TEXT)).critics["toil"] for _ in range(times)]
    return [_told(outcome)[0] for outcome in outcomes]


@pytest.mark.parametrize("thread_safe", [True, False])
async def test_an_inline_voice_that_overruns_again_and_again_is_moved(
    harness: Harness, *, thread_safe: bool
) -> None:
    plugin = critic_plugin("toil", toil, execution="inline", thread_safe=thread_safe)
    with capture_logs() as logs:
        async with harness(plugins=[plugin]) as engine:
            places = await _places(engine, 4)
    here = (os.getpid(), threading.get_ident())
    # Each result is kept, also that of a call that overran.
    assert places[:3] == [here] * 3
    assert places[3] != here
    assert (places[3][0] == os.getpid()) is thread_safe
    overruns = [entry for entry in logs if entry["event"] == "inline_overrun"]
    assert [entry["count"] for entry in overruns] == [1, 2, 3]
    (moved,) = [entry for entry in logs if entry["event"] == "voice_moved"]
    assert moved["execution"] == ("thread" if thread_safe else "process")


async def test_an_overrunning_voice_that_cannot_travel_stays(harness: Harness) -> None:
    def local(case: Case, /) -> CriticResult:
        return toil(case)

    plugin = critic_plugin("toil", local, execution="inline")
    async with harness(plugins=[plugin]) as engine:
        assert set(await _places(engine, 5)) == {(os.getpid(), threading.get_ident())}


@pytest.mark.long
async def test_walking_away_from_a_thread_and_a_process(harness: Harness) -> None:
    for execution in ("thread", "process"):
        async with harness(plugins=[_apart(execution)]) as engine:
            await _place(engine)
            with anyio.move_on_after(0.05) as scope:
                await engine.run(text="sleep 0.5")
            assert scope.cancelled_caught
            await _place(engine)


class _MuteError(Exception):
    """An error that cannot even be written down."""

    def __str__(self) -> str:
        raise ValueError("no words")


class _OddError(BaseException):
    """An error that is no Exception."""


@pytest.mark.parametrize(
    "error", [_MuteError(), _OddError("odd"), BaseExceptionGroup("two", [_OddError()])]
)
@pytest.mark.parametrize("execution", ["inline", "task", "thread"])
async def test_no_error_of_any_kind_escapes(
    harness: Harness, execution: Execution, error: BaseException
) -> None:
    def sync(_case: Case, /) -> CriticResult:
        raise error

    async def waits(_case: Case, /) -> CriticResult:
        async with anyio.create_task_group():
            await anyio.lowlevel.checkpoint()
            raise error

    voice = waits if execution == "task" else sync
    plugin = critic_plugin("apart", voice, execution=execution)
    async with harness(plugins=[plugin, Member(inline=True).plugin("calm")]) as engine:
        assessment = await engine.run(text=TEXT)
    outcome = assessment.critics["apart"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == "raised"
    assert isinstance(assessment.critics["calm"], CriticResult)


async def test_an_error_from_the_clean_up_after_a_deadline_does_not_escape(
    harness: Harness,
) -> None:
    async def untidy(_case: Case, /) -> CriticResult:
        async def child() -> None:
            try:
                await anyio.sleep_forever()
            finally:
                raise OSError("the socket was gone")

        async with anyio.create_task_group() as group:
            group.start_soon(child)
            await anyio.sleep_forever()
        raise AssertionError("it never ends by itself")

    plugin = critic_plugin("apart", untidy, deadline=0.05)
    async with harness(plugins=[plugin]) as engine:
        outcome = await _outcome(engine, TEXT)
    assert isinstance(outcome, Abstention)
    assert outcome.reason in ("raised", "deadline")
