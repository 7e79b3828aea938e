"""`docs/plugins/trust.md` shows settings and a lock that work, and names every limit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from eleanor_core.isolation.confine import LIMITS
from eleanor_core.registry.lock import FORMAT, LockFile
from eleanor_core.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "plugins" / "trust.md"


def _blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def test_its_settings_are_settings() -> None:
    locked, isolated = [Settings.model_validate(yaml.safe_load(text)) for text in _blocks("yaml")]
    assert locked.plugins.lock == Path("/etc/eleanor/plugins.lock")
    critic = isolated.critics["civility"]
    assert (critic.isolation, critic.confinement.memory_mb) == ("process", 512)


def test_its_lock_is_a_lock() -> None:
    (text,) = _blocks("json")
    shown = json.loads(text)
    assert shown["format"] == FORMAT
    for dist in shown["dists"].values():
        dist["files"] = {path: start[:4] + "0" * 60 for path, start in dist["files"].items()}
    LockFile.model_validate(shown)


def test_it_names_every_limit() -> None:
    rows = re.findall(r"^\| ([^|]+) \| [^|]*\| ", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {limit.replace("cpu", "CPU time") for limit in LIMITS} <= set(rows)
