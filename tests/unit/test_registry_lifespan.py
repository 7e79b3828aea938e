"""Products start in order and stop in reverse; what one plugin does, no other has to suffer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
import structlog
import structlog.testing

from eleanor_core.api import (
    BackendDeclaration,
    Case,
    CriticDeclaration,
    CriticResult,
    Declaration,
    DetectorDeclaration,
    EvidenceDeclaration,
    Kind,
    PluginSettings,
    SecretsDeclaration,
    Services,
    hookimpl,
)
from eleanor_core.errors import RequiredPluginError
from eleanor_core.registry import Loaded, Products, Registry, load, open_products
from tests.unit.plugin_dists import settings

pytestmark = pytest.mark.anyio

Trace = list[str]
Factory = Callable[..., AbstractAsyncContextManager[object]]


async def judge(case: Case) -> CriticResult:
    """Judge as a task does."""
    return CriticResult(critic="any", score=0.0, confidence=1.0)


def judge_inline(case: Case) -> CriticResult:
    """Judge as inline work does."""
    return CriticResult(critic="any", score=0.0, confidence=1.0)


class Judge:
    """A critic as an object."""

    async def __call__(self, case: Case) -> CriticResult:
        return await judge(case)


class Vault:
    """A secrets provider, for its shape."""

    async def get(self, ref: object) -> object:
        """Give it back."""
        return ref


class Given:
    """Hands declarations of several kinds to the registry."""

    def __init__(self, *declarations: Declaration[object]) -> None:
        self.declarations = declarations

    def _of(self, kind: Kind) -> list[Declaration[object]]:
        return [item for item in self.declarations if item.kind == kind]

    @hookimpl
    def eleanor_register_secrets(self) -> list[Declaration[object]]:
        """Declare the secrets providers."""
        return self._of("secrets")

    @hookimpl
    def eleanor_register_backends(self) -> list[Declaration[object]]:
        """Declare the backends."""
        return self._of("backends")

    @hookimpl
    def eleanor_register_evidence(self) -> list[Declaration[object]]:
        """Declare the sinks."""
        return self._of("evidence")

    @hookimpl
    def eleanor_register_detectors(self) -> list[Declaration[object]]:
        """Declare the detectors."""
        return self._of("detectors")

    @hookimpl
    def eleanor_register_critics(self) -> list[Declaration[object]]:
        """Declare the critics."""
        return self._of("critics")


def critic(name: str, factory: Factory, **values: object) -> CriticDeclaration:
    """Return a critic that this factory makes."""
    return CriticDeclaration(name=name, factory=factory, principle="risk", clauses={"K1"}, **values)


def traced(name: str, trace: Trace, product: object = judge) -> Factory:
    """Return a factory that writes down its start and its stop."""

    @asynccontextmanager
    async def factory(_settings: PluginSettings, _services: Services) -> AsyncIterator[object]:
        await anyio.lowlevel.checkpoint()
        trace.append(f"+{name}")
        yield product
        await anyio.sleep(0.001)
        trace.append(f"-{name}")

    return factory


def yielding(product: object) -> Factory:
    """Return a factory of `product`."""
    return traced("", [], product)


def registry_of(*declarations: Declaration[object], require: Sequence[str] = ()) -> Registry:
    """Return a registry that holds these."""
    return load(settings(enable=(), require=require), [Given(*declarations)])


def make_services(_loaded: Loaded, _products: Products) -> Services:
    """Return services of no use."""
    return Services(data_dir=Path("unused"), log=structlog.get_logger())


async def start_broken(declaration: Declaration[object], *, timeout: float = 5.0) -> str:  # noqa: ASYNC109 -- handed on
    """Return the error of a plugin that fails to start beside one that does not."""
    registry = registry_of(declaration, critic("sound", yielding(judge)))
    async with open_products(registry, make_services, timeout=timeout) as products:
        assert list(products.of("critics")) == ["sound"]
        [broken] = products.broken
    assert (broken.stage, broken.ref) == ("start", f"{declaration.kind}/{declaration.name}")
    assert broken.hint
    assert products.failed == ()
    return broken.error


async def test_kinds_start_in_order_and_stop_in_reverse() -> None:
    trace: Trace = []
    registry = registry_of(
        critic("b", traced("critics/b", trace)),
        critic("a", traced("critics/a", trace)),
        DetectorDeclaration(name="d", factory=traced("detectors/d", trace)),
        SecretsDeclaration(name="s", factory=traced("secrets/s", trace, Vault())),
    )
    seen: dict[str, Mapping[str, object]] = {}

    def spy(loaded: Loaded, products: Products) -> Services:
        seen[loaded.ref] = {**products.of("secrets"), **products.of("critics")}
        return make_services(loaded, products)

    async with open_products(registry, spy, timeout=5) as products:
        assert trace == ["+secrets/s", "+detectors/d", "+critics/a", "+critics/b"]
        assert products.of("critics") == {"a": judge, "b": judge}
        assert products.of("models") == {}
        assert products.broken == ()
    assert trace[4:] == ["-critics/b", "-critics/a", "-detectors/d", "-secrets/s"]
    assert list(seen["critics/b"]) == ["s"], "a critic is made without a peer in sight"
    assert seen["secrets/s"] == {}


async def test_a_factory_may_be_a_partial() -> None:
    @asynccontextmanager
    async def factory(word: str, *_: object) -> AsyncIterator[object]:
        raise LookupError(word)
        yield judge

    registry = registry_of(critic("bad", partial(factory, "no key")))
    async with open_products(registry, make_services, timeout=5) as products:
        [broken] = products.broken
    assert broken.error == "LookupError: no key"
    assert broken.frame.startswith(f"{__file__}:")


async def test_a_start_that_raises_breaks_one_plugin_alone() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        raise LookupError("no key")
        yield judge

    registry = registry_of(critic("bad", factory), critic("sound", yielding(judge)))
    async with open_products(registry, make_services, timeout=5) as products:
        [broken] = products.broken
    assert broken.error == "LookupError: no key"
    assert broken.frame.startswith(f"{__file__}:")
    assert broken.frame.endswith(".factory")
    assert (broken.dist, broken.version) == ("in-process", "0")


async def test_errors_wrapped_by_a_plugins_own_task_group_are_unwrapped() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        async with anyio.create_task_group():
            raise LookupError("inside")
            yield judge

    assert await start_broken(critic("bad", factory)) == "LookupError: inside"


async def test_a_factory_that_calls_exit_does_not_end_the_host() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        raise SystemExit(3)
        yield judge

    assert await start_broken(critic("bad", factory)) == "SystemExit: 3"


async def test_a_start_that_hangs_is_cut_off() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        await anyio.sleep_forever()
        yield judge

    began = time.monotonic()
    error = await start_broken(critic("bad", factory), timeout=0.2)
    assert error == "it did not start within 0.2 s"
    assert time.monotonic() - began < 2


async def test_a_start_that_hangs_inside_a_task_group_is_cut_off() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        async with anyio.create_task_group() as group:
            group.start_soon(anyio.sleep_forever)
            await anyio.sleep_forever()
            yield judge

    assert "did not start" in await start_broken(critic("bad", factory), timeout=0.1)


async def test_a_late_start_is_late_even_if_it_looks_punctual() -> None:
    @asynccontextmanager
    async def swallows(*_: object) -> AsyncIterator[object]:
        with anyio.move_on_after(0.15, shield=True):
            await anyio.sleep_forever()
        yield judge

    @asynccontextmanager
    async def blocks(*_: object) -> AsyncIterator[object]:
        time.sleep(0.15)  # noqa: ASYNC251 -- the fault under test
        yield judge

    for factory in (swallows, blocks):
        error = await start_broken(critic("bad", factory), timeout=0.1)
        assert error == "it did not start within 0.1 s"


async def test_a_required_plugin_that_does_not_start_refuses_after_unwinding() -> None:
    trace: Trace = []

    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        raise LookupError("no key")
        yield judge

    registry = registry_of(
        critic("a", traced("a", trace)),
        critic("b", traced("b", trace)),
        critic("c", factory),
        critic("d", traced("d", trace)),
        require=["critics/c"],
    )
    with pytest.raises(RequiredPluginError, match=r"critics/c .* is broken at start: LookupError"):
        async with open_products(registry, make_services, timeout=5):
            pytest.fail("it must not start")
    assert trace == ["+a", "+b", "-b", "-a"]


async def test_the_cause_of_a_refused_start_is_kept() -> None:
    @asynccontextmanager
    async def factory(*_: object) -> AsyncIterator[object]:
        raise LookupError("no key")
        yield judge

    registry = registry_of(critic("c", factory), require=["critics/c"])
    with pytest.raises(RequiredPluginError) as refused:
        async with open_products(registry, make_services, timeout=5):
            pytest.fail("it must not start")
    assert isinstance(refused.value.__cause__, LookupError)


async def test_services_that_cannot_be_made_refuse_the_start() -> None:
    trace: Trace = []

    def refuse(loaded: Loaded, products: Products) -> Services:
        if loaded.name == "b":
            raise ValueError("thresholds")
        return make_services(loaded, products)

    registry = registry_of(critic("a", traced("a", trace)), critic("b", traced("b", trace)))
    with pytest.raises(ValueError, match=r"^thresholds$"):
        async with open_products(registry, refuse, timeout=5):
            pytest.fail("it must not start")
    assert trace == ["+a", "-a"]


@pytest.mark.parametrize(
    ("factory", "error"),
    [
        (lambda *_: 7, "its factory returned a int; it must return an async context manager"),
        (lambda *_: judge(None), "its factory returned a coroutine; it must return an async"),
        (lambda: None, "TypeError: "),
    ],
)
async def test_a_factory_that_gives_no_context_manager(factory: Factory, error: str) -> None:
    assert (await start_broken(critic("bad", factory))).startswith(error)


async def test_a_factory_that_never_yields_or_swallows_what_it_is_told() -> None:
    @asynccontextmanager
    async def silent(*_: object) -> AsyncIterator[object]:
        if not _:
            yield judge

    @asynccontextmanager
    async def deaf(*_: object) -> AsyncIterator[object]:
        with suppress(Exception):
            yield "not callable"

    assert await start_broken(critic("bad", silent)) == "RuntimeError: generator didn't yield"
    assert await start_broken(critic("bad", deaf)) == (
        "its factory swallowed an error and ended without a product"
    )


@pytest.mark.parametrize("product", [judge, Judge(), Judge().__call__, partial(judge)])
async def test_a_task_must_be_async(product: object) -> None:
    registry = registry_of(critic("ok", yielding(product)))
    async with open_products(registry, make_services, timeout=5) as products:
        assert products.of("critics") == {"ok": product}
    for execution in ("inline", "thread", "process"):
        error = await start_broken(critic("bad", yielding(product), execution=execution))
        assert error == f"it is declared execution='{execution}', but its __call__ is async"


@pytest.mark.parametrize("execution", ["inline", "thread", "process"])
async def test_other_executions_must_be_plain(execution: str) -> None:
    registry = registry_of(critic("ok", yielding(judge_inline), execution=execution))
    async with open_products(registry, make_services, timeout=5) as products:
        assert products.of("critics") == {"ok": judge_inline}


async def test_a_plain_task_is_refused_with_its_place() -> None:
    registry = registry_of(critic("bad", yielding(judge_inline)))
    async with open_products(registry, make_services, timeout=5) as products:
        [broken] = products.broken
    line = judge_inline.__code__.co_firstlineno
    assert broken.text == (
        "critics/bad (in-process 0) is broken at start: it is declared execution='task', but its "
        f"__call__ is not async at {__file__}:{line} in judge_inline. "
        "Make it `async def`, or declare 'inline', 'thread' or 'process'."
    )


async def test_products_that_lack_what_their_kind_does() -> None:
    class Half:
        async def append(self, record: object) -> None:
            """Do half the job."""

    assert await start_broken(critic("bad", yielding(7))) == (
        "its factory yielded a int, which cannot be called"
    )
    assert await start_broken(EvidenceDeclaration(name="bad", factory=yielding(Half()))) == (
        "its factory yielded a Half, which is no EvidenceSink: it lacks count, get, read"
    )
    assert await start_broken(BackendDeclaration(name="bad", factory=yielding(Half()))) == (
        "its factory yielded a Half, which is no Backend: it lacks device, load, name"
    )


async def test_a_backend_says_itself_why_it_cannot_run_here() -> None:
    def broken_probe() -> str | None:
        raise OSError("no driver")

    factory = yielding(None)
    error = await start_broken(
        BackendDeclaration(name="bad", factory=factory, probe=lambda: "no CUDA device")
    )
    assert error == "no CUDA device"
    error = await start_broken(BackendDeclaration(name="bad", factory=factory, probe=broken_probe))
    assert error == "OSError: no driver"


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
        with anyio.fail_after(5):
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
        await anyio.sleep(0.1)
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


async def test_an_empty_registry_opens() -> None:
    async with open_products(registry_of(), make_services, timeout=5) as products:
        assert products.of("critics") == {}
