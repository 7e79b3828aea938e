"""A worker process: `python -m eleanor_cli.batching.worker`, started by the pool alone.

It owns its two pipes alone: whatever a plugin prints goes to standard error, and what it reads is
empty. It ends with its parent. Signals are the parent's business: those that a terminal or a
service manager sends to the whole group are passed over here, so that what is under way gets its
record before the parent stops its workers.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import cast

from eleanor_cli.batching.frames import read_frame


def main() -> None:
    """Serve until the parent says stop, or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # Copies, which no process started from here inherits.
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 -- not a path, the null device
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    hello = read_frame(source)
    if hello is None:
        return
    # The parent's plugins, and those of no other folder.
    sys.path[:] = cast("list[str]", hello.head["path"])

    from eleanor_cli.batching.serve import serve

    serve(hello, source, sink)
    # The threads that listen still wait for the parent.
    os._exit(0)


if __name__ == "__main__":
    main()
