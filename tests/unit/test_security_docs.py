"""The security page names tests that exist, for every line of both lists."""

from __future__ import annotations

import ast
import re

import pytest
from support.tree import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
LINES = [*(f"LLM{number:02}" for number in range(1, 11)), *(f"API{n}" for n in range(1, 11))]
NAMED = sorted(set(re.findall(r"`([\w/.-]+/tests?/[\w/.]+\.py|tests/[\w/.]+\.py)(::\w+)?`", PAGE)))


def test_every_line_is_there_once_and_names_a_test() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| (?:LLM|API)\d", line)]
    assert [row.split()[1] for row in rows] == LINES
    assert all(".py" in row.rsplit("|", 2)[1] for row in rows)


@pytest.mark.parametrize(("file", "test"), NAMED, ids=lambda part: part or "all")
def test_a_named_test_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    names = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert any(name.startswith("test_") for name in names) or "Contract" in ast.dump(tree)
    assert not test or test.removeprefix("::") in names
