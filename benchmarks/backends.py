"""Exact top-10 and a text encoder on every backend, beside what the machine can do at best.

    python benchmarks/backends.py [--device cuda] [--rows 100000 1000000] [--rounds 9] [--json FILE]

`--device`: cpu (the default), cuda, mps or gpu: that device beside the CPU. faiss's flat index and
usearch's exact search take part where they are installed. Contestants take turns within each round,
all with the same threads; a figure is the best round's, and its median stands beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

DIM, K, BATCH = 384, 10, 64
GPUS = {"cuda": ["torch:cuda", "jax:gpu"], "gpu": ["jax:gpu"], "mps": ["torch:mps"], "cpu": []}


def settle(threads: int) -> None:
    """Start this program anew where the environment slows the BLAS or gives it other threads."""
    # Some machines name an old kernel here, against faults of old builds of OpenBLAS.
    wanted = {"OPENBLAS_CORETYPE": None, "OPENBLAS_L2_SIZE": None}
    wanted |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads))
    if all(os.environ.get(name) == value for name, value in wanted.items()):
        return
    kept = {name: value for name, value in os.environ.items() if name not in wanted}
    changed = {name: value for name, value in wanted.items() if value is not None}
    os.execve(sys.executable, [sys.executable, *sys.argv], kept | changed)


@dataclass
class Contestant:
    """Somebody who searches. `ask(queries)` returns the rows found, shape (queries, K)."""

    name: str
    storage: str
    held: int
    load_s: float
    ask: Callable[[object], object]


@dataclass
class Figure:
    """What one contestant took for one batch over one number of rows."""

    name: str
    storage: str
    rows: int
    batch: int
    best_ms: float
    median_ms: float
    share: float
    """Of the machine's memory bandwidth for one query, of its matrix-product rate for a batch."""
    recall: float
    held_mb: float
    load_s: float


