"""Parquet beside JSON Lines, told apart by the file's ending: the same content, as columns.

Parquet is read and written by pyarrow alone, an optional extra, which is imported when a file
ends in `.parquet` and not before.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from eleanor_cli.faults import UsageError


def is_table(file: Path) -> bool:
    """Return whether a file is Parquet by its name."""
    return file.suffix.lower() == ".parquet"


def require_pyarrow(*files: Path) -> None:
    """Raise UsageError, saying what to install, where a file needs pyarrow and it is absent."""
    for file in filter(is_table, files):
        if find_spec("pyarrow") is None:
            msg = f'{file}: Parquet needs pyarrow: pip install "eleanor-cli[parquet]"'
            raise UsageError(msg)
