"""An archive of decided cases in memory, and archives that each break one rule."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from attrs import evolve

from eleanor_core.api import (
    DriftReport,
    EleanorError,
    Embedding,
    PrecedentCase,
    PrecedentDrift,
    PrecedentImport,
    PrecedentMatch,
    PrecedentQuery,
    PrecedentsDeclaration,
    fused,
    hookimpl,
    precedent_line,
    precedent_objection,
    precedents_of,
)
from eleanor_core.testing import LetterEmbedder
from eleanor_core.testing.arithmetic import cosine
from eleanor_core.testing.makers import Ready


class Archive:
    """Keeps every rule."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, int], PrecedentCase] = {}

    @hookimpl
    def eleanor_register_precedents(self) -> Iterable[PrecedentsDeclaration]:
        yield PrecedentsDeclaration(name="archive", factory=Ready(self))

    @property
    def heads(self) -> dict[str, PrecedentCase]:
        return {case.id: case for _, case in sorted(self.held.items())}

    async def count(self) -> int:
        return sum(case.in_force for case in self.heads.values())

    async def add(self, case: PrecedentCase, /) -> None:
        held = self.held.get((case.id, case.version))
        why = "it is there already" if held else precedent_objection(case, self.heads.get(case.id))
        if case.overruled_by and case.overruled_by not in self.heads:
            why = "its successor is not there"
        if held != case:
            if why:
                raise EleanorError(why)
            self.held[case.id, case.version] = case

    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]:
        matches = [self.match(case, query) for case in self.heads.values() if case.in_force]
        return sorted(matches, key=lambda match: (-match.similarity, match.case.id))[:k]

    def match(self, case: PrecedentCase, query: Embedding) -> PrecedentMatch:
        similarity = cosine(LetterEmbedder().vector(case.text), query)
        return PrecedentMatch(case=case, similarity=max(0.0, min(1.0, similarity)))

    async def search(
        self, wanted: PrecedentQuery, query: Embedding, k: int, /
    ) -> Sequence[PrecedentMatch]:
        found = [match for match in await self.nearest(query, 999) if self.fits(match.case, wanted)]
        matches = {match.case.id: match for match in found}
        words = {*wanted.text.split()}
        worded = sorted(name for name in matches if words & {*matches[name].case.text.split()})
        rankings = {"vectors": [[*matches]], "words": [worded], "both": [[*matches], worded]}
        return [matches[name] for name in fused(rankings[wanted.by])][:k]

    def fits(self, case: PrecedentCase, wanted: PrecedentQuery) -> bool:
        return (
            (wanted.clause is None or wanted.clause in case.clauses)
            and wanted.domain in (None, case.domain)
            and wanted.outcome in (None, case.outcome)
        )

    async def newest(self) -> AsyncIterator[PrecedentCase]:
        for case in self.heads.values():
            yield case

    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]:
        return [case for (name, _), case in sorted(self.held.items()) if name == case_id]

    async def retire(
        self, case_id: str, /, *, decided_by: str, reason: str, overruled_by: str = ""
    ) -> PrecedentCase:
        held = self.heads[case_id]
        retired = evolve(
            held,
            version=held.version + 1,
            decided_by=decided_by,
            reason=reason,
            in_force=False,
            overruled_by=overruled_by,
        )
        await self.add(retired)
        return retired

    async def import_lines(self, lines: Iterable[str], /) -> PrecedentImport:
        before, read = dict(self.held), 0
        try:
            for number, case in precedents_of(lines):
                read, place = read + 1, number
                await self.add(case)
        except (EleanorError, ValueError) as error:
            self.held = before
            raise EleanorError(f"line {place}: {error}") from error
        added = len(self.held) - len(before)
        return PrecedentImport(added=added, known=read - added)

    async def export_lines(self) -> AsyncIterator[str]:
        for _, case in sorted(self.held.items()):
            yield precedent_line(case)

    async def drift(self) -> PrecedentDrift:
        return DriftReport(self.heads.values()).made()


class Editing(Archive):
    """Forgets what a case was before."""

    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]:
        return (await super().versions(case_id))[-1:]


class Lax(Archive):
    """Lets the machine overrule people."""

    async def add(self, case: PrecedentCase, /) -> None:
        self.held[case.id, case.version] = case


class Hasty(Archive):
    """Keeps the lines before the one that it refuses."""

    async def import_lines(self, lines: Iterable[str], /) -> PrecedentImport:
        count = 0
        for _, case in precedents_of(lines):
            await self.add(case)
            count += 1
        return PrecedentImport(added=count, known=0)


class Crowded(Archive):
    """Looks at the nearest alone, and then for what was wanted."""

    def fits(self, case: PrecedentCase, wanted: PrecedentQuery) -> bool:
        return True
