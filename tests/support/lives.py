"""A house that judges and executes, driven step by step, with what must be true of it beside it.

The engine, the gate and the log are real. The model here says what may happen; it knows of the log
only what a test can see.
"""

from __future__ import annotations

import atexit
import json
import shutil
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar, cast

from anyio.from_thread import BlockingPortal, start_blocking_portal
from attrs import define, field

from eleanor_core import EleanorEngine, PrivateKey
from eleanor_core.api import CLAUSES, Case, CriticResult, EscalationSignal
from eleanor_core.model import (
    Action,
    Assessment,
    Choice,
    ExecutableDecision,
    Execution,
    JsonObject,
    StoredRecord,
)
from eleanor_core.testing import Harness, MemoryLog, critic_plugin
from support.acts import new_key

T = TypeVar("T")
Sort = Literal["open", "mild", "two", "three", "both", "banned"]
SORTS: dict[Sort, tuple[str, ...]] = {
    "open": (),
    "mild": (),
    "two": ("D1",),
    "three": ("D2",),
    "both": ("D1", "D2"),
    "banned": ("D1", "K1"),
}
"""First word of a text -> the clauses that the critic escalates."""

PEOPLE = ("alice", "bob", "carol")
# What a life does is under test, and not the disk: in memory, where the system has such a folder,
# a sync costs nothing.
_MEMORY = Path("/dev/shm")


@cache
def _portal() -> BlockingPortal:
    """Return the event loop in which all engines live, one life after the other."""
    portal = start_blocking_portal(name="lives")
    atexit.register(portal.__exit__, None, None, None)
    return portal.__enter__()


@cache
def _key(_person: str) -> PrivateKey:
    return new_key()


def weigh(case: Case, /) -> CriticResult:
    """Judge a text by its first word."""
    sort = cast("Sort", case.text.split()[0])
    return CriticResult(
        critic="weigher",
        score={"open": 0.02, "mild": 0.55}.get(sort, 0.7),
        confidence=0.9,
        justification=f"{sort}, says the weigher",
        escalations=tuple(
            EscalationSignal(clause=code, tier=CLAUSES[code].tier, rationale=code)
            for code in SORTS[sort]
        ),
    )


@define
class Judged:
    """A judgement, and what the model knows of it."""

    text: str
    sort: Sort
    assessment: Assessment
    opened_by: list[tuple[str, str]] = field(factory=list)
    """Who chose what, of those that open."""
    halted: bool = False
    used: bool = False
    deeds: int = 0

    def is_open(self, people: int) -> bool:
        """Whether an action may run."""
        if self.halted or self.sort == "banned":
            return False
        if self.sort in ("open", "mild"):
            return True
        needed = 1 if self.sort == "two" else people
        return len({person for person, _ in self.opened_by}) >= needed

    @property
    def conditions(self) -> int:
        """How many conditions reviewers have set."""
        return sum(1 for _, choice in self.opened_by if choice == "modify")

    def opens(self, choice: Choice) -> bool:
        """Whether a choice fits the tier."""
        if self.sort == "two":
            return choice == "acknowledge"
        return self.sort in ("three", "both") and choice in ("proceed", "modify")


@define
class Held:
    """A permission, and what the model knows of it."""

    of: Judged
    decision: ExecutableDecision
    conditions: int


class House:
    """One installation: a home, a log, reviewers, and an engine that can be stopped and started."""

    def __init__(self, *, in_memory: bool, people: int) -> None:
        self._portal = _portal()
        self._folder = TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
        self.home = Path(self._folder.name) / "home"
        self._copy = Path(self._folder.name) / "copy"
        self.log = MemoryLog() if in_memory else None
        self.people = people
        self.keys: dict[str, PrivateKey] = {person: _key(person) for person in PEOPLE}
        self._lives: list[AbstractContextManager[EleanorEngine]] = []
        self._engines: list[EleanorEngine] = []
        self.asked = 0
        """How often something was asked for since the engine started."""
        self.start()
        for person in PEOPLE:
            self.register(person)
        self.asked = 0

    @property
    def engine(self) -> EleanorEngine:
        """The engine that works now."""
        return self._engines[-1]

    def start(self) -> None:
        """Start an engine on the home and its log, beside one that may be running."""
        log: object = self.log or "evidence/local"
        critic = critic_plugin("weigher", weigh, clauses=CLAUSES)
        settings: JsonObject = {
            "policy": {"prohibited_clauses": ["K1"]},
            "gate": {"people": self.people},
        }
        life = self._portal.wrap_async_context_manager(
            Harness(self.home)(plugins=[critic, log], settings=settings)
        )
        self._engines.append(life.__enter__())
        self._lives.append(life)
        self.asked = 0

    def change_places(self) -> None:
        """Let another engine on the same log work."""
        if len(self._engines) == 1:
            self.start()
        else:
            self._engines.reverse()

    def stop(self) -> None:
        """Stop in order."""
        self._engines.clear()
        while self._lives:
            self._lives.pop().__exit__(None, None, None)

    def close(self) -> None:
        """Stop the engine and remove everything."""
        self.stop()
        self._folder.cleanup()

    def do(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await something in the engine's loop."""
        self.asked += 1
        return self._portal.call(call)

    def register(self, person: str) -> None:
        """Register a person's key."""
        key = self.keys[person].public
        self.do(lambda: self.engine.reviews.register(key, person=person, by="root"))

    # -- crash ------------------------------------------------------------------------------------

    def photograph(self) -> list[StoredRecord]:
        """Keep what the disk holds at this moment, as a process that is killed leaves it."""
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self.home, self._copy)
        return list(self.log.records) if self.log else []

    def crash_back(self, records: list[StoredRecord]) -> None:
        """Put the disk back to the photograph and start again, as after a kill at that moment."""
        self.stop()
        shutil.rmtree(self.home)
        shutil.copytree(self._copy, self.home)
        if self.log:
            self.log.records[:] = records
        self.start()

    def records(self, kind: str) -> list[dict[str, object]]:
        """Return all records of a kind."""

        async def read() -> list[dict[str, object]]:
            leaves = [json.loads(stored.leaf) async for stored in self.engine.evidence.read()]
            return [leaf for leaf in leaves if leaf["kind"] == kind]

        return self.do(read)


def action_on(
    text: str, run: Callable[[Execution], Awaitable[str]], name: str = "deed"
) -> Action[str]:
    """Return an action on a text."""
    return Action(name=name, run=run, text=text)
