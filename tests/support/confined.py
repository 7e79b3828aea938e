"""Engines with the hostile critic in a worker, for the tests of isolation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from eleanor_core.engine import EleanorEngine
from eleanor_core.model import Assessment, CriticResult, JsonObject
from eleanor_core.testing import Harness, critic_plugin
from support.wheels import make_wheel, unpack

SOURCE = Path(__file__).with_name("hostile.py").read_text("utf-8")
POINTS = "[eleanor.critics]\n{0} = eleanor_{0}\n"
SECRET = "a secret of the host"
REF = "critics/hostile"
FLOOD = """
import os
while True:
    for number in range(3, 20):
        try:
            os.write(number, b"z" * 65536)
        except OSError:
            pass
"""


def calm(case: object, /) -> CriticResult:
    return CriticResult(critic="calm", score=0.25, confidence=1.0)


def put_hostile(folder: Path) -> Path:
    """Install the hostile plugins below a folder, with a secret beside them; return where."""
    sources = {
        "hostile": SOURCE,
        "exits": "import os\nos._exit(3)\n",
        "hangs": "import time\ntime.sleep(600)\n",
        "floods": FLOOD,
        "reads": f"open({str(folder / 'secret')!r})\n",
        "greedy": SOURCE.replace("hostile", "greedy")
        .replace("summary=", "patterns=(Pattern(id='all', regex='.+', redact=True),), summary=")
        .replace("import CriticDeclaration", "import Pattern, CriticDeclaration"),
    }
    wheels = [
        make_wheel(
            folder, f"eleanor-{name}", "1.0", POINTS.format(name), {f"eleanor_{name}.py": text}
        )
        for name, text in sources.items()
    ]
    target = folder / "site"
    unpack(*wheels, target=target)
    (folder / "secret").write_text(SECRET, "utf-8")
    return target


def hostile_settings(**entry: object) -> JsonObject:
    confinement = {"workers": 1, "memory_mb": 512, "open_files": 32, "best_effort": True}
    hostile = {"isolation": "process", "confinement": confinement, "deadline": 20.0, **entry}
    return {"critics": {"hostile": hostile}}


Judge = Callable[[str], Assessment]


@contextmanager
def hostile_engine(
    home: Path, backend: str = "asyncio", **entry: object
) -> Iterator[tuple[EleanorEngine, Judge]]:
    plugins = [REF, critic_plugin("calm", calm, execution="inline")]
    with start_blocking_portal(backend) as portal:
        running = Harness(home)(plugins=plugins, settings=hostile_settings(**entry))
        with portal.wrap_async_context_manager(running) as engine:
            yield engine, lambda text: portal.call(lambda: engine.run(text=text))
