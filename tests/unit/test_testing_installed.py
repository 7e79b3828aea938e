"""The rules of the kit for a plugin that is installed: its entry point and what it imports."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from eleanor_core.testing import CriticContract


def contract_for(plugin: object, **fields: object) -> CriticContract:
    """Return a contract for `plugin`, as an author's class makes one."""
    return cast("CriticContract", type("Bad", (CriticContract,), {"plugin": plugin, **fields})())


def test_an_entry_point_of_another_name_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = install(tmp_path, monkeypatch, entry="polite")
    contract = contract_for(module)
    contract.take(tmp_path / "home")
    with pytest.raises(pytest.fail.Exception, match="'one-name'.*\n.*polite; none is 'bad'"):
        contract.test_entry_point_bears_its_name()


def test_a_heavy_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = install(tmp_path, monkeypatch, entry="bad")
    contract = contract_for(module, heavy=frozenset({"wave", "chunk-of-nothing"}))
    contract.take(tmp_path / "home")
    contract.test_entry_point_bears_its_name()
    with pytest.raises(pytest.fail.Exception, match=r"'light-import'[^$]*it loads wave"):
        contract.test_imports_light()


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, entry: str) -> ModuleType:
    """Put a dist on the path whose entry point is called `entry`; return its module."""
    name = f"bad_critic_called_{entry}"
    (folder / f"{name}.py").write_text(
        "import wave\n"
        "from eleanor_core.api import CriticResult, hookimpl\n"
        "from eleanor_core.testing import critic_plugin\n"
        "def quiet(case):\n"
        "    return CriticResult(critic='bad', score=0.1, confidence=0.5)\n"
        "@hookimpl\n"
        "def eleanor_register_critics():\n"
        "    return [critic_plugin('bad', quiet).declaration]\n"
    )
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[eleanor.critics]\n{entry} = {name}\n")
    monkeypatch.syspath_prepend(str(folder))
    return import_module(name)
