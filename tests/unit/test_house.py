"""The repository keeps its own rules: dists, imports, sizes, and what must not stand in it."""

from __future__ import annotations

import ast
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from support.tree import ROOT, Dist, dists, files, plugin_dists, together

import eleanor_core
from eleanor_core.settings.model import DEFAULT_PLUGINS

CORE = "eleanor-core>=0.1,<1"
LONGEST = 400
FOR_TESTS = {
    "eleanor_core.api",
    "eleanor_core.testing",
    # The values that the API is made of, and the name under which everybody has the engine.
    "eleanor_core.model",
    *(f"eleanor_core.{name}" for name in eleanor_core.__all__),
    # Whoever declares patterns tests them behind one scan, as the engine runs them.
    "eleanor_core.pipeline.scan",
}
# Put together here, so that this file does not hold what it looks for.
MACHINE = re.compile(
    "|".join(
        (
            r"(?<![\w.~-])/" + r"(?:work|root)/\w",
            r"(?<![\w.~-])/" + r"(?:home|Users)/[a-z]\w+/",
            r"/tmp/" + r"venv",
            r"[A-Z]:\\\\?" + r"Users",
        )
    )
)
INDEX_HOST = re.compile(
    "py" + r"pi\.(?:org|python)|python" + r"hosted|art" + r"ifactory|--(?:extra-)?index" + r"-url"
)
LOCKS = re.compile(r"(?:^|[.-])lock$|\.lock$|-lock\.\w+$|^Pipfile")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".txt",
    ".json",
    ".cfg",
    ".sh",
    ".template",
    ".sample",
    "",
}

DISTS = dists()
PLUGINS = plugin_dists()
by_name = pytest.mark.parametrize("dist", DISTS, ids=lambda dist: dist.name)
each_plugin = pytest.mark.parametrize("dist", PLUGINS, ids=lambda dist: dist.name)


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


# -- dists ----------------------------------------------------------------------------------------


