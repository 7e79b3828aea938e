"""Opens the reviews of the evidence log for a verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from eleanor_cli import logs
from eleanor_cli.options import Options
from eleanor_cli.running import run
from eleanor_core import Reviews, open_reviews


def with_reviews(options: Options, main: Callable[[Reviews], Awaitable[int]]) -> int:
    """Run `main` with the reviews in force, and return its exit code."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)

    async def opened() -> int:
        async with open_reviews(loaded.settings, redaction=options.redaction) as reviews:
            return await main(reviews)

    return run(opened)
