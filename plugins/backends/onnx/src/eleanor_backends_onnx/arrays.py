"""The backend itself: numpy's, with encoders that run in onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt
import onnxruntime
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_backends_numpy.devices import Ids, PaddedEncoder
from eleanor_backends_numpy.rows import Floats

from eleanor_backends_onnx.graph import encoder_graph
from eleanor_core.api import Array, BackendLedger, Encoder, EncoderWeights

Inputs = Mapping[str, npt.NDArray[np.generic]]


class OnnxBackend(NumpyBackend):
    """Works in main memory, on the CPU; any number of threads may use it.

    `threads`: how many work on one encoding, None for one a core.
    """

    name = "onnx"

    def __init__(self, *, threads: int | None = None, memory_limit: int | None = None) -> None:
        super().__init__(memory_limit=memory_limit)
        self._threads = threads

    def encoder(self, weights: EncoderWeights, /) -> Encoder:
        """Return the encoder. Raises MemoryError if its weights do not fit the limit."""
        return _Encoder(weights, self._ledger, self.asarray, self._threads)


class _Session(Protocol):
    """What is used of onnxruntime's session, which has no types."""

    def run(self, outputs: list[str], inputs: Inputs, /) -> list[Floats]: ...


class _Encoder(PaddedEncoder):
    """A session of onnxruntime, which holds the weights."""

    def __init__(
        self,
        weights: EncoderWeights,
        ledger: BackendLedger,
        asarray: Callable[[memoryview], Array],
        threads: int | None,
    ) -> None:
        super().__init__(weights, ledger, asarray)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors: they are raised as well, warnings are not ours
        session = onnxruntime.InferenceSession(
            encoder_graph(weights), options, providers=["CPUExecutionProvider"]
        )
        self._session = cast("_Session", session)

    def forward(self, ids: Ids, mask: Floats) -> Floats:
        """Return the mean states, shape (texts, dim)."""
        inputs: Inputs = {"ids": ids.astype(np.int64), "mask": mask}
        (means,) = self._session.run(["means"], inputs)
        return means
