"""The encoder at work: windows of tokens, sorted by length, batched across callers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from eleanor_core.api import Backend, Batcher, Embedding, Encoder
from eleanor_embedders_minilm.weights import ENCODER_ID, encoder_weights, vocabulary
from eleanor_embedders_minilm.wordpiece import WordPiece

Vector: TypeAlias = npt.NDArray[np.float32]
Window: TypeAlias = tuple[int, ...]

DIM: Final = 384
MAX_CHARS: Final = 100_000
WINDOW: Final = 256
"""Tokens that are read together, the two special ones included: as many as the model's authors."""
BATCH: Final = 32
"""Windows in one pass. More of them are slower: they no longer fit into the cache."""
_FIRST, _LAST = 101, 102
"""The special tokens `[CLS]` and `[SEP]`."""


class MiniLM:
    """Tokenizer and encoder on one backend. Every method blocks."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._encoder: Encoder = backend.encoder(encoder_weights())
        self._cut = WordPiece(vocabulary())

    def windows(self, text: str, most: int) -> list[Window]:
        """Return the text's tokens in at most `most` windows of nearly one size.

        Where there are more windows, those that are kept stand at even distances, the first and the
        last among them. A text without a token has one window that holds the special tokens alone.
        """
        tokens = self._cut(text[:MAX_CHARS])
        count = max(1, -(-len(tokens) // (WINDOW - 2)))
        bounds = [len(tokens) * at // count for at in range(count + 1)]
        kept: Sequence[int] = range(count)
        if count > most:
            kept = [at * (count - 1) // max(most - 1, 1) for at in range(most)]
        return [(_FIRST, *tokens[bounds[at] : bounds[at + 1]], _LAST) for at in kept]

    def means(self, windows: Sequence[Window]) -> list[Vector]:
        """Return the mean of each window's token states, in order."""
        order = sorted(range(len(windows)), key=lambda at: len(windows[at]))
        found: dict[int, Vector] = {}
        for batch in _batches(order):
            states = self._encoder([windows[at] for at in batch])
            means = np.asarray(self._backend.to_host(states))
            found.update(zip(batch, means, strict=True))
        return [found[at] for at in range(len(windows))]


class MiniLMEmbedder:
    """Embeds texts in a thread, those of concurrent callers together."""

    encoder_id = ENCODER_ID
    dim = DIM

    def __init__(self, model: MiniLM, batcher: Batcher[Window, Vector], *, windows: int) -> None:
        self._model = model
        self._batcher = batcher
        self._most = windows

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]:
        """Return one embedding a text, in order."""
        cut = [self._model.windows(text, self._most) for text in texts]
        means = iter(await self._batcher.ask_all([window for windows in cut for window in windows]))
        return [_joined(windows, islice(means, len(windows))) for windows in cut]


def _batches(order: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _joined(windows: Sequence[Window], means: Iterator[Vector]) -> Embedding:
    """Return the mean over all tokens of a text's windows, scaled to length 1."""
    total = np.zeros(DIM)
    for window, mean in zip(windows, means, strict=True):
        total += len(window) * mean
    unit = (total / np.linalg.norm(total)).astype("<f4")
    return Embedding(encoder_id=ENCODER_ID, dim=DIM, data=unit.tobytes())
