"""A process that has imported `eleanor` once and forks for each command that a test runs.

A fork of it is a process of its own, with its own environment, folder, streams and end; what it
saves is half a second of imports for each command. Requests come as JSON lines on standard input;
each is answered with the exit code, alone on a line.
"""

import atexit
import gc
import importlib
import json
import os
import sys
import threading
from functools import cache

import typer.main

IMPORTED = (
    "anyio._backends._asyncio",
    "anyio._core._signals",
    "asyncio",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.serialization",
    "dotenv",
    "eleanor_cli.app",
    "eleanor_cli.batch",
    "eleanor_cli.config",
    "eleanor_cli.crash",
    "eleanor_cli.doctor.command",
    "eleanor_cli.evaluate",
    "eleanor_cli.evidence.checking",
    "eleanor_cli.evidence.keeping",
    "eleanor_cli.evidence.proofs",
    "eleanor_cli.evidence.records",
    "eleanor_cli.explain.page",
    "eleanor_cli.plugins.listing",
    "eleanor_cli.plugins.locking",
    "eleanor_cli.quality.command",
    "eleanor_cli.quality.run",
    "eleanor_cli.review.keys",
    "eleanor_cli.review.opening",
    "eleanor_cli.review.show",
    "eleanor_cli.review.verbs",
    "eleanor_cli.secrets.verbs",
    "eleanor_cli.show",
    "eleanor_cli.tables.cases",
    "eleanor_cli.tables.results",
    "eleanor_cli.usage",
    "eleanor_core.engine",
    "eleanor_core.registry",
    "eleanor_core.settings.environment",
    "eleanor_evidence_local.log",
    "getpass",
    "pydoc",
    "rich.console",
    "sqlite3",
    "typer._adapters",
    "typer._click.decorators",
)


def become(request: dict) -> None:
    """Turn this process into the one that was asked for."""
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = request["argv"]
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    for number, path in enumerate(request["streams"]):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 -- it lives as long as the process


def serve() -> bool:
    """Answer until the input ends. Returns True in a fork."""
    for line in iter(sys.stdin.buffer.readline, b""):
        request = json.loads(line)
        child = os.fork()
        if not child:
            become(request)
            return True
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    return False


def end(code: object) -> None:
    """End as an interpreter does, but do not take apart what was imported before the fork.

    Threads are waited for, exit functions run, garbage is found, streams are written out. To take
    the modules apart, each page of which a fork would have to copy for it, takes as long as the
    command itself.
    """
    threading._shutdown()
    atexit._run_exitfuncs()
    gc.collect()
    sys.stdout.flush()
    sys.stderr.flush()
    if isinstance(code, int):
        os._exit(code)
    raise SystemExit(code)


for name in IMPORTED:
    importlib.import_module(name)
# Makes the converter, which is a fifth of what is left.
sys.modules["eleanor_core.codec"].to_json(None)
# So is the tree of all verbs, which is made anew for each command and is the same for all.
typer.main.get_command = cache(typer.main.get_command)
dict(typer.main.get_command(sys.modules["eleanor_cli.app"].app).commands)
# What is installed is read once; what a test adds to the path is read by its own fork.
sys.modules["eleanor_core.registry"].discover()
# What is here already is no garbage: forks that looked through it for some would copy it all.
gc.collect()
gc.freeze()
if serve():
    try:
        sys.modules["eleanor_cli.app"].main()
    except SystemExit as ended:
        code = ended.code
    end(code)
