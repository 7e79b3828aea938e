"""The store of precedents at scale, and what else could search its vectors.

    python benchmarks/precedents.py 100000

Each engine has a process of its own and the same vectors (384 values, rank 64 with noise, unit),
and answers 32 queries near some of them: CPU seconds to build and to open, CPU and wall time of
a query, recall of the exact 10 nearest, peak memory and bytes on disk. Then the whole store is
asked for the nearest among some of its cases: CPU time of a query by what is wanted. `sqlite-vec`,
`usearch` and `lancedb` are measured where they are installed; nothing of ELEANOR needs them.
"""

from __future__ import annotations

import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeAlias

import anyio
import numpy as np
import numpy.typing as npt
import structlog

Floats: TypeAlias = npt.NDArray[np.float32]
Answer: TypeAlias = Callable[[Floats], Sequence[int]]

DIM: Final = 384
QUERIES: Final = 32
K: Final = 10
PART: Final = 10_000


def parts(count: int) -> Iterator[tuple[int, Floats]]:
    """Yield the vectors, some at a time, each part after its first row."""
    basis = np.random.default_rng(0).standard_normal((64, DIM), dtype=np.float32)
    for start in range(0, count, PART):
        chance = np.random.default_rng(1 + start)
        size = min(PART, count - start)
        rows = chance.standard_normal((size, 64), dtype=np.float32) @ basis
        rows += 2.0 * chance.standard_normal((size, DIM), dtype=np.float32)
        yield start, rows / np.linalg.norm(rows, axis=1, keepdims=True)


def asked(count: int) -> tuple[Floats, list[set[int]]]:
    """Return the queries, and the exact answer to each."""
    first = next(parts(count))[1]
    noise = 0.02 * np.random.default_rng(2).standard_normal((QUERIES, DIM), dtype=np.float32)
    queries = first[:: max(1, len(first) // QUERIES)][:QUERIES] + noise
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    for start, rows in parts(count):
        for scores, found in zip(queries @ rows.T, best, strict=True):
            near = np.argpartition(-scores, K)[:K]
            found += [(-float(scores[row]), start + int(row)) for row in near]
            found[:] = sorted(found)[:K]
    return queries, [{row for _, row in found} for found in best]


# -- engines: `build` fills a folder, `opened` returns what answers -------------------------------


def build_own(folder: Path, count: int) -> None:
    from eleanor_precedents_sqlite.files import rows_of, write_block

    def vectors() -> Iterator[bytes]:
        for _, rows in parts(count):
            for row in rows.astype("<f4"):
                yield row.tobytes()

    write_block(folder / "one.block", DIM, rows_of(range(count)), vectors())


def open_own(folder: Path) -> Answer:
    from eleanor_backends_numpy.arrays import NumpyBackend
    from eleanor_precedents_sqlite.blocks import Block
    from eleanor_precedents_sqlite.files import read_block

    from eleanor_core.api import Embedding

    rows, vectors = read_block(folder / "one.block", "bench", DIM)
    block = Block(rows=rows, vectors=NumpyBackend().load(vectors))

    def answer(query: Floats) -> Sequence[int]:
        embedding = Embedding(encoder_id="bench", dim=DIM, data=query.astype("<f4").tobytes())
        return [row for _, row in block.nearest([embedding], K)[0]]

    return answer


def build_vec(folder: Path, count: int) -> None:
    with closing(_vec(folder)) as db:
        db.execute(f"CREATE VIRTUAL TABLE v USING vec0(e float[{DIM}] distance_metric=cosine)")
        for start, rows in parts(count):
            pairs = ((start + at + 1, row.tobytes()) for at, row in enumerate(rows))
            db.executemany("INSERT INTO v (rowid, e) VALUES (?, ?)", pairs)
        db.commit()


def open_vec(folder: Path) -> Answer:
    db = _vec(folder)
    query = "SELECT rowid FROM v WHERE e MATCH ? AND k = ?"
    return lambda row: [found - 1 for (found,) in db.execute(query, (row.tobytes(), K))]


def _vec(folder: Path) -> sqlite3.Connection:
    import sqlite_vec

    db = sqlite3.connect(folder / "vec.sqlite3")
    db.enable_load_extension(True)
    sqlite_vec.load(db)
    return db


def build_usearch(folder: Path, count: int) -> None:
    from usearch.index import Index

    index = Index(ndim=DIM, metric="cos", dtype="f32")
    for start, rows in parts(count):
        index.add(np.arange(start, start + len(rows)), rows, threads=2)
    index.save(folder / "one.usearch")


def open_usearch(folder: Path) -> Answer:
    from usearch.index import Index

    index = Index.restore(folder / "one.usearch", view=True)
    return lambda row: [int(key) for key in index.search(row, K).keys]


def build_lance(folder: Path, count: int) -> None:
    _lance(folder, count).create_index(metric="cosine", vector_column_name="e", replace=True)


def build_lance_flat(folder: Path, count: int) -> None:
    _lance(folder, count)


def _lance(folder: Path, count: int):
    import lancedb
    import pyarrow as pa

    schema = pa.schema([("row", pa.int64()), ("e", pa.list_(pa.float32(), DIM))])
    table = lancedb.connect(folder).create_table("v", schema=schema)
    for start, rows in parts(count):
        values = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), DIM)
        table.add(pa.table({"row": np.arange(start, start + len(rows)), "e": values}))
    return table


