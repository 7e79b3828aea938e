"""A hostile critic in a worker reaches nothing, and costs its own answer only."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.confined import (
    REF,
    SECRET,
    Judge,
    calm,
    hostile_engine,
    hostile_settings,
    put_hostile,
)

from eleanor_core.errors import SettingsError
from eleanor_core.isolation import landlock, seccomp
from eleanor_core.isolation.confine import LIMITS
from eleanor_core.isolation.probe import probe
from eleanor_core.model import Abstention, Assessment, CriticResult, JsonObject
from eleanor_core.registry import load
from eleanor_core.settings import Settings
from eleanor_core.testing import Harness, critic_plugin


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The hostile plugins, as pip installs them. On `sys.path`, and never imported here."""
    folder = tmp_path_factory.mktemp("hostile")
    target = put_hostile(folder)
    sys.path.insert(0, str(target))
    yield folder
    sys.path.remove(str(target))
    assert not any(name.startswith("eleanor_hostile") for name in sys.modules)


@pytest.fixture(scope="module")
def given() -> Mapping[str, str]:
    """Each limit -> why this machine does not give it, or nothing."""
    return probe()


@pytest.fixture(scope="module")
def confined(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """An engine with the hostile critic, asked by text."""
    with hostile_engine(tmp_path_factory.mktemp("home")) as (engine, judge):
        assert not engine.broken
        # What the plugin declared comes from the process that imported it.
        loaded = engine.registry.loaded["critics"]["hostile"]
        assert loaded.declaration.summary.startswith("imported by ")
        assert loaded.declaration.summary != f"imported by {os.getpid()}"
        yield judge


def _words(result: Assessment) -> str:
    outcome = result.critics["hostile"]
    assert isinstance(outcome, CriticResult), outcome
    return outcome.justification


DENIED = "PermissionError"
DEEDS: dict[str, tuple[str, str]] = {
    "socket AF_INET": ("network", DENIED),
    "socket AF_INET6": ("network", DENIED),
    "socket AF_UNIX": ("network", DENIED),
    "socket AF_NETLINK": ("network", DENIED),
    "connect {port}": ("network", DENIED),
    "read {secret}": ("files", DENIED),
    "read /etc/passwd": ("files", DENIED),
    "list {folder}": ("files", DENIED),
    "write {folder}/new": ("files", DENIED),
    "write {secret}": ("files", DENIED),
    "write {site}/eleanor_hostile.py": ("files", DENIED),
    "delete {secret}": ("files", DENIED),
    "chmod {secret}": ("other processes", DENIED),
    "fork": ("processes", DENIED),
    "run": ("processes", DENIED),
    "kill {pid}": ("other processes", DENIED),
    "environment-of {pid}": ("files", DENIED),
    "memory-of {pid}": ("files", DENIED),
    "allocate 1000": ("memory", "MemoryError"),
    "map 1000": ("memory", "OSError"),
    "files 100": ("open files", "OSError"),
    "lift": ("open files", "ValueError|PermissionError"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_what_it_reaches_for_it_does_not_get(
    confined: Judge, given: Mapping[str, str], site: Path, deed: str
) -> None:
    limit, denied = DEEDS[deed]
    if given[limit]:
        pytest.skip(f"this system does not limit {limit}: {given[limit]}")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim,
    ):
        try:
            facts = {
                "port": server.getsockname()[1],
                "pid": victim.pid,
                "secret": site / "secret",
                "folder": site,
                "site": site / "site",
            }
            said = _words(confined(deed.format(**facts)))
            assert victim.poll() is None
        finally:
            victim.communicate(b"\n")
        server.settimeout(0.01)
        with pytest.raises(TimeoutError):
            server.accept()
    assert said.partition(":")[0] in denied.split("|"), said
    assert (site / "secret").read_text("utf-8") == SECRET


@pytest.mark.long
def test_it_gets_no_environment(confined: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    names = _words(confined("environment")).removeprefix("did: ")
    assert set(eval(names)) <= {"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ"}


@pytest.mark.long
def test_each_call_of_the_list_is_refused(confined: Judge, given: Mapping[str, str]) -> None:
    if given["processes"]:
        pytest.skip(f"this system does not limit processes: {given['processes']}")
    assert _words(confined("calls")) == "did: []"


@pytest.mark.long
def test_it_inherits_no_open_file(site: Path, tmp_path: Path) -> None:
    with (site / "secret").open() as held:
        os.set_inheritable(held.fileno(), True)
        inode = os.fstat(held.fileno()).st_ino
        with hostile_engine(tmp_path) as (_, judge):
            assert _words(judge(f"descriptors {inode}")) == "did: []"


@pytest.mark.long
def test_what_it_prints_goes_nowhere(confined: Judge, capfd: pytest.CaptureFixture[str]) -> None:
    assert _words(confined("print")) == "did: printed"
    out, err = capfd.readouterr()
    assert "xxx" not in out + err
    assert "yyy" not in out + err


FAULTS = {
    "exit": "raised",
    "garbage": "malformed",
}
LONG_FAULTS = {
    "hang": "deadline",
    "crash": "raised",
    "abort": "raised",
    "spin": "deadline",
    "flood": "malformed",
    "long": "malformed",
    "twice": "malformed",
    "untagged": "malformed",
    "nested": "malformed",
    "bulk": "malformed",
    "pickle": "malformed",
}
LIGHT_FAULTS = {"leave": "raised", "deep": "raised", "not-a-result": "malformed"}
"""They cost the answer, and not even the worker."""


def _costs_its_own_answer(judge: Judge, deed: str, reason: str) -> None:
    result = judge(deed)
    outcome = result.critics["hostile"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == reason
    assert isinstance(result.critics["calm"], CriticResult)
    assert result.decision == "review"
    assert not result.gate.open
    assert _words(judge("speak again")).endswith(" again")


@pytest.mark.long
@pytest.mark.parametrize("deed", LIGHT_FAULTS)
def test_a_fault_costs_its_own_answer(confined: Judge, deed: str) -> None:
    before = _words(confined("speak now"))
    _costs_its_own_answer(confined, deed, LIGHT_FAULTS[deed])
    assert _words(confined("speak now")) == before


@pytest.mark.long
@pytest.mark.parametrize("deed", FAULTS)
def test_what_ends_a_worker_costs_one_answer(confined: Judge, deed: str) -> None:
    before = _words(confined("speak now"))
    _costs_its_own_answer(confined, deed, FAULTS[deed])
    assert _words(confined("speak now")) != before


@pytest.mark.long
def test_another_worker_answers_while_one_is_replaced(site: Path, tmp_path: Path) -> None:
    entry = hostile_settings()["critics"]["hostile"]["confinement"]  # type: ignore[index,call-overload] # made above
    with hostile_engine(tmp_path, confinement={**entry, "workers": 2}) as (_, judge):
        first, second = _words(judge("speak now")), _words(judge("speak now"))
        while first == second:
            # The second one is still starting.
            second = _words(judge("speak now"))
        judge("exit")
        # Not the replacement, which is another process.
        assert _words(judge("speak now")) in (first, second)


@pytest.mark.long
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_nothing_that_it_does_in_a_row_stops_thehostile_engine(
    site: Path, tmp_path: Path, backend: str
) -> None:
    with hostile_engine(tmp_path, backend, deadline=8.0) as (engine, judge):
        for deed, reason in (FAULTS | LONG_FAULTS | LIGHT_FAULTS).items():
            _costs_its_own_answer(judge, deed, reason)
        assert not engine.broken


@pytest.mark.long
def test_a_worker_that_dies_between_two_cases_costs_none(site: Path, tmp_path: Path) -> None:
    with hostile_engine(tmp_path) as (_, judge):
        worker = int(_words(judge("speak now")).split()[1])
        assert _words(judge("later")) == "did: for now"
        # Waits for the end of this child, and leaves it to be found by who started it.
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
        assert _words(judge("speak again")).endswith(" again")


@pytest.mark.long
def test_a_worker_is_replaced_before_its_cpu_time_is_spent(site: Path, tmp_path: Path) -> None:
    entry = hostile_settings()["critics"]["hostile"]["confinement"]  # type: ignore[index,call-overload] # made above
    with hostile_engine(tmp_path, confinement={**entry, "cpu_seconds": 3}) as (_, judge):
        first = _words(judge("speak now"))
        # Threads that burn on after the answer.
        assert _words(judge("threads 2")) == "did: 2"
        until = time.monotonic() + 60
        while _words(judge("speak now")) == first:
            assert time.monotonic() < until
            time.sleep(0.2)


@pytest.mark.long
def test_one_that_dies_every_time_is_replaced_ever_more_slowly(site: Path, tmp_path: Path) -> None:
    with hostile_engine(tmp_path, deadline=5.0) as (_, judge):
        outcomes = [judge("exit").critics["hostile"] for _ in range(12)]
    details = [outcome.detail for outcome in outcomes if isinstance(outcome, Abstention)]
    assert len(details) == 12
    assert any("were lost in a row" in detail for detail in details)


# -- at start ---------------------------------------------------------------------------------


def _load(name: str, home: Path, **entry: object) -> tuple[str, str]:
    """Load one isolated critic, and return the stage and the error at which it broke."""
    confinement = {"memory_mb": 512, "best_effort": True}
    critics = {name: {"isolation": "process", "confinement": confinement, **entry}}
    settings = {"home": home, "plugins": {"exact": [f"critics/{name}"]}, "critics": critics}
    (broken,) = load(Settings.model_validate(settings)).broken
    return broken.stage, broken.error


@pytest.mark.long
def test_what_it_does_on_import_it_does_in_the_worker(
    site: Path, tmp_path: Path, given: Mapping[str, str]
) -> None:
    assert _load("exits", tmp_path) == ("import", "its process ended while it was imported")
    if given["files"]:
        pytest.skip(f"this system does not limit files: {given['files']}")
    stage, error = _load("reads", tmp_path)
    assert stage == "import"
    assert error.startswith("PermissionError")


@pytest.mark.long
@pytest.mark.parametrize("name", ["hangs", "floods"])
def test_an_import_that_never_ends_does(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("eleanor_core.registry.isolated.START_SECONDS", 5.0)
    said = {
        "hangs": "it did not declare itself within 5 s",
        "floods": "its worker wrote what is no answer to what it was asked",
    }
    assert _load(name, tmp_path) == ("import", said[name])


@pytest.mark.long
def test_it_may_not_mask_what_others_say(site: Path, tmp_path: Path) -> None:
    stage, error = _load("greedy", tmp_path)
    assert stage == "register"
    assert "redact" in error


@pytest.mark.long
def test_its_settings_are_its_own_to_refuse(site: Path, tmp_path: Path) -> None:
    with hostile_engine(tmp_path, settings={"number": "a word"}) as (engine, judge):
        (broken,) = engine.broken
        assert (broken.stage, broken.dist) == ("settings", "eleanor-hostile")
        assert broken.error.startswith("number: ")
        assert judge("Take out the trash.").decision == "review"


@pytest.mark.long
def test_a_setting_that_it_does_not_have_refuses_the_start(site: Path) -> None:
    with pytest.raises(SettingsError, match="numbre: is unknown; .* did you mean 'number'"):
        load(
            Settings.model_validate(
                {"plugins": {"exact": [REF]}, **hostile_settings(settings={"numbre": 1})}
            )
        )


@pytest.mark.long
@pytest.mark.anyio
async def test_an_object_of_the_embedding_program_cannot_be_isolated(tmp_path: Path) -> None:
    settings: JsonObject = {"critics": {"calm": {"isolation": "process"}}}
    plugin = critic_plugin("calm", calm, execution="inline")
    async with Harness(tmp_path)(plugins=[plugin], settings=settings) as engine:
        (broken,) = engine.broken
        assert "in this process already" in broken.error
        result = await engine.run(text="Take out the trash.")
    assert result.decision == "review"


# -- what the system does not give ------------------------------------------------------------

THREADED = """
import threading, time
from pathlib import Path
from eleanor_core.registry.child import give_up_rights
from eleanor_core.registry.faults import Defect
from eleanor_core.settings.isolation import Confinement
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
give_up_rights(Confinement(best_effort=True), Path("/"))
try:
    give_up_rights(Confinement(), Path("/"))
except Defect as defect:
    print(defect.error, defect.hint)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this system does not limit files: no Landlock")
def test_a_limit_that_is_not_given_refuses_unless_the_operator_says_otherwise() -> None:
    # A filter binds the thread that calls for it: with a second one it would hold nobody.
    ran = subprocess.run(
        [sys.executable, "-c", THREADED], capture_output=True, text=True, check=True
    )
    assert "this system does not limit files (2 threads were running already" in ran.stdout
    assert "best_effort" in ran.stdout


def test_what_this_kernel_has_is_used(given: Mapping[str, str]) -> None:
    assert tuple(given) == LIMITS
    if sys.platform != "linux":
        return
    # Else a limit that is broken here would be one that the system does not give: a skip.
    has_filter = "Seccomp:" in Path("/proc/self/status").read_text("utf-8")
    known = platform.machine() in seccomp.MACHINES
    expected = {
        limit
        for limit in LIMITS
        if (limit != "files" or landlock.version() >= landlock.LEAST)
        and (limit not in ("network", "processes", "other processes") or (has_filter and known))
    }
    assert {limit for limit, why in given.items() if not why} == expected
