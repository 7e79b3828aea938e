"""Products start in order, each within its time; one that cannot start breaks alone."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
import anyio.lowlevel
import pytest

from eleanor_core.api import (
    BackendDeclaration,
    Declaration,
    DetectorDeclaration,
    EvidenceDeclaration,
    SecretsDeclaration,
    Services,
)
from eleanor_core.errors import EvidenceUnavailable, RequiredPluginError
from eleanor_core.registry import Loaded, Products, open_products
from tests.unit.plugin_objects import (
    Factory,
    Judge,
    Trace,
    Vault,
    critic,
    judge,
    judge_inline,
    make_services,
    registry_of,
    traced,
    yielding,
)

pytestmark = pytest.mark.anyio


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


async def test_what_a_plugin_refuses_on_purpose_is_not_called_its_defect() -> None:
    @asynccontextmanager
    async def refuses(*_: object) -> AsyncIterator[object]:
        raise EvidenceUnavailable("the log in /there cannot be written: it is a file")
        yield

    registry = registry_of(EvidenceDeclaration(name="log", factory=refuses))
    async with open_products(registry, make_services, timeout=5) as products:
        [broken] = products.broken
    assert "it is a file" in broken.text
    assert broken.text.endswith(". Put that right and start again.")


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
    code = judge_inline.__code__
    assert broken.text == (
        "critics/bad (in-process 0) is broken at start: it is declared execution='task', but its "
        f"__call__ is not async at {code.co_filename}:{code.co_firstlineno} in judge_inline. "
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
        "its factory yielded a Half, which is no Backend: it lacks asarray, device, encoder, load, "
        "logsumexp, matmul, mean_pool, name, normalise, report, softmax, synchronise, to_host"
    )


async def test_a_backend_says_itself_why_it_cannot_run_here() -> None:
    def broken_probe(_device: str) -> str | None:
        raise OSError("no driver")

    factory = yielding(None)
    error = await start_broken(
        BackendDeclaration(name="bad", factory=factory, probe=lambda device: f"no {device} device")
    )
    assert error == "no cpu device"
    error = await start_broken(BackendDeclaration(name="bad", factory=factory, probe=broken_probe))
    assert error == "OSError: no driver"
