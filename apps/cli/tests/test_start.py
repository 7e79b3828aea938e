"""What a start costs: asking for help loads the parser alone, and a judgement what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATE = ("cattrs", "numpy", "pydantic_settings", "structlog")
"""What a plain judgement over an empty store, of which nothing need be logged, has no use for."""


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


def test_a_judgement_loads_only_what_it_uses(eleanor):
    code = (
        "import sys\n"
        "from eleanor_cli.app import app\n"
        "try:\n    app(['evaluate', 'Take out the trash.'])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print([name for name in {LATE!r} if name in sys.modules])"
    )
    # All plugins of the default install.
    env = {name: value for name, value in eleanor.env.items() if not name.startswith("ELEANOR_")}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**env, "ELEANOR_HOME": str(eleanor.home)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    # On a busy machine a critic may take longer than it should, and that is told.
    told = ["structlog"] if ran.stderr else []
    assert ran.stdout.decode().splitlines()[-1] == str(told)


def test_whoever_imports_structlog_finds_it_set_up(eleanor):
    code = (
        "import logging, sys, warnings\n"
        "from eleanor_cli import logs\n"
        "from eleanor_core import Redaction, Settings\n"
        "logs.configure(Settings(), Redaction.of(env={'MY_PASSWORD': 'correct-horse-battery'}))\n"
        "assert 'structlog' not in sys.modules\n"
        "import structlog\n"
        "structlog.get_logger('plugin').warning('told', key='correct-horse-battery')\n"
        "structlog.get_logger('plugin').info('not told')\n"
        "logging.getLogger('library').warning('so is correct-horse-battery')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(eleanor.env),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    first, second = ran.stderr.splitlines()
    assert ran.stdout == ""
    assert first.endswith(f"warning told key={'*' * 21!r}")
    assert second.endswith(f"warning so is {'*' * 21} logger='library'")
