"""Who raises which clause: the page `docs/clauses.md`, made from the installed declarations.

    python tests/support/clauses.py

writes the page. It needs the critics of this repository installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eleanor_core.model import CLAUSES
from eleanor_core.registry import Loaded, discover, load
from eleanor_core.settings import Settings
from eleanor_core.settings.model import DEFAULT_PLUGINS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "clauses.md"
TEMPLATE = "critics/civility"

STAGES: Mapping[str, tuple[str, ...]] = {
    "recall": ("PR1", "PR2", "PR3"),
    "uncertainty": ("U1", "U2", "U3"),
    "engine": ("U1",),
    "scan": ("U1",),
    "every voice, by a fault": ("U1",),
}
"""What the core raises in its own name, and what a fault raises in its voice's."""

_HEAD = """\
# Clauses

A clause is what an objection or an escalation names. Its tier says what a human owes the case: at
tier 2 a human must acknowledge, at tier 3 a human must decide (proceed, modify or halt). The tiers
are those of the registry and of nobody else: a result that names another tier is malformed. `UDHR`
lists articles of the Universal Declaration of Human Rights (1948) that a clause rests on.

This page is made from the registry and from what the critics of this repository declare
(`python tests/support/clauses.py`); a test holds it to both, and raises every clause for real.

| Clause | Tier | Title | UDHR | Raised by |
| --- | --- | --- | --- | --- |
"""
_FOOT = """
`civility` is the template for a critic of your own; it is not enabled by default.
"""


def critics() -> Mapping[str, Loaded]:
    """Return the critics of this repository, loaded by name."""
    wanted = {ref for ref in (*DEFAULT_PLUGINS, TEMPLATE) if ref.startswith("critics/")}
    settings = {"plugins": {"exact": sorted(wanted & {found.ref for found in discover()})}}
    return load(Settings.model_validate(settings)).loaded["critics"]


def emitters(declared: Mapping[str, Loaded]) -> dict[str, list[str]]:
    """Return clause -> names of those who may raise it: critics by name, then the stages."""
    raised: dict[str, list[str]] = {code: [] for code in CLAUSES}
    for name, loaded in declared.items():
        for code in getattr(loaded.declaration, "clauses", ()):
            raised[code].append(name)
    for stage, codes in STAGES.items():
        for code in codes:
            raised[code].append(stage)
    return raised


def page() -> str:
    """Return the page."""
    raised = emitters(critics())
    rows = [
        f"| {clause.code} | {clause.tier} | {clause.title} | {', '.join(map(str, clause.udhr))} "
        f"| {', '.join(raised[clause.code])} |\n"
        for clause in CLAUSES.values()
    ]
    return _HEAD + "".join(rows) + _FOOT


__all__ = ["PAGE", "STAGES", "TEMPLATE", "critics", "emitters", "page"]

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
