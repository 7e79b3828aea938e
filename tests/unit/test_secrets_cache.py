"""The cache in front of a store of secrets: one question for all, the last value, and no leak."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from eleanor_core.api import (
    CachedSecrets,
    CachingSettings,
    SecretNotFound,
    SecretRef,
    SecretUnavailable,
    SecretValue,
    SecretVersions,
    in_threads,
    value_of,
    with_value,
)
from eleanor_core.api import secrets as module

REF = SecretRef.parse("store:app#key")
DOWN = SecretUnavailable("store:app#key: the store cannot be reached")
GONE = SecretNotFound("store:app#key: there is nothing")
pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(module, "SHORTEST_WAIT", 0.005)


class Store:
    """A store that answers as it is told, and a clock that stands still."""

    def __init__(self, *values: str, ttl: float = 10.0, **settings: float) -> None:
        self.now = 100.0
        self.asked = 0
        self.fails: Exception | None = None
        self.slow: anyio.Event | None = None
        self.lease: float | None = None
        self.put(*values or ("first",))
        self.secrets = CachedSecrets(
            self.fetch,
            CachingSettings(ttl=ttl, **settings),
            structlog.get_logger(),
            clock=lambda: self.now,
        )

    def put(self, *values: str) -> None:
        self.values = tuple(map(SecretValue, values))

    async def fetch(self, ref: SecretRef) -> SecretVersions:
        self.asked += 1
        values, fails = self.values, self.fails
        if self.slow:
            await self.slow.wait()
        if fails:
            raise fails
        return SecretVersions(values=values, version=f"v{self.asked}", lease=self.lease)

    async def get(self) -> str:
        return (await self.secrets.get(REF)).reveal()


async def test_a_value_is_kept_for_its_time_and_then_asked_for_again() -> None:
    store = Store()
    assert [await store.get() for _ in range(3)] == ["first"] * 3
    assert store.asked == 1
    store.put("second")
    store.now += 9.9
    assert await store.get() == "first"
    store.now += 0.2
    assert await store.get() == "second"


@pytest.mark.parametrize("ttl", [0.0, 10.0])
async def test_all_who_wait_share_one_question(ttl: float) -> None:
    store, got = Store(ttl=ttl), []
    store.slow = anyio.Event()

    async def ask() -> None:
        got.append(await store.get())

    async with anyio.create_task_group() as group:
        for _ in range(50):
            group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        store.slow.set()
    assert (got, store.asked) == (["first"] * 50, 1)


async def test_who_is_cancelled_while_asking_leaves_the_question_to_the_next() -> None:
    store, got = Store(), []
    store.slow = anyio.Event()

    async def ask() -> None:
        got.append(await store.get())

    async with anyio.create_task_group() as group:
        first = anyio.CancelScope()

        async def cancelled() -> None:
            with first:
                await store.get()

        group.start_soon(cancelled)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(ask)
        group.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        first.cancel()
        await anyio.wait_all_tasks_blocked()
        store.slow.set()
    assert (got, store.asked) == (["first"] * 2, 2)


async def test_refresh_wants_an_answer_to_a_question_of_its_own_time() -> None:
    store = Store()
    assert await store.get() == "first"
    store.now += 1
    store.put("second")
    assert (await store.secrets.refresh(REF)).reveal() == "second"
    assert await store.get() == "second"


async def test_the_last_value_is_served_for_the_stated_time_while_the_store_is_down() -> None:
    store = Store(stale_for=60.0)
    assert await store.get() == "first"
    store.fails = DOWN
    store.now += 11
    assert await store.get() == "first"
    (state,) = store.secrets.health().secrets
    assert (state.stale, state.age, state.problem) == (True, 11.0, str(DOWN))
    assert not store.secrets.health().ok
    store.now += 59.5
    with pytest.raises(SecretUnavailable, match=r"cannot be reached; its last value is 70 s old"):
        await store.get()
    store.now += 31
    store.fails = None
    assert await store.get() == "first"
    assert store.secrets.health().ok


async def test_a_store_that_fails_is_tried_thrice_and_then_left_alone_for_longer_each_time() -> (
    None
):
    store = Store()
    store.fails = DOWN
    counts = []
    for _ in range(6):
        with pytest.raises(SecretUnavailable):
            await store.get()
        counts.append(store.asked)
        store.now += 1.01
    # At once, after 1 s, after 2 s more, after 4 s more.
    assert counts == [3, 6, 6, 9, 9, 9]


async def test_a_secret_that_is_gone_is_not_served_any_longer() -> None:
    store = Store()
    assert await store.get() == "first"
    store.fails, store.now = GONE, store.now + 11
    with pytest.raises(SecretNotFound, match="there is nothing"):
        await store.get()
    assert store.asked == 2


async def test_no_answer_is_a_failure_after_the_timeout() -> None:
    store = Store(timeout=0.02)
    store.slow = anyio.Event()
    with pytest.raises(SecretUnavailable, match=r"store:app#key: .*not answer within 0.02 s"):
        await store.get()


async def test_a_leased_value_is_asked_for_early_and_never_served_beyond_its_lease() -> None:
    store = Store(ttl=300.0, stale_for=3600.0)
    store.lease = 30.0
    assert await store.get() == "first"
    store.now += 19
    await store.get()
    assert store.asked == 1
    store.now += 2
    store.fails = DOWN
    assert await store.get() == "first"
    store.now += 10
    with pytest.raises(SecretUnavailable):
        await store.get()


async def test_both_values_of_a_rotation_are_candidates_and_one_counts_once() -> None:
    store = Store("new", "old", "new")
    values = [value.reveal() for value in await store.secrets.candidates(REF)]
    assert values == ["new", "old"]
    (state,) = store.secrets.health().secrets
    assert (state.others, state.version) == (1, "v1")


async def _told(store: Store, turn: Callable[[], object]) -> str:
    """Return what one who waits for a change is told, when `turn` is called meanwhile."""
    known, told = await store.secrets.get(REF), []

    async def wait() -> None:
        told.append(await store.secrets.changed(REF, known))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            turned = turn()
            if turned is not None:
                await turned  # type: ignore[misc] # a coroutine, where it is not None
    return told[0].reveal()


async def test_who_waits_for_a_change_is_told_when_anybody_finds_it() -> None:
    store = Store(ttl=3600.0)

    async def refresh() -> None:
        store.put("second")
        store.now += 1
        await store.secrets.refresh(REF)

    assert await _told(store, refresh) == "second"


async def test_who_waits_for_a_change_looks_for_it() -> None:
    store = Store(ttl=0.0)
    assert await _told(store, lambda: store.put("second")) == "second"


async def test_who_waits_for_a_change_outlives_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_REST", 0.01)
    store = Store(ttl=0.0, stale_for=0.0)

    async def outage() -> None:
        store.fails = DOWN
        for _ in range(3):
            store.now += 40
            await anyio.sleep(0.01)
        store.put("second")
        store.fails = None
        store.now += 40

    assert await _told(store, outage) == "second"


async def test_what_a_store_raises_is_not_repeated() -> None:
    store = Store()
    store.fails = KeyError("hunter2hunter2")
    with capture_logs() as logs, pytest.raises(SecretUnavailable, match="raised KeyError") as seen:
        await store.get()
    assert "hunter2" not in "".join(str(seen.value)) + repr(logs) + repr(store.secrets.health())
    assert seen.value.__cause__ is seen.value.__context__ is None


async def test_changes_and_failures_are_logged_once_and_without_a_value() -> None:
    store = Store("hunter2-first")
    with capture_logs() as logs:
        await store.get()
        store.fails = DOWN
        for _ in range(3):
            store.now += 40
            await store.get()
        store.fails = None
        store.put("hunter2-second")
        store.now += 40
        await store.get()
    assert [line["event"] for line in logs] == [
        "secrets.store_fails",
        "secrets.store_answers_again",
        "secrets.changed",
    ]
    assert "hunter2" not in repr(logs)


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 10)
    store = Store()
    for number in range(50):
        await store.secrets.get(SecretRef("store", f"app/{number}"))
    kept = [state.ref.path for state in store.secrets.health().secrets]
    assert kept == [f"app/{number}" for number in range(40, 50)]


async def test_threads_are_bounded_and_let_cancellation_through() -> None:
    running, most, free = 0, 0, threading.Event()

    def block() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        free.wait(5)
        running -= 1

    blocked = in_threads(block, threads=2)
    with anyio.move_on_after(0.1) as scope:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(blocked)
    free.set()
    assert scope.cancelled_caught
    assert most == 2


async def test_a_member_of_a_table_is_read_and_replaced() -> None:
    whole = SecretValue('{"key": "old", "other": true, "none": null}')
    assert value_of(REF, whole).reveal() == "old"
    changed = with_value(REF, whole, SecretValue('n"ew'))
    assert value_of(REF, changed).reveal() == 'n"ew'
    assert value_of(SecretRef("store", "app", "other"), changed).reveal() == "true"
    plain = SecretRef("store", "app")
    assert value_of(plain, whole) is whole
    assert with_value(plain, whole, SecretValue("all")).reveal() == "all"
    for odd in ("no table", "[1]", '{"key": null}', "{}"):
        with pytest.raises(SecretNotFound, match="store:app#key"):
            value_of(REF, SecretValue(odd))
    for odd in ("no table", "[1]"):
        with pytest.raises(SecretNotFound, match="no JSON object"):
            with_value(REF, SecretValue(odd), SecretValue("new"))


async def test_there_is_no_version_without_a_value() -> None:
    with pytest.raises(ValueError, match="without a value"):
        SecretVersions(values=())
