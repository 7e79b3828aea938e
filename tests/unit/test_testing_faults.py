"""Every rule of the kit catches a plugin that breaks it, and names the rule."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import cast

import anyio
import pytest
from attrs import evolve
from hypothesis import settings
from support.archives import Crowded, Editing, Hasty, Lax
from support.backends import Crossed, Renamed, Skewed, Uncounted, WorstFirst
from support.sinks import (
    Backwards,
    Careless,
    Doubtful,
    Forgetful,
    Keeping,
    Overwriting,
    Racing,
    Repetitive,
    SinkPlugin,
    Unproven,
)

from eleanor_core.api import (
    Case,
    CriticResult,
    CriticViolation,
    DetectorResult,
    DetectorSignal,
    Embedding,
    Pattern,
    PluginSettings,
    PrecedentCase,
    PrecedentMatch,
    PrecedentsDeclaration,
    Services,
    hookimpl,
)
from eleanor_core.model import FrozenMap
from eleanor_core.testing import (
    BackendContract,
    CriticContract,
    CriticPlugin,
    DetectorContract,
    EmbedderContract,
    EvidenceSinkContract,
    Harness,
    LetterEmbedder,
    MemoryLog,
    PrecedentStoreContract,
    critic_plugin,
    detector_plugin,
)
from eleanor_core.testing.arithmetic import components
from eleanor_core.testing.makers import Ready
from eleanor_core.testing.rules import OF_SECRETS, RULES

SAID: list[str] = []
"""What the voices with a memory remember; emptied before each test."""


def quiet(_case: Case, **fields: object) -> CriticResult:
    """Object to nothing."""
    return evolve(CriticResult(critic="bad", score=0.1, confidence=0.5), **fields)


def another_name(case: Case) -> CriticResult:
    return quiet(case, critic="somebody-else")


def undeclared_clause(case: Case) -> CriticResult:
    del case
    said = CriticViolation(clause="K1", severity=1, rationale="It may.")
    return CriticResult(critic="bad", score=0.6, confidence=0.5, violations=(said,))


def another_answer(case: Case) -> CriticResult:
    SAID.append(case.text)
    return quiet(case, score=min(1.0, len(SAID) / 1000))


def meddling(case: Case) -> CriticResult:
    object.__setattr__(case, "context", FrozenMap({"reviewed": True}))
    return quiet(case)


async def deaf(case: Case) -> CriticResult:
    try:
        await anyio.sleep(0.005)
    except anyio.get_cancelled_exc_class():
        return quiet(case)
    return quiet(case)


async def slow(case: Case) -> CriticResult:
    await anyio.sleep(0.05)
    return quiet(case)


async def blocking(case: Case) -> CriticResult:
    time.sleep(0.08)  # noqa: ASYNC251 -- the fault that the kit is to find
    return quiet(case)


def burning(case: Case) -> CriticResult:
    until = time.thread_time() + 0.03
    while time.thread_time() < until:
        pass
    return quiet(case)


def unwritable(case: Case) -> CriticResult:
    result = quiet(case)
    # The value refuses such words when it is made; this is what a voice would have to do.
    object.__setattr__(result, "justification", "half of a pair: \ud83d")
    return result


async def muddled(case: Case) -> CriticResult:
    SAID.append(case.text)
    others = len(SAID)
    await anyio.sleep(0.01)
    SAID.remove(case.text)
    return quiet(case, score=min(1.0, others / 100))


def only_ascii(case: Case) -> CriticResult:
    return quiet(case, justification=case.text.encode("ascii").decode())


def reassured(case: Case) -> CriticResult:
    return quiet(case, score=0.05 if case.signals else 0.1)


def talkative(case: Case) -> DetectorResult:
    signal = DetectorSignal(
        detector="bad", category="text", span=(0, len(case.text)), note=f"It says {case.text}"
    )
    return DetectorResult(detector="bad", score=1.0, signals=(signal,))


class Bare(PluginSettings):
    """Settings without a description."""

    limit: int = 3


class RaisesOnSecondStart:
    """A factory that works once."""

    def __init__(self) -> None:
        self.starts = 0

    def __call__(
        self, settings: PluginSettings, services: Services
    ) -> AbstractAsyncContextManager[object]:
        self.starts += 1
        if self.starts > 1:
            raise RuntimeError("it started already")
        return Ready(quiet)(settings, services)


class Stingy(LetterEmbedder):
    """An embedder that leaves out empty texts."""

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        return [self.vector(text) for text in texts if text]


class Long(LetterEmbedder):
    """An embedder whose vectors are twice too long."""

    def vector(self, text: str) -> Embedding:
        unit = super().vector(text)
        numbers = [2 * number for number in components(unit)]
        return evolve(unit, data=struct.pack(f"<{unit.dim}f", *numbers))


class Batchy(LetterEmbedder):
    """An embedder for which the company of a text matters."""

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        return [self.vector(text + "z" * len(texts)) for text in texts]


class Fickle(LetterEmbedder):
    """An embedder that changes with each start."""

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        SAID.append("")
        return [self.vector(text + "z" * len(SAID)) for text in texts]


class Store:
    """A store that returns cases in the order of their coming."""

    def __init__(self) -> None:
        self.cases: list[PrecedentCase] = []

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        yield PrecedentsDeclaration(name="bad", factory=Ready(self))

    async def count(self) -> int:
        return len(self.cases)

    async def add(self, case: PrecedentCase, /) -> None:
        self.cases.append(case)

    async def nearest(self, _query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        return [PrecedentMatch(case=case, similarity=0.5) for case in self.cases][:k]


TEXTS = ("One text.", "Another text.", "")
SHOUT = Pattern(id="shout", regex="stop", example="STOP", near_miss="stop")

critic = partial(critic_plugin, "bad")
detector = partial(detector_plugin, "bad")
once = evolve(critic(quiet).declaration, factory=RaisesOnSecondStart())

FAULTS: tuple[tuple[str, str, object], ...] = (
    # the rule, the test that finds it broken, the plugin that breaks it
    ("registers", "starts_and_stops", ModuleType("empty")),
    ("registers", "starts_and_stops", critic(quiet, settings=Bare)),
    ("registers", "starts_and_stops", "nobody-has-this"),
    ("starts", "starts_and_stops", critic(slow, execution="inline")),
    ("starts", "starts_and_stops", CriticPlugin(once)),
    ("own-result", "returns_its_own_result", critic(another_name)),
    ("declared-words", "returns_its_own_result", critic(undeclared_clause, clauses=["D2"])),
    ("declared-words", "returns_its_own_result", detector(talkative)),
    ("same-answer", "gives_the_same_answer_again", critic(another_answer)),
    ("case-untouched", "leaves_the_case_untouched", critic(meddling)),
    ("independence", "ignores_other_voices", critic(another_answer)),
    ("cancellation", "lets_cancellation_through", critic(deaf)),
    ("deadline", "answers_within_its_deadline", critic(slow, deadline=0.01)),
    ("free-loop", "leaves_the_loop_free", critic(blocking)),
    ("cpu-budget", "stays_in_its_cpu_budget", critic(burning)),
    ("own-result", "result_survives_the_wire", critic(unwritable)),
    ("concurrency", "survives_overlapping_calls", critic(muddled)),
    ("patterns", "patterns_find_their_examples", critic(quiet, patterns=(SHOUT,))),
    ("signals-only-add", "a_signal_never_lowers_the_score", critic(reassured)),
    ("no-echo", "does_not_repeat_what_it_found", detector(talkative, categories={"text": "any"})),
    ("acknowledges", "keeps_what_it_acknowledges", Forgetful()),
    ("append-once", "appends_once", Repetitive()),
    ("no-overwrite", "never_overwrites", Overwriting()),
    ("no-overwrite", "keeps_one_of_two_at_once", Racing()),
    ("read-order", "reads_in_order", Backwards()),
    ("survives-restart", "survives_a_restart", SinkPlugin(MemoryLog)),
    ("replicates", "replicates", Careless()),
    ("verifies", "verifies_itself", Doubtful()),
    ("erases", "erases", Keeping()),
    ("proves", "signs_and_proves", Unproven()),
    ("vector-shape", "gives_one_vector_a_text", Stingy()),
    ("unit-length", "vectors_have_unit_length", Long()),
    ("batching", "batching_changes_nothing", Batchy()),
    ("same-answer", "gives_the_same_vector_again", Fickle()),
    ("like-reference", "topk_is_like_the_reference", WorstFirst()),
    ("one-encoder", "refuses_mixed_encoders", WorstFirst()),
    ("arithmetic", "softmax_is_like_arithmetic", Skewed()),
    ("signature", "takes_what_the_protocol_says", Renamed()),
    ("many-callers", "answers_many_at_once_and_survives_the_impatient", Crossed()),
    ("keeps-account", "keeps_account", Uncounted()),
    ("nearest", "finds_the_nearest", Store()),
    ("keeps-versions", "keeps_every_version", Editing()),
    ("admits", "admits_by_the_rules", Lax()),
    ("imports-whole", "imports_all_or_nothing", Hasty()),
    ("searches-within", "searches_within_what_is_wanted", Crowded()),
)
GIVEN: dict[str, Callable[[Path], dict[str, object]]] = {
    "ignores_other_voices": lambda folder: {"harness": Harness(folder)},
    "searches_within_what_is_wanted": lambda _: {"by": "vectors"},
}
CONTRACTS: dict[str, type] = {
    "detectors": DetectorContract,
    "evidence": EvidenceSinkContract,
    "embedders": EmbedderContract,
    "backends": BackendContract,
    "precedents": PrecedentStoreContract,
}


@pytest.fixture
def unshrunk() -> Iterator[None]:
    """That a contract breaks is all that counts here, and not the smallest example of it."""
    before = settings.get_current_profile_name()
    settings.load_profile("mutants")
    yield
    settings.load_profile(before)


@pytest.mark.anyio
@pytest.mark.usefixtures("unshrunk")
@pytest.mark.parametrize(("rule", "test", "plugin"), FAULTS)
async def test_a_broken_rule_is_named(rule: str, test: str, plugin: object, tmp_path: Path) -> None:
    SAID.clear()
    contract = contract_for(plugin)
    with pytest.raises(pytest.fail.Exception) as failure:
        contract.take(tmp_path)
        outcome = getattr(contract, f"test_{test}")(**GIVEN.get(test, lambda _: {})(tmp_path))
        if outcome is not None:
            await outcome
    assert f"breaks the rule '{rule}': {RULES[rule]}" in str(failure.value)
    assert f"docs/plugins/testing.md#{rule}" in str(failure.value)


@pytest.mark.anyio
async def test_a_voice_that_cannot_take_every_text_shows_its_own_error(tmp_path: Path) -> None:
    contract = contract_for(critic(only_ascii))
    contract.take(tmp_path)
    with pytest.raises(UnicodeEncodeError):
        await contract.test_answers_any_text()


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    elsewhere = {"one-name", "light-import", "any-text", *OF_SECRETS}
    assert {rule for rule, *_ in FAULTS} | elsewhere == set(RULES)


def contract_for(plugin: object, **fields: object) -> CriticContract:
    """Return a contract for `plugin`, as an author's class makes one."""
    kinds = [kind for kind in CONTRACTS if hasattr(plugin, f"eleanor_register_{kind}")]
    base = CONTRACTS[kinds[0]] if kinds else CriticContract
    body = {"plugin": plugin, "texts": TEXTS, **fields}
    return cast("CriticContract", type("Bad", (base,), body)())
