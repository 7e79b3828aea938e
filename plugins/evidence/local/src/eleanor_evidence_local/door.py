"""The way to the writer thread: what is put there is taken by it, in order."""

from __future__ import annotations

import socket
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Door(Generic[T]):
    """A queue for one thread that takes, which is woken by a system call.

    Such a call lets go of the GIL, so that the thread finds it free. Woken by a lock, as by
    `queue`, it pushes aside who woke it, only to wait for the GIL and be woken twice more.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._items: deque[T] = deque()
        self._inside, self._outside = socket.socketpair()

    def put(self, item: T) -> None:
        """Add an item. Each one takes a `knock`."""
        self._items.append(item)

    def knock(self) -> None:
        """Wake the thread, which runs at once: hold no lock that it asks for."""
        self._outside.send(b"-")

    def take(self, seconds: float | None = None) -> T:
        """Wait for the next item. Raises TimeoutError if none comes in so many seconds."""
        if seconds != self._inside.gettimeout():
            self._inside.settimeout(seconds)
        self._inside.recv(1)
        return self._items.popleft()

    def close(self) -> None:
        """Let go of what it wakes with. Nobody may come or wait any more."""
        self._inside.close()
        self._outside.close()
