"""Where it differs from the reference: the encoder is onnxruntime's."""

from __future__ import annotations

import numpy as np
import pytest
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_backends_onnx import plugin
from eleanor_backends_onnx.arrays import OnnxBackend

from eleanor_core.testing.backends import small_encoder

TEXTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10], [2, 2], *([[3, 1]] * 70)]


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_the_encoder_agrees_with_the_reference(threads: int | None) -> None:
    ours, reference = OnnxBackend(threads=threads), NumpyBackend()
    got = np.asarray(ours.to_host(ours.encoder(small_encoder())(TEXTS)))
    wanted = np.asarray(reference.to_host(reference.encoder(small_encoder())(TEXTS)))
    assert np.abs(got - wanted).max() < 1e-5


def test_padding_does_not_change_a_text() -> None:
    backend = OnnxBackend()
    encoder = backend.encoder(small_encoder())
    together = np.asarray(backend.to_host(encoder(TEXTS)))
    for text, row in zip(TEXTS[:4], together, strict=False):
        alone = np.asarray(backend.to_host(encoder([text])))[0]
        assert np.abs(alone - row).max() < 1e-6


def test_no_texts_have_no_means() -> None:
    backend = OnnxBackend()
    assert backend.encoder(small_encoder())([]).shape == (0, 8)


def test_weights_beyond_the_limit_are_refused_before_a_session_is_made() -> None:
    weights = small_encoder()
    size = sum(tensor.nbytes for tensor in weights.tensors.values())
    backend = OnnxBackend(memory_limit=size)
    first = backend.encoder(weights)
    with pytest.raises(MemoryError, match="memory_limit"):
        backend.encoder(weights)
    del first
    backend.encoder(weights)


def test_the_probe_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert plugin.probe("cpu") is None
    monkeypatch.setattr(plugin, "find_spec", lambda name: None if "onnx" in name else "there")
    assert plugin.probe("cpu") == "not installed: pip install onnx onnxruntime"
