"""The pages for plugin authors say what the code does: rules, hooks, and every example runs."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from eleanor_core.api import KINDS, hookspecs
from eleanor_core.errors import PluginError
from eleanor_core.model import ABSTENTION_REASONS
from eleanor_core.registry import Stage, load
from eleanor_core.settings import Settings
from eleanor_core.settings.model import PluginSelection
from eleanor_core.testing.rules import PAGE, RULES

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "docs" / "plugins"
EXAMPLE = ROOT / "plugins" / "critics" / "example"
STEPS = re.findall(
    r"^```sh\n([^`]*)^```\n\n```text\n(.*?)^```",
    (EXAMPLE / "README.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
"""What the example's README tells to run, and what it says that this prints."""
NEEDED = {"eleanor": "eleanor_cli", "mypy": "mypy", "local": "eleanor_evidence_local"}


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page that are written in `language`."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def said(page: Path) -> str:
    """Return a page's text with every run of white space as one space."""
    return " ".join(page.read_text("utf-8").split())


def looks_like(expected: str, found: str) -> bool:
    """Tell whether `found` is `expected`, where `...` stands for anything."""
    parts = (re.escape(part) for part in expected.strip().split("..."))
    return re.fullmatch(".*?".join(parts), found.strip(), re.DOTALL) is not None


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_heading_and_its_words(rule: str) -> None:
    page = (ROOT / PAGE).read_text("utf-8")
    assert f"\n### {rule}\n\n**{RULES[rule]}**\n" in page


def test_no_rule_is_invented() -> None:
    headings = re.findall(r"^### (\S+)$", (ROOT / PAGE).read_text("utf-8"), re.MULTILINE)
    assert headings == list(RULES)


@pytest.mark.parametrize("kind", KINDS)
def test_every_hook_has_a_heading_with_its_arguments(kind: str) -> None:
    hook = getattr(hookspecs, f"eleanor_register_{kind}")
    heading = f"## `{hook.__name__}{inspect.signature(hook)}`".replace("'", "")
    page = said(PLUGINS / "hooks.md")
    section = page[page.index(heading) + len(heading) :].partition("## ")[0]
    doc = " ".join((inspect.getdoc(hook) or "").split())
    for label in ("Called when", "Must return", "Must not do", "If it raises"):
        doc = doc.replace(f"{label}:", f"- **{label}**:")
    assert section.strip() == doc


def test_hooks_stand_in_the_order_in_which_kinds_start() -> None:
    page = (PLUGINS / "hooks.md").read_text("utf-8")
    assert tuple(re.findall(r"^## `eleanor_register_(\w+)", page, re.MULTILINE)) == KINDS


def test_every_kind_stands_in_the_index() -> None:
    rows = re.findall(r"^\| (\w+) \| `eleanor\.", (PLUGINS / "index.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(KINDS)


def test_every_stage_and_every_reason_is_explained() -> None:
    page = (PLUGINS / "errors.md").read_text("utf-8")
    words = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert words == [*Stage.__args__, *ABSTENTION_REASONS]


PLAIN = """
from contextlib import nullcontext
from eleanor_core.api import CriticDeclaration, PluginSettings, hookimpl

class S(PluginSettings):
    limit: int = 3

def declare(**fields):
    about = {"principle": "rights", "clauses": {"D2"}, "execution": "inline", **fields}
    return [CriticDeclaration(name="shouting", factory=lambda s, v: nullcontext(len), **about)]

@hookimpl
def eleanor_register_critics():
    return declare()
"""
SPOILT = {
    "a hook that does not exist": ("register_critics()", "register_critic()"),
    "no marker": ("@hookimpl", ""),
    "an async hook": ("def eleanor", "async def eleanor"),
    "settings without a description": ("return declare()", "return declare(settings=S)"),
    "a clause that does not exist": ("return declare()", 'return declare(clauses={"D9"})'),
    "another API": ("return declare()", 'return declare(api="2.0")'),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_messages_are_explained_as_they_are(fault: str) -> None:
    module = ModuleType("first_critic")
    exec(PLAIN.replace(*SPOILT[fault]), module.__dict__)
    try:
        registry = load(Settings(plugins=PluginSelection(exact=())), [module])
    except PluginError as error:
        message = str(error)
    else:
        (message,) = [broken.text for broken in registry.broken]
    assert sum(block.strip() in message for block in blocks(PLUGINS / "errors.md", "text")) == 1


def test_links_lead_somewhere() -> None:
    for page in PLUGINS.glob("*.md"):
        for target in re.findall(r"\]\(([\w/.]+\.md)\)", page.read_text("utf-8")):
            assert (page.parent / target).is_file(), f"{page.name} links to {target}"


def test_the_first_critic_runs_as_written(tmp_path: Path) -> None:
    critic, trial = blocks(PLUGINS / "index.md", "python")
    assert sum(bool(line.strip()) for line in critic.splitlines()) <= 13
    (tmp_path / "first_critic.py").write_text(critic)
    (tmp_path / "try_it.py").write_text(trial)
    run = subprocess.run(
        [sys.executable, "try_it.py"],
        cwd=tmp_path,
        env={**os.environ, "ELEANOR_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == blocks(PLUGINS / "index.md", "text")[0]


@pytest.fixture(scope="module")
def courtesy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy and rename the example as its README says, and install it into a folder."""
    clone = tmp_path_factory.mktemp("tutorial") / "clone"
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(EXAMPLE, clone / "plugins" / "critics" / "example", ignore=skipped)
    rename = blocks(EXAMPLE / "README.md", "sh")[0]
    subprocess.run(["sh", "-ec", rename], cwd=clone, check=True)
    copy = clone.parent / "eleanor-critics-courtesy"
    arguments = "-m pip install --quiet --no-deps --no-build-isolation --target site ."
    subprocess.run([sys.executable, *arguments.split()], cwd=copy, check=True)
    return copy


def test_the_tutorial_has_all_its_steps() -> None:
    commands = [" ".join(command.split()[:3]) for command, _ in STEPS]
    assert commands == [
        "eleanor plugins explain",
        """eleanor --set 'plugins.exact=["critics/courtesy",""",
        "python -m pytest",
        "python -m mypy",
    ]


@pytest.mark.long
def test_nothing_of_the_example_stays_behind(courtesy: Path) -> None:
    files = [*courtesy.glob("*.*"), *courtesy.glob("src/**/*.*"), *courtesy.glob("tests/**/*.*")]
    left = [
        path.name
        for path in files
        if path.suffix in (".py", ".toml", ".yaml", ".md")
        and re.search("civility|critics.example", path.name + path.read_text(), re.IGNORECASE)
    ]
    assert len(files) > 5
    assert not left


@pytest.mark.long
@pytest.mark.parametrize(("command", "expected"), STEPS)
def test_each_step_prints_what_it_says(courtesy: Path, command: str, expected: str) -> None:
    for word, module in NEEDED.items():
        if word in command and find_spec(module) is None:
            pytest.skip(f"the step needs {module}")
    run = subprocess.run(
        ["sh", "-c", command],
        cwd=courtesy,
        env={
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(courtesy / "site"),
            "ELEANOR_HOME": str(courtesy / "home"),
            "COLUMNS": "100",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert looks_like(expected, run.stdout), run.stdout + run.stderr