def _editable(name: str) -> list[str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    return [line.removeprefix("-e ").removeprefix("./") for line in lines if line.startswith("-e ")]


def test_requirements_name_what_the_default_settings_need() -> None:
    needed = [dist.path for dist in PLUGINS if set(dist.refs) & set(DEFAULT_PLUGINS)]
    assert _editable("requirements.txt") == [".", "apps/cli", *needed]


def test_requirements_dev_adds_the_rest() -> None:
    text = (ROOT / "requirements-dev.txt").read_text("utf-8")
    assert "-r requirements.txt" in text.splitlines()
    default = _editable("requirements.txt")
    rest = [dist.path for dist in together() if dist.path not in default]
    assert sorted(_editable("requirements-dev.txt")) == sorted(rest)


def test_every_default_plugin_is_in_this_repository() -> None:
    assert set(DEFAULT_PLUGINS) <= {ref for dist in PLUGINS for ref in dist.refs}


@by_name
def test_a_dist_has_all_that_a_dist_needs(dist: Dist) -> None:
    project = dist.project
    for name in ("README.md", "CHANGELOG.md"):
        assert len((dist.folder / name).read_text("utf-8")) > 20, name
    assert project["readme"] == "README.md"
    assert project["license"] == "Apache-2.0"
    assert project["requires-python"] == ">=3.11"
    assert project["description"]
    assert (dist.package / "py.typed").is_file()
    if dist.folder != ROOT:
        assert CORE in dist.dependencies
        assert project["version"] == "0.1.0"


@each_plugin
def test_a_plugin_is_named_after_its_place(dist: Dist) -> None:
    kind, name = dist.folder.parts[-2:]
    assert dist.name == f"eleanor-{kind}-{name}"
    assert dist.module == f"eleanor_{kind}_{name}".replace("-", "_")
    assert dist.package.parent.name == "src"
    assert (dist.folder / "tests").is_dir()
    assert all(ref.startswith(f"{kind}/") for ref in dist.refs)
    assert dist.refs


def test_no_two_dists_share_a_name_a_module_or_a_plugin() -> None:
    for names in (
        [dist.name for dist in DISTS],
        [dist.module for dist in DISTS],
        [ref for dist in DISTS for ref in dist.refs],
    ):
        assert [name for name, count in Counter(names).items() if count > 1] == []


# -- imports --------------------------------------------------------------------------------------


@cache
def _imports(path: Path) -> tuple[str, ...]:
    return tuple(_imported(_tree(path)))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module or ""
            # `from eleanor_core import api` imports the module as well as `import` does.
            yield from (
                (f"{module}.{alias.name}" for alias in node.names)
                if module == "eleanor_core"
                else (module,)
            )


@each_plugin
def test_a_plugin_imports_what_a_stranger_may(dist: Dist) -> None:
    sources = sorted(dist.package.rglob("*.py"))
    assert sources
    # A stranger may build on a plugin that is a dist of its own, and says so.
    beside = {item.module for item in PLUGINS if item.name in dist.needs}
    wrong = [
        f"{_relative(path)} imports {name}"
        for path in sources
        for name in _imports(path)
        if name.startswith("eleanor_")
        and name != "eleanor_core.api"
        and name.partition(".")[0] not in (dist.module, *beside)
    ]
    assert not wrong, "\n".join(wrong)


@each_plugin
def test_a_plugin_is_tested_with_what_a_stranger_has(dist: Dist) -> None:
    beside = {item.module for item in DISTS if item.name in dist.for_tests | dist.needs}
    wrong = [
        f"{_relative(path)} imports {name}"
        for path in sorted((dist.folder / "tests").rglob("*.py"))
        for name in _imports(path)
        if name.startswith("eleanor_")
        and name not in FOR_TESTS
        and not name.startswith("eleanor_core.testing.")
        and name.partition(".")[0] not in (dist.module, *beside)
    ]
    assert not wrong, "\n".join(wrong)


def test_core_and_surfaces_import_no_plugin() -> None:
    modules = {dist.module for dist in PLUGINS}
    named = re.compile("|".join(modules))
    wrong = [
        f"{_relative(path)} imports {name}"
        for dist in DISTS
        if dist.module not in modules
        for path in sorted(dist.package.rglob("*.py"))
        if named.search(path.read_text("utf-8"))  # most name none, and need not be parsed
        for name in _imports(path)
        if name.partition(".")[0] in modules
    ]
    assert not wrong, "\n".join(wrong)


# -- files ----------------------------------------------------------------------------------------


def test_a_file_reads_in_one_sitting() -> None:
    long = {
        _relative(path): count
        for path in files(".py")
        if (count := len(path.read_text("utf-8").splitlines())) > LONGEST
    }
    assert not long


def test_every_module_says_what_it_is_for() -> None:
    # A docstring is what stands first; to parse every file for it takes seconds.
    said = re.compile(r'(?:\s|#.*)*r?"""\s*[^\s"]')
    silent = [_relative(path) for path in files(".py") if not said.match(path.read_text("utf-8"))]
    assert not silent


def test_nothing_in_the_repository_belongs_to_one_machine() -> None:
    found = [
        f"{_relative(path)}: {match[0]}"
        for path in files()
        if path.suffix in TEXT
        for pattern in (MACHINE, INDEX_HOST)
        for match in pattern.finditer(path.read_text("utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


def test_no_lock_file() -> None:
    assert not [_relative(path) for path in files() if LOCKS.search(path.name)]


@pytest.mark.parametrize("name", ["wordpiece.py", "vocab.txt"])
def test_what_two_embedders_carry_is_one_file(name: str) -> None:
    """A plugin imports no other one, so both have the tokenizer; tested is that of minilm."""
    copies = [path for path in files() if path.name == name]
    assert len(copies) == 2
    assert len({path.read_bytes() for path in copies}) == 1


# -- what names something else --------------------------------------------------------------------


def test_the_quick_start_has_two_blocks() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.split("## Quick start\n", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    assert [language for language, _ in blocks] == ["sh", "sh"]
    first, second = (block for _, block in blocks)
    assert "requirements.txt" in first
    assert "eleanor evaluate" in first
    assert "requirements-dev.txt" in second
    assert "pytest" in second


def _sessions() -> set[str]:
    return {
        node.name
        for node in ast.walk(_tree(ROOT / "noxfile.py"))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if ast.unparse(decorator).startswith("nox.session")
    }


def test_ci_runs_sessions_that_exist() -> None:
    (file,) = (ROOT / ".github" / "workflows").glob("*.yml")
    flow = yaml.safe_load(file.read_text("utf-8"))
    matrix = flow["jobs"]["nox"]["strategy"]["matrix"]
    named = {*matrix["session"], *(row["session"] for row in matrix["include"])}
    assert named <= _sessions()
    # Some are jobs of their own; the long tests are for a night.
    assert _sessions() - named <= {"readme", "security", "long_tests", "lives", "crashes"}


def test_scripts_and_hooks_name_what_exists() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    entries = [hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]]
    lines = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    words = [
        shlex.split(line, comments=True) for line in (*entries, *lines) if line.count('"') % 2 == 0
    ]
    for line in words:
        if "nox" in line:
            assert set(line[line.index("-s") + 1 :]) <= _sessions()
        for word in line:
            if word.endswith(".py") or word in ("eleanor_core", "tests/typing"):
                assert (ROOT / word).exists(), word
