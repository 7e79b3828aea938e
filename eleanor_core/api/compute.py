"""Array work: what a backend can do, and the values that cross to it and back.

Numbers cross as `memoryview`, typed and with a shape: every array library gives and takes those
without a copy, and the core needs none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias, get_args

from attrs import field, frozen

from eleanor_core.model import Embedding

Storage: TypeAlias = Literal["float32", "float16", "int8"]
"""What rows are scanned as: four, two or one byte a component."""
STORAGES: tuple[Storage, ...] = get_args(Storage)


class Array(Protocol):
    """An array of one backend, on its device. Only its backend looks inside."""

    @property
    def shape(self) -> tuple[int, ...]: ...


class EmbeddingRows(Protocol):
    """A block of vectors that a backend holds, each with a row number from 0 on.

    `topk` returns at most `k` pairs (row, cosine in [-1, 1]), best first; equal cosines go in the
    order of the row number. `topk_many` does so for several queries in one pass. `cosines` returns
    those of the rows named, in their order. All three give a row the same cosine: rows are scanned
    in the storage's precision, but what is returned is summed in float64 from the vectors given, so
    equal rows tie. A query of another encoder, dimension, or not finite, is a ValueError.
    """

    def __len__(self) -> int: ...
    def topk(self, query: Embedding, k: int, /) -> Sequence[tuple[int, float]]: ...
    def topk_many(
        self, queries: Sequence[Embedding], k: int, /
    ) -> Sequence[Sequence[tuple[int, float]]]: ...
    def cosines(self, query: Embedding, rows: Sequence[int], /) -> Sequence[float]: ...


class Encoder(Protocol):
    """The forward pass of a text encoder, its weights on a backend's device.

    `ids` holds the token numbers of each text, special tokens included, of any lengths up to the
    encoder's number of positions. Returns shape (texts, dim), float32: the mean over each text's
    tokens, not normalised, so that the windows of a long text can be joined first. Raises
    ValueError for a text without tokens, with too many, or with a number beyond the vocabulary.
    """

    def __call__(self, ids: Sequence[Sequence[int]], /) -> Array: ...


class Backend(Protocol):
    """Array work on one device. Every method blocks and may be called from any thread.

    `load` keeps rows on the device; it raises ValueError if they differ in encoder or dimension, or
    are not finite, and MemoryError beyond the memory limit. `normalise` scales the last axis to
    length 1 and leaves zeros; `softmax` and `logsumexp` go along the last axis; `mean_pool` takes
    states of shape (texts, tokens, dim) and a mask (texts, tokens) of 0 and 1. `synchronise` waits
    until the device has done all that was asked of it. What runs out of the device's memory is done
    in halves, then on the CPU, and `report` says so.
    """

    name: str
    device: str

    def asarray(self, values: memoryview, /) -> Array: ...
    def to_host(self, array: Array, /) -> memoryview: ...
    def matmul(self, one: Array, other: Array, /) -> Array: ...
    def normalise(self, rows: Array, /) -> Array: ...
    def mean_pool(self, states: Array, mask: Array, /) -> Array: ...
    def softmax(self, values: Array, /) -> Array: ...
    def logsumexp(self, values: Array, /) -> Array: ...
    def encoder(self, weights: EncoderWeights, /) -> Encoder: ...
    def load(
        self, rows: Sequence[Embedding] | EmbeddingBlock, /, *, storage: Storage = "float32"
    ) -> EmbeddingRows: ...
    def synchronise(self) -> None: ...
    def report(self) -> BackendReport: ...


@frozen(kw_only=True)
class BackendReport:
    """What a backend says of itself. Memory in bytes; `batches`: size of a batch -> how often.

    `held` counts rows and weights that are still in use. `fallbacks` tells in words what did not
    run where it was meant to, and why; each kind of it once.
    """

    device: str
    held: int = 0
    memory_limit: int | None = None
    batches: Mapping[int, int] = field(factory=dict)
    fallbacks: tuple[str, ...] = ()


def _as_bytes(data: memoryview) -> memoryview:
    return data.cast("B")


@frozen(kw_only=True, eq=False)
class EmbeddingBlock:
    """Vectors of one encoder, one after another: `data` as in Embedding, rows * dim values.

    `data` is not copied, so a mapped file takes no memory; nobody may change it meanwhile.
    """

    encoder_id: str
    dim: int
    data: memoryview = field(repr=False, converter=_as_bytes)

    def __attrs_post_init__(self) -> None:
        if self.dim <= 0 or self.data.nbytes % (4 * self.dim):
            raise ValueError(
                f"embeddings of {self.encoder_id!r} must hold {4 * self.dim} bytes "
                f"({self.dim} float32 values) each, got {self.data.nbytes} for all"
            )

    def __len__(self) -> int:
        return self.data.nbytes // (4 * self.dim)

    def __getitem__(self, row: int) -> Embedding:
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)}")
        start = 4 * self.dim * row
        data = bytes(self.data[start : start + 4 * self.dim])
        return Embedding(encoder_id=self.encoder_id, dim=self.dim, data=data)

    def check_like(self, others: Iterable[Embedding]) -> None:
        """Raise ValueError unless the others are of this encoder and dimension."""
        for other in others:
            if (other.encoder_id, other.dim) != (self.encoder_id, self.dim):
                raise ValueError(
                    f"embeddings of {other.encoder_id!r} ({other.dim} values) and "
                    f"{self.encoder_id!r} ({self.dim} values) do not compare: embed all texts "
                    "with one encoder"
                )

    @classmethod
    def of(cls, rows: Sequence[Embedding] | EmbeddingBlock) -> EmbeddingBlock:
        """Return `rows` as a block. Raises ValueError if they differ in encoder or dimension."""
        if isinstance(rows, EmbeddingBlock):
            return rows
        if not rows:
            return cls(encoder_id="", dim=1, data=memoryview(b""))
        data = memoryview(b"".join(row.data for row in rows))
        cls(encoder_id=rows[0].encoder_id, dim=rows[0].dim, data=memoryview(b"")).check_like(rows)
        return cls(encoder_id=rows[0].encoder_id, dim=rows[0].dim, data=data)


_TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")


@frozen(kw_only=True, eq=False)
class EncoderWeights:
    """A BERT encoder: float32 tensors under the names of Hugging Face's `BertModel`.

    Attention has `heads` heads, activations are the exact GELU, layer norms add `eps`, and every
    token is of type 0. A pooler is not read. Raises ValueError, naming it, if a tensor is missing
    or of another type or shape than the others ask for.
    """

    heads: int
    tensors: Mapping[str, memoryview] = field(repr=False)
    eps: float = 1e-12

    @property
    def dim(self) -> int:
        """Components of a token's state."""
        return self._shape("embeddings.word_embeddings.weight")[-1]

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return self._shape("embeddings.word_embeddings.weight")[0]

    @property
    def positions(self) -> int:
        """How many tokens a text may have."""
        return self._shape("embeddings.position_embeddings.weight")[0]

    @property
    def layers(self) -> int:
        """How many layers there are."""
        names = (name.split(".") for name in self.tensors if name.startswith("encoder.layer."))
        return max((int(parts[2]) + 1 for parts in names), default=0)

    def check_ids(self, ids: Sequence[Sequence[int]]) -> None:
        """Raise ValueError unless every text has tokens, none too many, all in the vocabulary."""
        for text in ids:
            if not 0 < len(text) <= self.positions:
                raise ValueError(f"a text must have 1 to {self.positions} tokens, got {len(text)}")
            if not 0 <= min(text) <= max(text) < self.vocabulary:
                raise ValueError(f"token numbers must be in [0, {self.vocabulary})")

    def __attrs_post_init__(self) -> None:
        dim = self.dim
        if self.heads <= 0 or dim % self.heads:
            raise ValueError(f"{dim} values cannot be shared by {self.heads} heads")
        norm = ("LayerNorm.weight", "LayerNorm.bias")
        for table in _TABLES:
            self._check(f"embeddings.{table}.weight", None, dim)
        for part in norm:
            self._check(f"embeddings.{part}", dim)
        for layer in range(self.layers):
            start = f"encoder.layer.{layer}."
            inner = self._shape(f"{start}intermediate.dense.weight")[0]
            for part in ("self.query", "self.key", "self.value", "output.dense"):
                self._check(f"{start}attention.{part}.weight", dim, dim)
                self._check(f"{start}attention.{part}.bias", dim)
            for part in norm:
                self._check(f"{start}attention.output.{part}", dim)
                self._check(f"{start}output.{part}", dim)
            self._check(f"{start}intermediate.dense.weight", inner, dim)
            self._check(f"{start}intermediate.dense.bias", inner)
            self._check(f"{start}output.dense.weight", dim, inner)
            self._check(f"{start}output.dense.bias", dim)

    def _shape(self, name: str) -> tuple[int, ...]:
        try:
            tensor = self.tensors[name]
        except KeyError:
            raise ValueError(f"the encoder's weights lack {name}") from None
        if tensor.format != "f" or not tensor.shape:
            raise ValueError(f"{name} must be an array of float32 (format 'f')")
        return tensor.shape

    def _check(self, name: str, *wanted: int | None) -> None:
        shape = self._shape(name)
        if len(shape) != len(wanted) or any(
            size is not None and size != real for size, real in zip(wanted, shape, strict=True)
        ):
            sizes = ", ".join("any" if size is None else str(size) for size in wanted)
            raise ValueError(f"{name} must have shape ({sizes}), got {shape}")
