"""Devices, how work is put on them, and how they say that they cannot."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


class Place:
    """A device, and the stream of this backend on it: other work there goes on beside ours."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self._stream: torch.cuda.Stream | None = None
        if self.device.type == "cuda":
            self._stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call] # torch's

    def on(self) -> AbstractContextManager[object]:
        """Return what makes this stream the current one of the calling thread."""
        return nullcontext() if self._stream is None else torch.cuda.stream(self._stream)

    def synchronise(self) -> None:
        """Wait for all that was asked of the device here."""
        if self._stream is not None:
            self._stream.synchronize()
        elif self.device.type == "mps":
            torch.mps.synchronize()


def opened(device: str) -> Place:
    """Return the place, tried with a small sum. Raises RuntimeError if torch cannot use it."""
    try:
        place = Place(device)
        with place.on():
            torch.ones(1, device=place.device).add(1.0).cpu()
    # Without CUDA in the build torch raises an AssertionError, without MPS a NotImplementedError.
    except (AssertionError, NotImplementedError, RuntimeError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"torch {torch.__version__} cannot use {device}: {said}"
        raise RuntimeError(msg) from error
    return place


def lacks_memory(error: Exception) -> bool:
    """Return whether the error says that a device's memory does not suffice."""
    # MPS raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)