def open_lance(folder: Path) -> Answer:
    import lancedb

    table = lancedb.connect(folder).open_table("v")

    def answer(row: Floats) -> Sequence[int]:
        found = table.search(row).distance_type("cosine").select(["row"]).limit(K).to_list()
        return [item["row"] for item in found]

    return answer


ENGINES: Final = {
    "blocks (exact)": ("eleanor_precedents_sqlite", build_own, open_own),
    "sqlite-vec (exact)": ("sqlite_vec", build_vec, open_vec),
    "lancedb (exact)": ("lancedb", build_lance_flat, open_lance),
    "lancedb (IVF-PQ)": ("lancedb", build_lance, open_lance),
    "usearch (HNSW)": ("usearch", build_usearch, open_usearch),
}


# -- the store: some of its cases -----------------------------------------------------------------


class Numbered:
    """Embeds a text that ends in a number as the vector of that number."""

    encoder_id = "bench"
    dim = DIM

    def __init__(self, count: int) -> None:
        self._rows = np.concatenate([rows for _, rows in parts(count)]).astype("<f4")

    async def embed(self, texts: Sequence[str]):
        from eleanor_core.api import Embedding

        rows = [self._rows[int(text.rsplit(maxsplit=1)[1])].tobytes() for text in texts]
        return [Embedding(encoder_id="bench", dim=DIM, data=row) for row in rows]


def lines(count: int) -> Iterator[str]:
    """Yield cases: half of them turned on P4, a hundredth on K1; a twentieth is of credit."""
    for number in range(count):
        clauses = ["P4"] * (number % 2) + ["K1"] * (number % 100 == 0)
        case = {"id": f"case-{number * 7919 % count:07}", "text": f"What was asked in {number}",
                "outcome": "deny", "authority": "machine", "clauses": clauses,
                "domain": "credit" if number % 20 == 0 else "general"}  # fmt: skip
        yield json.dumps(case)


async def filtered(folder: Path, count: int) -> dict[str, float]:
    """Fill a store, and return the CPU milliseconds of a query by what is wanted."""
    from eleanor_backends_numpy.arrays import NumpyBackend
    from eleanor_precedents_sqlite.plugin import SqliteSettings, open_store

    from eleanor_core.api import PrecedentQuery, Services

    embedder = Numbered(count)
    services = Services(
        data_dir=folder,
        log=structlog.get_logger(),
        backend=NumpyBackend(),
        embedder=embedder,
    )
    wanted = {"all": {}, "P4": {"clause": "P4"}, "K1": {"clause": "K1"},
              "credit": {"domain": "credit"}, "general": {"domain": "general"}}  # fmt: skip
    taken: dict[str, list[float]] = {name: [] for name in wanted}
    async with open_store(SqliteSettings(), services) as store:
        await store.import_lines(lines(count))
        for number in range(0, count, count // QUERIES):
            (query,) = await embedder.embed([f"case {number}"])
            for name, some in wanted.items():
                asked_for = PrecedentQuery(text="a case", by="vectors", **some)
                work = time.process_time()
                await store.search(asked_for, query, K)
                taken[name].append(time.process_time() - work)
    return {f"{name}_cpu_ms": 1e3 * min(times) for name, times in taken.items()}


# -- measuring ------------------------------------------------------------------------------------


def measure(name: str, step: str, folder: Path, count: int) -> dict[str, float]:
    """Build, or open and ask. Times are CPU seconds of all threads."""
    _, build, opened = ENGINES[name]
    before = time.process_time()
    if step == "build":
        for _ in parts(count):
            pass
        made, before = time.process_time() - before, time.process_time()
        build(folder, count)
        built = time.process_time() - before - made
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        return {"build_s": built, "disk_mb": size / 1e6, "build_rss_mb": _rss()}
    answer = opened(folder)
    answer(next(parts(1))[1][0])
    started = time.process_time() - before
    queries, exact = asked(count)
    cpu, wall, right = [], [], 0
    for query, wanted in zip(queries, exact, strict=True):
        clock, work = time.perf_counter(), time.process_time()
        found = answer(query)
        wall.append(time.perf_counter() - clock)
        cpu.append(time.process_time() - work)
        right += len(wanted & set(found))
    return {
        "open_s": started,
        "query_cpu_ms": 1e3 * min(cpu),
        "query_wall_ms": 1e3 * min(wall),
        "recall": right / (K * len(queries)),
        "rss_mb": _rss(),
    }


def _rss() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print one line of JSON an engine."""
    count = int(sys.argv[1])
    for name, (module, *_) in ENGINES.items():
        if find_spec(module) is None:
            print(json.dumps({"engine": name, "skipped": f"{module} is not installed"}))
            continue
        row: dict[str, object] = {"engine": name, "vectors": count}
        with tempfile.TemporaryDirectory() as folder:
            for step in ("build", "ask"):
                command = [sys.executable, __file__, str(count), name, step, folder]
                done = subprocess.run(command, check=False, capture_output=True, text=True)
                if done.returncode:
                    row["failed"] = done.stderr.strip().splitlines()[-1:]
                    break
                row |= json.loads(done.stdout.splitlines()[-1])
        _print(row)
    with tempfile.TemporaryDirectory() as folder:
        figures = anyio.run(filtered, Path(folder), count)
    _print({"engine": "the store, among some", "vectors": count, **figures})


def _print(row: Mapping[str, object]) -> None:
    rounded = {key: round(item, 3) for key, item in row.items() if isinstance(item, float)}
    print(json.dumps({**row, **rounded}), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        number, chosen, step, where = sys.argv[1:]
        print(json.dumps(measure(chosen, step, Path(where), int(number))))
    else:
        main()
