"""Whatever a case says, its line says it again; and whatever a history is, it can be moved."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import structlog
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_embedders_hashing.embedder import HashingEmbedder
from eleanor_precedents_sqlite.plugin import SqliteSettings, open_store
from hypothesis import given, settings
from hypothesis import strategies as st

from eleanor_core.api import (
    CLAUSES,
    PrecedentArchive,
    PrecedentCase,
    Services,
    precedent_line,
    precedent_of,
)

texts = st.text(max_size=20)
words = st.text(min_size=1, max_size=20)
names = words.filter(lambda name: not name.startswith("example-"))
said = words.filter(str.strip)
moments = st.one_of(
    st.just(""),
    st.dates().map(str),
    st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}Z".rjust(20, "0")),
)


@st.composite
def cases(draw: st.DrawFn, name: st.SearchStrategy[str] = names) -> PrecedentCase:
    in_force = draw(st.booleans())
    return PrecedentCase(
        id=draw(name),
        text=draw(words),
        outcome=draw(st.sampled_from(("allow", "constrain", "review", "deny"))),
        reason=draw(said),
        clauses=tuple(draw(st.lists(st.sampled_from(sorted(CLAUSES)), max_size=3))),
        domain=draw(words),
        authority=draw(st.sampled_from(("adjudicated", "machine"))),
        version=draw(st.integers(1, 2**31 - 1)),
        decided_by=draw(said),
        decided_at=draw(moments),
        jurisdiction=draw(texts),
        in_force=in_force,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[PrecedentCase]:
    """Return versions that may follow one another: by rising number, of one authority."""
    made = draw(st.lists(cases(st.sampled_from(["a", "b", "Ä\0b", "\U0001f600"])), max_size=8))
    unique = {(case.id, case.version): case for case in made}
    first: dict[str, str] = {}
    return [
        case
        for _, case in sorted(unique.items())
        if first.setdefault(case.id, case.authority) == case.authority
    ]


@given(case=cases())
def test_a_line_gives_its_case(case: PrecedentCase) -> None:
    line = precedent_line(case)
    assert precedent_of(line) == case
    assert precedent_line(precedent_of(line)) == line
    assert "\n" not in line
    assert "\r" not in line


@settings(deadline=None)
@given(history=histories())
def test_an_import_is_exported_line_for_line(history: list[PrecedentCase]) -> None:
    lines = [precedent_line(case) for case in history]

    async def moved(folder: Path) -> None:
        services = Services(
            data_dir=folder,
            log=structlog.get_logger(),
            backend=NumpyBackend(),
            embedder=HashingEmbedder(),
        )
        async with open_store(SqliteSettings(), services) as store:
            assert isinstance(store, PrecedentArchive)
            report = await store.import_lines(lines)
            assert (report.added, report.known) == (len(lines), 0)
            assert [line async for line in store.export_lines()] == lines
            report = await store.import_lines(lines)
            assert (report.added, report.known) == (0, len(lines))
            newest = {case.id: case for case in history}
            assert [case async for case in store.newest()] == list(newest.values())
            assert await store.count() == sum(case.in_force for case in newest.values())

    with TemporaryDirectory() as folder:
        anyio.run(moved, Path(folder))
