"""The version of the plugin API, apart from that of the dist.

A plugin says what it needs as "MAJOR.MINOR": the same major and at least that minor must be
offered. A new minor only adds; a new major brings a migration note.
"""

from __future__ import annotations

API_VERSION = "1.0"


def satisfies(needed: str, offered: str = API_VERSION) -> bool:
    """Return whether an API `offered` serves a plugin that needs `needed`.

    Raises ValueError if either is not of the form "MAJOR.MINOR".
    """
    need_major, need_minor = _parse(needed)
    have_major, have_minor = _parse(offered)
    return need_major == have_major and need_minor <= have_minor


def _parse(version: str) -> tuple[int, int]:
    major, dot, minor = version.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal()):
        raise ValueError(f"an API version has the form 'MAJOR.MINOR', got {version!r:.40}")
    return int(major), int(minor)
