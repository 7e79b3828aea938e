"""Where torch differs from the reference: placement, lack of memory, devices that are not there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from eleanor_backends_numpy.arrays import NumpyBackend
from eleanor_backends_torch import probing
from eleanor_backends_torch.arrays import TorchBackend
from eleanor_backends_torch.encoder import encoded
from eleanor_backends_torch.places import Place, lacks_memory
from eleanor_backends_torch.rows import TorchRows, best_of
from torch._subclasses.fake_tensor import FakeTensorMode

from eleanor_core.api import STORAGES, EmbeddingBlock, Storage
from eleanor_core.testing.backends import small_encoder

TEXTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10], [2, 2]]


def some_rows(count: int = 3000, dim: int = 24) -> EmbeddingBlock:
    rows = np.random.default_rng(3).standard_normal((count, dim), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[100:160] = rows[7]  # more equal rows than are looked at first
    return EmbeddingBlock(encoder_id="test/plain", dim=dim, data=memoryview(rows))


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("shards", [(), ("cpu", "cpu", "cpu")])
def test_answers_are_the_references_to_the_last_bit(
    storage: Storage, shards: tuple[str, ...]
) -> None:
    block = some_rows()
    queries = [block[at] for at in (0, 7, 2999)]
    ours = TorchBackend(shards=shards).load(block, storage=storage)
    reference = NumpyBackend().load(block, storage=storage)
    for k in (1, 10, 70):
        assert ours.topk_many(queries, k) == reference.topk_many(queries, k)


def test_the_encoder_agrees_with_the_reference() -> None:
    ours, reference = TorchBackend(), NumpyBackend()
    got = np.asarray(ours.to_host(ours.encoder(small_encoder())(TEXTS)))
    wanted = np.asarray(reference.to_host(reference.encoder(small_encoder())(TEXTS)))
    assert np.abs(got - wanted).max() < 1e-5


@pytest.mark.parametrize("device", ["cuda:1", "mps:0"])
def test_rows_are_scanned_where_they_lie(device: str) -> None:
    # Fake tensors have a device and a shape and no values; mixing devices raises.
    with FakeTensorMode():
        values = torch.empty(500, 8, dtype=torch.int8, device=device)
        scales = torch.empty(500, device=device)
        scores, rows = best_of(values, scales, torch.empty(3, 8, device=device), 10)
        assert {str(scores.device), str(rows.device)} == {device}
        assert scores.shape == rows.shape == (3, 10)
        with pytest.raises(RuntimeError, match="found at least two devices|not on the expected"):
            best_of(values, scales, torch.empty(3, 8), 10)


def test_texts_are_encoded_where_the_weights_lie() -> None:
    # Not on mps: without its kernels in the build, fused attention cannot even be traced.
    device, weights = "cuda:1", small_encoder()
    with FakeTensorMode():
        tensors = {
            name: torch.empty(tensor.shape, device=device)
            for name, tensor in weights.tensors.items()
        }
        ids = torch.zeros(3, 5, dtype=torch.int32, device=device)
        states = encoded(weights, tensors, ids, torch.ones(3, 5, device=device))
        assert (str(states.device), tuple(states.shape)) == (device, (3, 8))


class Small:
    """A device with room for few queries: a real one says so in the same way."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def check(self, size: int) -> None:
        self.asked.append(size)
        if size > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(("room", "asked"), [(2, [5, 3, 2, 2, 1]), (0, [5, 3, 2, 1])])
def test_what_does_not_fit_is_scanned_in_halves_then_on_the_cpu(
    room: int, asked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    small, said = Small(room), []
    real = TorchRows.best

    def best(self: TorchRows, towards: np.ndarray, pool: int) -> object:
        small.check(len(towards))
        return real(self, towards, pool)

    monkeypatch.setattr(TorchRows, "best", best)
    block = some_rows()
    queries = [block[at] for at in (0, 50, 1000, 2000, 2999)]
    backend = TorchBackend(tell=said.append)
    got = backend.load(block).topk_many(queries, 3)
    assert got == NumpyBackend().load(block).topk_many(queries, 3)
    assert small.asked == asked
    assert tuple(said) == backend.report().fallbacks
    assert [what for what in said if "the CPU scans" in what] == said[: room == 0]


def test_a_text_that_does_not_fit_is_encoded_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = TorchBackend()
    encoder = backend.encoder(small_encoder())
    wanted = bytes(backend.to_host(encoder(TEXTS)))

    def forward(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(encoder, "forward", forward)
    got = np.asarray(backend.to_host(encoder(TEXTS)))
    assert np.abs(got - np.frombuffer(wanted, np.float32).reshape(got.shape)).max() < 1e-6
    (said,) = backend.report().fallbacks
    assert "so the CPU encodes it" in said


def test_rows_that_do_not_fit_are_held_by_the_cpu() -> None:
    class Full(Place):
        def on(self) -> object:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    backend = TorchBackend()
    backend._shards = [Full("cpu")]
    block = some_rows()
    rows = backend.load(block)
    assert rows.topk(block[5], 2) == NumpyBackend().load(block).topk(block[5], 2)
    assert "load them as float16 or int8" in backend.report().fallbacks[0]


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for device, reason in (("cuda", "CUDA"), ("mps", "MPS"), ("cuda:7", "CUDA"), ("abacus", "")):
        if device == "mps" and torch.backends.mps.is_available():
            continue
        if device.startswith("cuda") and torch.cuda.is_available():
            continue
        with pytest.raises(RuntimeError, match=f"cannot use {device}: .*{reason}"):
            TorchBackend(device)


def test_another_error_is_not_taken_for_a_lack_of_memory() -> None:
    assert lacks_memory(RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"))
    assert not lacks_memory(RuntimeError("CUDA error: device-side assert triggered"))


def test_the_probe_reads_and_imports_nothing(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probing.probe("cpu") is None
    monkeypatch.setattr(probing, "find_spec", lambda _name: None)
    assert probing.probe("cuda") == "torch is not installed: pip install torch"


@pytest.mark.parametrize(
    ("version", "answer"),
    [
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", "has no CUDA"),
        ("cuda: Optional[str] = '13.0'\n", "no GPU driver is loaded"),
        ("cuda = None\nhip = '7.0'\n", "no GPU driver is loaded"),
        (None, "cannot be read"),
    ],
)
def test_the_probe_tells_a_build_without_cuda_from_a_machine_without_driver(
    version: str | None, answer: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version is not None:
        (tmp_path / "version.py").write_text(version)
    monkeypatch.setattr(probing, "_DRIVERS", ())
    monkeypatch.setattr(probing.sys, "platform", "linux")
    assert answer in str(probing._cuda(tmp_path))
