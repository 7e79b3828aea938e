"""`nox` runs what the CI runs: the tests on each Python, and the types."""

from __future__ import annotations

import nox


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """The contract, the cases and your own tests, on asyncio and trio."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """The types, with mypy in strict mode."""
    session.install("-e", ".[test]")
    session.run("mypy")
