"""What the pages print can be typed: commands parse, settings are settings, programs run.

`pytest -m long apps/cli/tests/test_docs_run.py` runs the commands themselves.
"""

from __future__ import annotations

import json
import logging
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
import typer.main
import yaml
from eleanor_cli import crash, faults
from eleanor_cli.app import app
from support.tree import ROOT, dists

from eleanor_core.registry import discover, load
from eleanor_core.settings import Settings, load_settings
from eleanor_core.settings.types import TABLES

VERBS = typer.main.get_command(app)
RULES = {"plugins/critics/constitutional/README.md", "plugins/detectors/patterns/README.md"}
"""Pages that show rules in YAML, which their own dists test."""


class Block(NamedTuple):
    """One fenced block."""

    page: str
    number: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def _pages() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "apps" / "cli" / "README.md")
    yield from sorted((ROOT / "docs").glob("*.md"))
    yield from sorted((ROOT / "docs" / "plugins").glob("*.md"))
    yield from sorted(ROOT.glob("plugins/*/*/README.md"))


def _blocks() -> Iterator[Block]:
    for page in _pages():
        fenced = re.finditer(
            r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        for number, found in enumerate(fenced):
            yield Block(page.relative_to(ROOT).as_posix(), number, found[1], found[2])


BLOCKS = tuple(_blocks())
COMMANDS = tuple(
    pytest.param(tuple(words), id=f"{block}-{words[0]}")
    for block in BLOCKS
    if block.language == "sh"
    for words in (
        shlex.split(part, comments=True)
        for line in block.text.replace("\\\n", " ").splitlines()
        for part in re.split(r" (?:&&|\|\|?|<) ", line)
    )
    if words and not words[0].startswith(("[", "#")) and "=" not in words[0]
)


def of(*languages: str) -> pytest.MarkDecorator:
    blocks = [block for block in BLOCKS if block.language in languages]
    return pytest.mark.parametrize("block", blocks, ids=str)


class Parsed(Exception):
    """A command was understood."""


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_can_be_given_as_it_is_printed(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    match words:
        case ("eleanor", *arguments):

            def understood(*_: object, **__: object) -> None:
                raise Parsed

            monkeypatch.setattr(faults, "finish", understood)
            monkeypatch.setattr(crash, "install", lambda _redaction: None)
            if arguments != ["--install-completion"]:
                with pytest.raises(Parsed):
                    copy_context().run(VERBS, arguments, prog_name="eleanor", standalone_mode=False)
        case ("pip" | "python", *rest) if "install" in rest:
            _can_be_installed([part for part in rest if not part.startswith("--")])
        case ("python", path, *_) if path.endswith(".py"):
            assert path == "try_it.py" or (ROOT / path).is_file()
        case ("nox", "-s", session, *_):
            assert re.search(
                rf'def {session}\(|name="{session}"', (ROOT / "noxfile.py").read_text()
            )


def _can_be_installed(arguments: list[str]) -> None:
    ours = {dist.name for dist in dists()}
    for option, part in zip(["", *arguments], arguments, strict=False):
        name, _, _ = part.partition("[")
        if option in ("-e", "-r"):
            assert part.startswith(".[") or (ROOT / part).exists(), part
        elif name.startswith("eleanor"):
            assert name in ours, part


@of("yaml", "toml")
def test_settings_can_be_set_as_they_are_printed(block: Block) -> None:
    is_toml = block.language == "toml"
    shown = tomllib.loads(block.text) if is_toml else yaml.safe_load(block.text)
    if not (isinstance(shown, dict) and shown.keys() <= Settings.model_fields.keys()):
        assert block.page in RULES or shown.keys() >= {"critic", "pass", "flag"}
        return
    settings = Settings.model_validate(shown)
    named = {
        f"{kind}/{name}" for kind, table in TABLES.items() for name in getattr(settings, table)
    }
    named |= {
        *settings.plugins.enable,
        *(f"secrets/{name}" for name in settings.security.providers),
    }
    there = {found.ref for found in discover()}
    if settings.plugins.lock is None and named and named <= there and "isolation" not in block.text:
        load(Settings.model_validate({**shown, "plugins": {"exact": sorted(named)}}))


@of("json")
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def test_variables_can_be_set_as_they_are_printed(tmp_path: Path) -> None:
    (block,) = [item for item in BLOCKS if item.language == "sh" and item.text.startswith("# .env")]
    file = tmp_path / "env"
    file.write_text(block.text)
    (yaml_block,) = [item for item in BLOCKS if item.text.startswith("# settings.yaml")]
    (toml_block,) = [item for item in BLOCKS if item.text.startswith("# settings.toml")]
    by_variables = load_settings(env_file=file, env={"ELEANOR_SETTINGS_FILE": ""}).settings
    assert by_variables == Settings.model_validate(yaml.safe_load(yaml_block.text))
    assert by_variables == Settings.model_validate(tomllib.loads(toml_block.text))


MODULES = {
    "first_critic.py": "yield CriticDeclaration(",
    "my_detector.py": "yield DetectorDeclaration(",
    "my_log.py": 'yield EvidenceDeclaration(name="table"',
    "test_contract.py": "import my_detector",
}
"""The files that pages name, by what stands in each alone."""


def _write_modules(folder: Path) -> None:
    for name, sign in MODULES.items():
        (block,) = [item for item in BLOCKS if item.language == "python" and sign in item.text]
        (folder / name).write_text(block.text)


@pytest.mark.long
def test_the_printed_detector_and_log_pass_the_contract(tmp_path: Path) -> None:
    _write_modules(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_contract.py"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def _programs() -> Iterator[object]:
    for block in BLOCKS:
        # These read what a log or a batch makes: tests of their own run them.
        if block.language == "python" and block.page not in ("docs/evidence.md", "docs/batches.md"):
            whole = "EleanorEngine(" in block.text and "MemoryLog" not in block.text
            yield pytest.param(block, id=str(block), marks=pytest.mark.long if whole else ())


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    structlog.reset_defaults()


@pytest.mark.usefixtures("_logging_as_it_was")
@pytest.mark.parametrize("block", [*_programs()])
def test_a_program_runs_as_it_is_printed(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEANOR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    _write_modules(tmp_path)
    exec(compile(block.text, str(block), "exec", dont_inherit=True), {"__name__": "printed"})
