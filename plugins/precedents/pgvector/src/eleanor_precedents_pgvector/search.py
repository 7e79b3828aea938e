"""Finding cases, by their vectors and by their words. All of this runs in a worker thread.

Without an index every case in force is compared. With `hnsw` pgvector's graph is searched, one for
each encoder, and goes on where a filter leaves too few.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from psycopg import sql
from psycopg.rows import TupleRow

from eleanor_core.api import Embedding, PrecedentMatch, PrecedentQuery, fused, precedent_of
from eleanor_precedents_pgvector import PgvectorSettings
from eleanor_precedents_pgvector.server import Connection, one_state

DEPTH: Final = 100
"""Places of each ranking that count."""
_SOUGHT: Final = 64
"""Different words of a query that are sought: its first ones."""
_MOST_EF: Final = 1000

_NEWS: Final = "SELECT coalesce(max(row), 0) FROM versions"
_COUNT: Final = "SELECT count(*) FROM heads WHERE in_force"
_LACKING: Final = """SELECT count(*) FROM heads WHERE in_force AND NOT EXISTS (
    SELECT FROM vectors WHERE vectors.row = heads.row AND encoder = %s)"""
_MISSING: Final = """SELECT row, content FROM heads JOIN versions USING (row)
    WHERE in_force AND NOT EXISTS (
        SELECT FROM vectors WHERE vectors.row = heads.row AND encoder = %s)
    ORDER BY row LIMIT %s"""
_NEAR: Final = sql.SQL("""SELECT id, row FROM (
    SELECT heads.id, heads.row,
        vectors.data::vector({dim}) <=> %(query)s::vector({dim}) AS distance
    FROM vectors JOIN heads USING (row) JOIN versions USING (row)
    WHERE vectors.encoder = {encoder} AND heads.in_force {wanted} {candidates}) AS near
    ORDER BY distance, id LIMIT {depth}""")
_WORDED: Final = sql.SQL("""WITH sought AS (
    SELECT string_agg('''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''', ' | ')
        ::tsquery AS query
    FROM (SELECT lexeme FROM unnest(to_tsvector('english', %(text)s))
        ORDER BY positions[1] LIMIT %(sought)s) AS words)
    SELECT heads.id, heads.row FROM sought, heads JOIN versions USING (row)
    WHERE heads.in_force AND words @@ sought.query {wanted}
    ORDER BY ts_rank(words, sought.query, 1) DESC, heads.id LIMIT %(depth)s""")
_FOUND: Final = sql.SQL("""SELECT versions.row, content,
    vectors.data::vector({dim}) <=> %(query)s::vector({dim})
    FROM versions JOIN vectors USING (row)
    WHERE encoder = {encoder} AND versions.row = ANY(%(rows)s)""")
_INDEX: Final = sql.SQL("""CREATE INDEX IF NOT EXISTS {name} ON vectors
    USING hnsw ((data::vector({dim})) vector_cosine_ops) WHERE encoder = {encoder}""")


class Head(NamedTuple):
    """The newest version of a case, by the row in which it stands."""

    id: str
    row: int


class State(NamedTuple):
    """What is there: the last row, cases in force, and how many of them have no vector yet."""

    last: int = -1
    cases: int = 0
    lacking: int = 0


class Search:
    """Finds cases by the vectors of one encoder, whoever wrote them."""

    def __init__(self, settings: PgvectorSettings, encoder: int, dim: int) -> None:
        self.encoder = encoder
        self._settings = settings
        self._dim = dim
        self._state = State()

    def make_index(self, connection: Connection) -> None:
        """Make the graph of this encoder where one is wanted and missing. That may take long."""
        if self._settings.index == "hnsw":
            name = sql.Identifier(f"vectors_hnsw_{self.encoder}")
            with connection.transaction():
                connection.execute("SET LOCAL statement_timeout = 0")
                connection.execute(self._for_encoder(_INDEX, name=name))

    def look(self, connection: Connection) -> State:
        """Return what is there now; counted again only if anybody has changed it."""
        with one_state(connection):
            return self._look(connection)

    def nearest(
        self, connection: Connection, query: Embedding, k: int
    ) -> list[PrecedentMatch] | None:
        """Return the at most `k` nearest cases in force; None while some cannot be searched."""
        with one_state(connection):
            if self._look(connection).lacking:
                return None
            sought = vector_text(query)
            return self._matches(connection, self._near(connection, sought, k), sought)

    def search(
        self, connection: Connection, wanted: PrecedentQuery, query: Embedding, k: int
    ) -> list[PrecedentMatch] | None:
        """Return the at most `k` best cases among those wanted; None as `nearest` does."""
        depth = max(k, DEPTH)
        with one_state(connection):
            if self._look(connection).lacking:
                return None
            sought = vector_text(query)
            if wanted.by == "vectors":
                return self._matches(connection, self._near(connection, sought, k, wanted), sought)
            rankings = [self._worded(connection, wanted, depth)]
            if wanted.by == "both":
                rankings.append(self._near(connection, sought, depth, wanted))
            best = fused(rankings)[:k]
            found = {match.case.id: match for match in self._matches(connection, best, sought)}
            return [found[head.id] for head in best]

    def neighbours(self, connection: Connection, name: str, k: int) -> list[tuple[str, float]]:
        """Return the ids of the cases nearest to one, itself most likely among them."""
        vector = """SELECT data::text FROM vectors JOIN heads USING (row)
            WHERE encoder = %s AND heads.id = %s"""
        with one_state(connection):
            found = connection.execute(vector, (self.encoder, name)).fetchone()
            if found is None:
                return []
            near = self._near(connection, found[0], k)
            matches = self._matches(connection, near, found[0])
            return [(match.case.id, match.similarity) for match in matches]

    def missing(self, connection: Connection, most: int) -> list[TupleRow]:
        """Return row and line of the first cases in force without a vector of this encoder."""
        return connection.execute(_MISSING, (self.encoder, most)).fetchall()

    # -- how --------------------------------------------------------------------------------------

    def _look(self, connection: Connection) -> State:
        (last,) = connection.execute(_NEWS).fetchone() or (0,)
        if last != self._state.last or self._state.lacking:
            (cases,) = connection.execute(_COUNT).fetchone() or (0,)
            (lacking,) = connection.execute(_LACKING, (self.encoder,)).fetchone() or (0,)
            self._state = State(last, cases, lacking)
        return self._state

    def _near(
        self, connection: Connection, sought: str, k: int, wanted: PrecedentQuery | None = None
    ) -> list[Head]:
        """Return the nearest cases in force, nearest first, ties by id."""
        candidates: sql.Composable = sql.SQL("")
        if self._settings.index == "none":
            # Another process may have made a graph, which would be searched in place of the cases.
            connection.execute("SET LOCAL enable_indexscan = off")
        else:
            effort = min(max(k, self._settings.ef_search), _MOST_EF)
            connection.execute(f"SET LOCAL hnsw.ef_search = {effort}")
            connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            most = sql.Literal(max(k, effort))
            candidates = sql.SQL("ORDER BY distance LIMIT {}").format(most)
        query = self._for_encoder(
            _NEAR, wanted=_conditions(wanted), candidates=candidates, depth=sql.Literal(k)
        )
        found = connection.execute(query, {**_values(wanted), "query": sought})
        return [Head(*row) for row in found]

    def _worded(self, connection: Connection, wanted: PrecedentQuery, k: int) -> list[Head]:
        text = wanted.text.replace("\0", " ")
        query = _WORDED.format(wanted=_conditions(wanted))
        values = {**_values(wanted), "text": text, "sought": _SOUGHT, "depth": k}
        return [Head(*row) for row in connection.execute(query, values)]

    def _matches(
        self, connection: Connection, heads: Sequence[Head], sought: str
    ) -> list[PrecedentMatch]:
        """Return what was found with its cosines, most similar first, ties by id."""
        rows = [head.row for head in heads]
        found = connection.execute(self._for_encoder(_FOUND), {"query": sought, "rows": rows})
        matches = [
            PrecedentMatch(case=precedent_of(content), similarity=_similarity(distance))
            for _, content, distance in found
        ]
        return sorted(matches, key=lambda match: (-match.similarity, match.case.id))

    def _for_encoder(self, query: sql.SQL, **parts: sql.Composable) -> sql.Composed:
        # Numbers of ours, written out: a plan for any encoder would not see the graph of this one.
        return query.format(encoder=sql.Literal(self.encoder), dim=sql.Literal(self._dim), **parts)


def vector_text(vector: Embedding) -> str:
    """Return a vector as pgvector reads it."""
    return f"[{','.join(map(repr, struct.unpack(f'<{vector.dim}f', vector.data)))}]"


def _similarity(distance: float) -> float:
    """Return the cosine, clipped. With a vector of zeros there is none, and nothing is alike."""
    return max(min(1.0 - distance, 1.0), 0.0) if not math.isnan(distance) else 0.0


def _values(wanted: PrecedentQuery | None) -> dict[str, object]:
    if wanted is None:
        return {}
    return {"clause": [wanted.clause], "domain": wanted.domain, "outcome": wanted.outcome}


def _conditions(wanted: PrecedentQuery | None) -> sql.SQL:
    return sql.SQL("".join(f" AND {part}" for part in _parts(wanted)))


def _parts(wanted: PrecedentQuery | None) -> Iterator[str]:
    if wanted is None:
        return
    if wanted.clause is not None:
        yield "versions.clauses @> %(clause)s"
    if wanted.domain is not None:
        yield "versions.domain = %(domain)s"
    if wanted.outcome is not None:
        yield "versions.outcome = %(outcome)s"
