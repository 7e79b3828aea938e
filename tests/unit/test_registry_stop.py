"""Products stop in reverse, whatever one of them or the body does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
import structlog
import structlog.testing

from eleanor_core.registry import open_products
from tests.unit.plugin_objects import (
    Trace,
    critic,
    judge,
    make_services,
    registry_of,
    traced,
)

pytestmark = pytest.mark.anyio


async def test_an_error_while_stopping_is_kept_and_logged_and_stops_nobody_else() -> None:
    trace: Trace = []

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        yield judge
        raise OSError("cannot close")

    registry = registry_of(
        critic("a", traced("a", trace)), critic("b", factory), critic("c", traced("c", trace))
    )
    with structlog.testing.capture_logs() as logs:
        async with open_products(registry, make_services, timeout=5) as products:
            pass
    assert trace == ["+a", "+c", "-c", "-a"]
    [failed] = products.failed
    assert (failed.ref, failed.stage, failed.error) == (
        "critics/b",
        "stop",
        "OSError: cannot close",
    )
    [entry] = logs
    assert (entry["event"], entry["plugin"], entry["stage"]) == (
        "plugin.failed",
        "critics/b",
        "stop",
    )


async def test_a_stop_that_hangs_is_cut_off_and_the_others_stop() -> None:
    trace: Trace = []

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        yield judge
        await anyio.sleep_forever()

    registry = registry_of(critic("a", traced("a", trace)), critic("b", factory))
    began = time.monotonic()
    async with open_products(registry, make_services, timeout=5, stop_timeout=0.2) as products:
        pass
    assert time.monotonic() - began < 2
    [failed] = products.failed
    assert (failed.ref, failed.stage) == ("critics/b", "stop")
    assert failed.error == "it did not stop in time and was cut off"
    assert trace == ["+a", "-a"], "it may use its share of the time, not that of the others"


async def test_background_work_that_crashes_takes_nobody_with_it() -> None:
    crash, trace = anyio.Event(), Trace()

    crashed = anyio.Event()

    async def crashing() -> None:
        await crash.wait()
        raise OSError("connection lost")

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(crashing)
                yield judge
        finally:
            crashed.set()

    registry = registry_of(critic("a", traced("a", trace)), critic("b", factory))
    async with open_products(registry, make_services, timeout=5) as products:
        crash.set()
        with anyio.fail_after(30):
            await crashed.wait()
        trace.append("body")
    [failed] = products.failed
    assert (failed.ref, failed.stage) == ("critics/b", "run")
    assert failed.error == "OSError: connection lost"
    assert trace == ["+a", "body", "-a"]


async def test_a_plugin_that_ends_by_itself_is_noticed() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        with anyio.move_on_after(0.05):
            yield judge

    async with open_products(
        registry_of(critic("a", factory)), make_services, timeout=5
    ) as products:
        with anyio.fail_after(30):
            while not products.failed:
                await anyio.sleep(0.01)
    assert [(item.stage, item.error) for item in products.failed] == [
        ("run", "it ended by itself while the engine was running")
    ]


async def test_a_factory_is_left_by_the_task_that_entered_it() -> None:
    tasks: list[int] = []

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        tasks.append(anyio.get_current_task().id)
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            yield judge
            group.cancel_scope.cancel()
        tasks.append(anyio.get_current_task().id)

    async with open_products(
        registry_of(critic("a", factory), critic("b", factory)), make_services, timeout=5
    ) as products:
        assert len(products.of("critics")) == 2
    assert products.failed == ()
    first, second, third, fourth = tasks
    assert (first, second) == (fourth, third)


@pytest.mark.parametrize("error", [ValueError("mine"), SystemExit(5), KeyboardInterrupt()])
async def test_what_the_body_raises_comes_out_as_it_is(error: BaseException) -> None:
    trace: Trace = []
    with pytest.raises(type(error)) as raised:
        async with open_products(
            registry_of(critic("a", traced("a", trace))), make_services, timeout=5
        ):
            raise error
    assert raised.value is error
    assert trace == ["+a", "-a"]


async def test_cancellation_still_stops_all_in_order() -> None:
    trace: Trace = []
    registry = registry_of(critic("a", traced("a", trace)), critic("b", traced("b", trace)))
    with anyio.move_on_after(0.1) as scope:
        async with open_products(registry, make_services, timeout=5):
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert trace == ["+a", "+b", "-b", "-a"]


async def test_cancellation_reaches_a_start_that_hangs() -> None:
    trace: Trace = []

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        await anyio.sleep_forever()
        yield judge

    registry = registry_of(critic("a", traced("a", trace)), critic("b", factory))
    with anyio.move_on_after(0.1) as scope:
        async with open_products(registry, make_services, timeout=60):
            pytest.fail("it must not start")
    assert scope.cancelled_caught
    assert trace == ["+a", "-a"]


@pytest.mark.parametrize("delay", [0, 0.001, 0.01])
async def test_cancellation_while_starting_stops_who_has_started(delay: float) -> None:
    trace: Trace = []
    registry = registry_of(*(critic(f"c{n}", traced(f"c{n}", trace)) for n in range(20)))
    with anyio.fail_after(30), anyio.move_on_after(delay):
        async with open_products(registry, make_services, timeout=5):
            await anyio.sleep_forever()
    started = [step[1:] for step in trace if step.startswith("+")]
    assert [step[1:] for step in trace if step.startswith("-")] == started[::-1]


async def test_an_empty_registry_opens() -> None:
    async with open_products(registry_of(), make_services, timeout=5) as products:
        assert products.of("critics") == {}
