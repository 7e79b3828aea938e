"""No Any reaches whoever uses the public interface, and nothing is silenced without a reason.

mypy itself is asked, so that inferred types count too. Exempt are names and modules that begin with
an underscore, what a module only imports, and what mypy makes for a decorator (`__match_args__` and
the like; not `__init__`). The arguments of `Callable[..., X]` are no finding: Any is what mypy
calls them, and nobody can receive a value from them.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy.build import BuildResult, build
from mypy.main import process_options
from mypy.nodes import SymbolTable, SymbolTableNode, TypeAlias, TypeInfo, Var
from mypy.type_visitor import TypeQuery
from mypy.types import (
    AnyType,
    CallableType,
    ParamSpecType,
    Type,
    TypeOfAny,
    TypeVarLikeType,
    TypeVarTupleType,
    TypeVarType,
)
from support.tree import ROOT, files, together

IGNORE = re.compile(r"# type: ignore\[[a-z-]+(, ?[a-z-]+)*\] # \w+")
NOQA = re.compile(r"# (?:ruff: )?noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*  ?(?:--|#) \S+")


@pytest.fixture(scope="module")
def checked() -> BuildResult:
    """What is installed here, and the files beside this one, as `mypy --strict` sees them."""
    places = [*(str(dist.package) for dist in together()), str(ROOT / "tests" / "typing")]
    config = ["--strict", "--config-file", str(ROOT / "pyproject.toml")]
    # Without the cache: mypy does not even load what it knows to be unchanged.
    sources, options = process_options([*config, "--no-incremental", *places])
    return build(sources, options)


@pytest.mark.long
def test_mypy_finds_nothing_and_no_any_is_public(checked: BuildResult) -> None:
    assert not checked.errors, "\n".join(checked.errors)
    ours = {dist.module for dist in together()}
    seen = 0
    found: list[str] = []
    for name, tree in sorted(checked.files.items()):
        if name.partition(".")[0] in ours and not _private(name):
            for where, node in _public(tree.names, name):
                seen += 1
                found += [where] if _holds_any(node) else []
    assert not found, "\n".join(found)
    # That the walk reaches something, and knows an Any when it meets one, is part of the claim.
    assert seen > 1000
    others = dict(_public(checked.files["json"].names, "json"))
    assert _holds_any(others["json.loads"])


def _private(name: str) -> bool:
    return any(part.startswith("_") and part != "__main__" for part in name.split("."))


def _public(names: SymbolTable, owner: str) -> Iterator[tuple[str, SymbolTableNode]]:
    """Yield what is defined in a module or class under a public name, classes' members too."""
    for name, symbol in names.items():
        node = symbol.node
        generated = symbol.plugin_generated and name != "__init__"
        special = name.startswith("__") and name.endswith("__")
        if generated or node is None or (name.startswith("_") and not special):
            continue
        # What was imported is looked at where it stands.
        if not symbol.module_public or node.fullname != f"{owner}.{name}":
            continue
        if isinstance(node, TypeInfo):
            yield from _public(node.names, node.fullname)
        elif not (isinstance(node, Var) and special):
            yield node.fullname, symbol


def _holds_any(symbol: SymbolTableNode) -> bool:
    form: Type | None = symbol.node.target if isinstance(symbol.node, TypeAlias) else symbol.type
    return form is not None and form.accept(_AnyFinder())


class _AnyFinder(TypeQuery[bool]):
    """Tells whether a type holds an Any that a value can come out of."""

    def strategy(self, items: list[bool]) -> bool:
        """One is enough."""
        return any(items)

    def visit_any(self, t: AnyType, /) -> bool:
        """Pass over those that mypy's own forms are made of."""
        return t.type_of_any != TypeOfAny.special_form

    def visit_callable_type(self, t: CallableType, /) -> bool:
        """Pass over the arguments of `Callable[..., X]`."""
        return t.ret_type.accept(self) if t.is_ellipsis_args else super().visit_callable_type(t)

    def visit_type_var(self, t: TypeVarType, /) -> bool:
        """Pass over a default that nobody wrote; so do the next two."""
        return self.query_types([t.upper_bound, *t.values, *_written(t)])

    def visit_param_spec(self, t: ParamSpecType, /) -> bool:
        """See `visit_type_var`. Its own bound is mypy's, and so are the arguments it stands for."""
        return self.query_types(_written(t))

    def visit_type_var_tuple(self, t: TypeVarTupleType, /) -> bool:
        """See `visit_type_var`."""
        return self.query_types([t.upper_bound, *_written(t)])


def _written(variable: TypeVarLikeType) -> list[Type]:
    return [variable.default] if variable.has_default() else []


def _comments(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


@pytest.mark.long
def test_nothing_is_silenced_without_a_code_and_a_reason() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{line}: {comment}"
        for path in files(".py")
        for line, comment in _comments(path)
        if ("type: ignore" in comment and not IGNORE.search(comment))
        or ("noqa" in comment and not NOQA.search(comment))
    ]
    assert not unexplained, "\n".join(unexplained)