def main() -> int:
    options = _options()
    settle(options.threads)
    bandwidth, rate = machine(options.threads)
    print(f"threads {options.threads}, OpenBLAS kernel {_kernel()}")
    print(f"memory {bandwidth / 1e9:.1f} GB/s read, matrix product {rate / 1e9:.0f} GFLOP/s\n")
    figures = [
        figure
        for rows in options.rows
        for figure in searched(rows, options, bandwidth=bandwidth, rate=rate)
    ]
    print(
        "| backend | storage | rows | batch | best ms | median ms | share | recall | MB | load s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for one in figures:
        print(
            f"| {one.name} | {one.storage} | {one.rows:,} | {one.batch} | {one.best_ms:.2f} "
            f"| {one.median_ms:.2f} | {one.share:.0%} | {one.recall:.4f} | {one.held_mb:.0f} "
            f"| {one.load_s:.2f} |"
        )
    print("\n| backend | texts of 32 tokens a second, 64 at once (6 layers, 384 wide) |\n|---|---|")
    encoded = dict(encoders(options))
    for name, speed in encoded.items():
        print(f"| {name} | {speed:.0f} |")
    if options.json:
        report = {"bandwidth": bandwidth, "rate": rate, "encoders": encoded}
        report["figures"] = [asdict(one) for one in figures]
        options.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Benchmarks of the backends.")
    parser.add_argument("--device", choices=sorted(GPUS), default="cpu")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--only", nargs="+", default=[], help="contestants, as in numpy faiss")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    return parser.parse_args()


def machine(threads: int) -> tuple[float, float]:
    """Return bytes read a second by all threads together, and FLOP a second of a large product."""
    import numpy as np

    parts = [np.ones(2**26, dtype=np.float32) for _ in range(threads)]
    square = np.ones((2048, 2048), dtype=np.float32)
    with ThreadPoolExecutor(threads) as pool:
        read = _best(lambda: list(pool.map(lambda part: np.dot(part, part), parts)))
    product = _best(lambda: square @ square)
    return sum(part.nbytes for part in parts) / read, 2 * 2048**3 / product


def _best(call: Callable[[], object], rounds: int = 7) -> float:
    took = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        took.append(time.perf_counter() - started)
    return min(took)


def _kernel() -> str:
    if find_spec("threadpoolctl") is None:
        return "unknown (pip install threadpoolctl)"
    from threadpoolctl import threadpool_info

    return ", ".join({str(pool.get("architecture")) for pool in threadpool_info()} - {"None"})


def searched(
    rows: int, options: argparse.Namespace, *, bandwidth: float, rate: float
) -> Iterator[Figure]:
    """Measure everybody over so many rows, in turns."""
    import numpy as np

    vectors, queries = data(rows)
    true = exact(vectors, queries)
    contestants = list(_contestants(vectors, options))
    took: dict[tuple[int, int], list[float]] = {}
    found = {}
    for turn in range(options.rounds + 1):  # the first warms up, and compiles where that is done
        for place, one in enumerate(contestants):
            for batch in (1, BATCH):
                started = time.perf_counter()
                answer = one.ask(queries[:batch])
                if turn:
                    took.setdefault((place, batch), []).append(time.perf_counter() - started)
                found[place, batch] = np.asarray(answer)
    for (place, batch), seconds in took.items():
        one, best = contestants[place], min(seconds)
        scanned = rows * DIM * {"float32": 4, "float16": 2, "int8": 1}[one.storage]
        share = scanned / best / bandwidth if batch == 1 else 2 * rows * DIM * batch / best / rate
        same = [
            len(set(map(int, a)) & set(b))
            for a, b in zip(found[place, batch], true[:batch], strict=True)
        ]
        yield Figure(
            name=one.name,
            storage=one.storage,
            rows=rows,
            batch=batch,
            best_ms=best * 1e3,
            median_ms=statistics.median(seconds) * 1e3,
            share=share,
            recall=sum(same) / (K * batch),
            held_mb=one.held / 1e6,
            load_s=one.load_s,
        )


def data(rows: int):
    """Return vectors as encoders give them (64 directions and noise), and queries near some."""
    import numpy as np

    random = np.random.default_rng(384)
    basis = random.standard_normal((64, DIM), dtype=np.float32)
    vectors = np.empty((rows, DIM), dtype=np.float32)
    for start in range(0, rows, 50_000):
        part = vectors[start : start + 50_000]
        part[:] = random.standard_normal((len(part), 64), dtype=np.float32) @ basis
        part += random.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    near = random.integers(0, rows, BATCH)
    queries = vectors[near] + 0.03 * random.standard_normal((BATCH, DIM), dtype=np.float32)
    return vectors, queries / np.linalg.norm(queries, axis=1, keepdims=True)


def exact(vectors, queries) -> list[set[int]]:
    """Return the true best rows of each query, summed in float64."""
    import numpy as np

    best: list[list[tuple[float, int]]] = [[] for _ in queries]
    wide = queries.astype(np.float64)
    for start in range(0, len(vectors), 50_000):
        scores = wide @ vectors[start : start + 50_000].astype(np.float64).T
        near = np.argsort(-scores, axis=1)[:, :K]
        for query, places in enumerate(near):
            best[query] += [(-scores[query, place], start + int(place)) for place in places]
            best[query] = sorted(best[query])[:K]
    return [{row for _, row in some} for some in best]


def _contestants(vectors, options: argparse.Namespace) -> Iterator[Contestant]:
    from eleanor_core.api import STORAGES, Embedding, EmbeddingBlock

    block = EmbeddingBlock(encoder_id="bench", dim=DIM, data=memoryview(vectors))
    for backend in _backends(options):
        for storage in STORAGES:
            before, started = backend.report().held, time.perf_counter()
            rows = backend.load(block, storage=storage)
            backend.synchronise()
            load_s = time.perf_counter() - started

            def ask(queries, rows=rows) -> Sequence[Sequence[int]]:
                asked = [
                    Embedding(encoder_id="bench", dim=DIM, data=query.tobytes())
                    for query in queries
                ]
                return [[row for row, _ in best] for best in rows.topk_many(asked, K)]

            name = f"{backend.name}:{backend.device}"
            yield Contestant(name, storage, backend.report().held - before, load_s, ask)
    if find_spec("faiss") and _wanted("faiss", options):
        import faiss

        faiss.omp_set_num_threads(options.threads)
        started = time.perf_counter()
        index = faiss.IndexFlatIP(DIM)
        index.add(vectors)
        load_s = time.perf_counter() - started
        yield Contestant(
            "faiss flat", "float32", vectors.nbytes, load_s, lambda asked: index.search(asked, K)[1]
        )
    if find_spec("usearch") and _wanted("usearch", options):
        from usearch.index import MetricKind, search

        yield Contestant(
            "usearch exact",
            "float32",
            vectors.nbytes,
            0.0,
            lambda asked: search(
                vectors, asked, K, MetricKind.IP, exact=True, threads=options.threads
            ).keys.reshape(len(asked), K),
        )


def _wanted(name: str, options: argparse.Namespace) -> bool:
    return not options.only or any(name.startswith(one) for one in options.only)


def _backends(options: argparse.Namespace) -> Iterator:
    from eleanor_backends_numpy.arrays import NumpyBackend

    if _wanted("numpy", options):
        yield NumpyBackend()
    for name in ("torch:cpu", "jax:cpu", *GPUS[options.device]):
        kind, _, device = name.partition(":")
        if not _wanted(name, options):
            continue
        if find_spec(kind) is None or find_spec(f"eleanor_backends_{kind}") is None:
            print(f"{name} is left out: eleanor-backends-{kind} is not installed", file=sys.stderr)
            continue
        try:
            yield _opened(kind, device, options.threads)
        except RuntimeError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def _opened(kind: str, device: str, threads: int):
    if kind == "torch":
        import torch
        from eleanor_backends_torch.arrays import TorchBackend

        torch.set_num_threads(threads)  # this process is the benchmark's own
        return TorchBackend(device)
    from eleanor_backends_jax.arrays import JaxBackend

    return JaxBackend(device)


def encoders(options: argparse.Namespace) -> Iterator[tuple[str, float]]:
    """Return texts a second of each backend."""
    import numpy as np

    weights = _weights()
    random = np.random.default_rng(1)
    texts = [list(map(int, random.integers(0, 1000, 32))) for _ in range(BATCH)]
    for backend in _backends(options):
        encoder = backend.encoder(weights)
        backend.to_host(encoder(texts))
        best = _best(partial(_encoded, backend, encoder, texts), options.rounds)
        yield f"{backend.name}:{backend.device}", BATCH / best


def _encoded(backend, encoder, texts) -> None:
    backend.to_host(encoder(texts))


def _weights():
    """Return random weights in the shape of a small sentence encoder."""
    import numpy as np

    from eleanor_core.api import EncoderWeights

    random = np.random.default_rng(2)

    def some(*shape: int) -> memoryview:
        return memoryview(random.standard_normal(shape, dtype=np.float32) * np.float32(0.05))

    tensors = {
        "embeddings.word_embeddings.weight": some(1000, DIM),
        "embeddings.position_embeddings.weight": some(512, DIM),
        "embeddings.token_type_embeddings.weight": some(2, DIM),
    }
    for start in ("embeddings", *(f"encoder.layer.{layer}" for layer in range(6))):
        norms = ("",) if start == "embeddings" else (".attention.output", ".output")
        for part in norms:
            tensors[f"{start}{part}.LayerNorm.weight"] = some(DIM)
            tensors[f"{start}{part}.LayerNorm.bias"] = some(DIM)
        if start == "embeddings":
            continue
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            tensors[f"{start}.attention.{part}.weight"] = some(DIM, DIM)
            tensors[f"{start}.attention.{part}.bias"] = some(DIM)
        tensors[f"{start}.intermediate.dense.weight"] = some(4 * DIM, DIM)
        tensors[f"{start}.intermediate.dense.bias"] = some(4 * DIM)
        tensors[f"{start}.output.dense.weight"] = some(DIM, 4 * DIM)
        tensors[f"{start}.output.dense.bias"] = some(DIM)
    return EncoderWeights(heads=12, tensors=tensors)


if __name__ == "__main__":
    sys.exit(main())
