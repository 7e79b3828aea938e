"""What a start costs: asking for help loads the parser alone."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["evaluate", "--help"]])
def test_help_loads_neither_the_core_nor_rich(eleanor, arguments):
    code = (
        "import sys\n"
        "from eleanor_cli.app import app\n"
        f"try:\n    app({arguments!r})\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print([name for name in ('eleanor_core', 'rich', 'anyio') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(eleanor.env),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert ran.stdout.decode().splitlines()[-1] == "[]"
