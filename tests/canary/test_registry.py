"""Whoever adds a way in or out adds its row: a test fails until there is one."""

from __future__ import annotations

import re
from typing import get_args

import typer
from eleanor_cli.app import app
from support.tree import ROOT, files, plugin_dists

from canary import registry
from canary.birds import KNOWN, SCANNED, Canary, found
from eleanor_core.model import Event

WRITES = re.compile(
    r"sys\.std(?:out|err)|\bprint\(|write_text|write_bytes|open\([^)]*[\"'][wax]|typer\.echo"
    r"|Console\(|os\.write|O_WRONLY|O_RDWR|sqlite3\.connect"
)
SOURCES = ("eleanor_core/", "apps/", "plugins/")


def test_the_registry_is_as_large_as_it_says() -> None:
    assert len(registry.ORIGINS) + len(registry.PLACES) >= 60
    assert len(registry.FAILURES) >= 40
    assert len(KNOWN) >= 10
    assert set(registry.SHORT) <= set(registry.FAILURES)


def test_every_class_of_events_has_a_row() -> None:
    assert {event.__name__ for event in get_args(Event)} == registry.EVENTS


def test_every_sink_of_evidence_has_a_row() -> None:
    refs = {ref for dist in plugin_dists() for ref in dist.refs}
    assert {ref for ref in refs if ref.startswith("evidence/")} == registry.EVIDENCE


def test_every_verb_has_a_row() -> None:
    assert set(_verbs("", typer.main.get_command(app))) == set(registry.VERBS)


def _verbs(above: str, command) -> list[str]:
    below = getattr(command, "commands", {})
    named = [_verbs(f"{above} {name}".strip(), verb) for name, verb in below.items()]
    return [name for names in named for name in names] if below else [above]


def test_every_module_that_writes_has_a_row() -> None:
    writing = {
        path.relative_to(ROOT).as_posix()
        for path in files(".py")
        if path.relative_to(ROOT).as_posix().startswith(SOURCES)
        and "/tests/" not in path.as_posix()
        and WRITES.search(path.read_text("utf-8"))
    }
    assert writing == set(registry.WRITERS), "say there what keeps secrets out of what they write"


def test_every_page_has_a_row() -> None:
    makers = re.compile(r"def (_repr_\w+_|page)\(")
    pages = {
        name
        for path in files(".py")
        if path.relative_to(ROOT).as_posix().startswith(SOURCES) and "/tests/" not in str(path)
        for name in makers.findall(path.read_text("utf-8"))
    }
    assert pages == registry.PAGES


def test_the_finder_finds_every_writing_and_nothing_else() -> None:
    canary = Canary(7)
    for name, write in KNOWN.items():
        assert found(f"before {write(canary.known)} after".encode()), name
    for name, write in SCANNED.items():
        assert found(write(canary.shaped).encode()), name
    assert found(canary.known[:12].encode())
    assert found(canary.known[-12:].encode())
    assert not found(b"nothing of the kind, in 4,711 words of any sort: &+\"'<")
