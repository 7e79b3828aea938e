"""How fast texts become vectors: every embedder, and MiniLM on every backend beside onnxruntime.

    pip install -e plugins/backends/torch -e plugins/backends/jax -e plugins/backends/onnx
    python benchmarks/embedding.py [--rounds 9] [--check]

All of it runs on one thread, in one process, in turn: within a round each engine encodes the same
windows once. The figure is CPU time, that of the best round, so that what the neighbours add falls
out; "x" is the median over the rounds of its ratio to onnxruntime in the same round, on the same
float32 weights. The goals: the best backend within 1.2 x, numpy within 4 x, in every row.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

# Before any of them is imported: they read it once.
os.environ.update(
    OPENBLAS_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
    JAX_PLATFORMS="cpu",
)

import numpy as np
import numpy.typing as npt
from corpus import corpus
from eleanor_embedders_hashing.embedder import vector as hashed
from eleanor_embedders_minilm.embedder import BATCH, MiniLM, Window
from eleanor_embedders_minilm.weights import encoder_weights
from eleanor_embedders_static.embedder import StaticEmbedder

from eleanor_core.api import Backend

Floats: TypeAlias = npt.NDArray[np.float32]
Encode: TypeAlias = Callable[[Sequence[Window]], Sequence[Floats]]

REFERENCE: Final = "onnxruntime"
BEST, PLAIN = 1.2, 4.0
"""The goals: multiples of onnxruntime's time."""
AGREE: Final = 1e-5
SENTENCES, PARAGRAPHS = 64, 16


def main() -> int:
    """Print the table; return 1 if a goal is missed and that was asked for."""
    parser = argparse.ArgumentParser(description="Texts to vectors: speed on the CPU.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--check", action="store_true", help="end 1 where a goal is missed")
    options = parser.parse_args()
    sentences, paragraphs = texts()
    print("| embedder | a sentence, us | a paragraph, us |\n| --- | --- | --- |")
    table = StaticEmbedder()
    for name, embed in (("hashing", hashed), ("static", table.vector)):
        costs = [best(partial(each, embed, given), len(given)) for given in (sentences, paragraphs)]
        print(f"| {name} | {costs[0] * 1e6:.0f} | {costs[1] * 1e6:.0f} |")
    found = engines()
    model = MiniLM(_backend("numpy"))
    met = True
    for name, given in (("sentences", sentences), ("paragraphs", paragraphs)):
        windows = [window for text in given for window in model.windows(text, 1)]
        met &= compare(name, windows, found, options.rounds)
    return int(options.check and not met)


def texts() -> tuple[list[str], list[str]]:
    """Return sentences of some 60 characters, and paragraphs of some 600."""
    whole = [item.text for item in corpus()]
    sentences = [part for text in whole for part in text.split(". ") if 30 < len(part) < 90]
    return sentences[:SENTENCES], [text[:600] for text in whole if len(text) > 600][:PARAGRAPHS]


def each(embed: Callable[[str], bytes], given: Sequence[str]) -> None:
    for text in given:
        embed(text)


def best(run: Callable[[], object], count: int) -> float:
    """Return the least CPU seconds of one of `count` in 9 runs."""
    run()
    return min(_spent(run) for _ in range(9)) / count


def compare(name: str, windows: Sequence[Window], found: dict[str, Encode], rounds: int) -> bool:
    """Print one table, alone and in batches; return whether the goals are met."""
    tokens = statistics.mean(map(len, windows))
    print(
        f"\n{len(windows)} {name}, {tokens:.0f} tokens on average: CPU ms each, and x {REFERENCE}"
    )
    print("| engine | alone | x | in batches | x | furthest from numpy |")
    print("| --- | --- | --- | --- | --- | --- |")
    exact = _unit(found["numpy"](windows))
    far = {engine: np.abs(_unit(run(windows)) - exact).max() for engine, run in found.items()}
    alone = in_turn(
        {engine: partial(_alone, run, windows) for engine, run in found.items()}, rounds
    )
    batch = in_turn({engine: partial(run, windows) for engine, run in found.items()}, rounds)
    for engine in found:
        cells = [
            f"{min(taken[engine]) * 1e3 / len(windows):.2f} | {_ratio(taken, engine)}"
            for taken in (alone, batch)
        ]
        print(f"| {engine} | {' | '.join(cells)} | {far[engine]:.1e} |", flush=True)
    met = all(value <= AGREE for value in far.values())
    for taken in (alone, batch) if REFERENCE in found else ():
        ratios = {engine: _over(taken, engine) for engine in found if engine != REFERENCE}
        met &= min(ratios.values()) <= BEST and ratios["numpy"] <= PLAIN
    return met


def in_turn(runs: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each run in every round but the first, which warms up."""
    taken: dict[str, list[float]] = {engine: [] for engine in runs}
    for number in range(rounds + 1):
        for engine, run in runs.items():
            spent = _spent(run)
            if number:
                taken[engine].append(spent)
    return taken


# -- engines --------------------------------------------------------------------------------------


def engines() -> dict[str, Encode]:
    """Return what is installed, by name; say what is not."""
    found: dict[str, Encode] = {}
    for name in ("numpy", "torch", "jax", "onnx"):
        try:
            found[name] = MiniLM(_backend(name)).means
        except ImportError as error:
            print(f"not run: {name} ({error})", file=sys.stderr)
    try:
        found[REFERENCE] = _onnxruntime()
    except ImportError as error:
        print(f"not run: {REFERENCE} ({error})", file=sys.stderr)
    return found


def _backend(name: str) -> Backend:
    arrays = importlib.import_module(f"eleanor_backends_{name}.arrays")
    if name == "torch":
        importlib.import_module("torch").set_num_threads(1)
    made: Backend = {
        "numpy": lambda: arrays.NumpyBackend(memory_limit=None),
        "torch": lambda: arrays.TorchBackend("cpu"),
        "jax": lambda: arrays.JaxBackend("cpu"),
        "onnx": lambda: arrays.OnnxBackend(threads=1),
    }[name]()
    return made


def _onnxruntime() -> Encode:
    import onnxruntime
    from eleanor_backends_onnx.graph import encoder_graph

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        encoder_graph(encoder_weights()), options, providers=["CPUExecutionProvider"]
    )

    def encode(windows: Sequence[Window]) -> list[Floats]:
        order = sorted(range(len(windows)), key=lambda at: len(windows[at]))
        means: dict[int, Floats] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            ids = np.zeros((len(batch), len(windows[batch[-1]])), dtype=np.int64)
            for row, at in enumerate(batch):
                ids[row, : len(windows[at])] = windows[at]
            mask = (ids != 0).astype(np.float32)
            (rows,) = session.run(["means"], {"ids": ids, "mask": mask})
            means.update(zip(batch, rows, strict=True))
        return [means[at] for at in range(len(windows))]

    return encode


def _alone(run: Encode, windows: Sequence[Window]) -> None:
    for window in windows:
        run([window])


def _unit(rows: Sequence[Floats]) -> Floats:
    stacked = np.stack(rows)
    unit: Floats = stacked / np.linalg.norm(stacked, axis=1, keepdims=True)
    return unit


def _over(taken: dict[str, list[float]], engine: str) -> float:
    pairs = zip(taken[engine], taken[REFERENCE], strict=True)
    return statistics.median(one / other for one, other in pairs)


def _ratio(taken: dict[str, list[float]], engine: str) -> str:
    return f"{_over(taken, engine):.2f}" if REFERENCE in taken else "-"


def _spent(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    sys.exit(main())
