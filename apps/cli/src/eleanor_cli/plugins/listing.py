"""`eleanor plugins`: what is installed, what is used, what broke and why. It starts nothing."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, cast

from eleanor_cli import exits, logs, words
from eleanor_cli.escape import prose
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_core.codec import to_json
from eleanor_core.model import JsonObject, JsonValue
from eleanor_core.registry import Broken, Explanation, Registry, Row, explain
from eleanor_core.registry.load import Loading
from eleanor_core.settings import LoadedSettings, Settings

STATUSES: Final[Mapping[str, words.Sign]] = MappingProxyType(
    {
        "required": words.Sign("✓", "required", "bold green"),
        "enabled": words.Sign("✓", "enabled", "green"),
        "available": words.Sign("·", "available", "dim"),
        "blocked": words.Sign("-", "blocked", "yellow"),
        "broken": words.Sign("✗", "broken", "bold red"),
    }
)

_DISTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "critics": "eleanor-critics-constitutional",
        "detectors": "eleanor-detectors-patterns",
    }
)
"""Dists that hold several plugins. Any other default is a dist of its own, `eleanor-KIND-NAME`."""


def list_plugins(options: Options, *, as_json: bool) -> int:
    """Print every plugin with its status. 0 also when some are broken: that is what it shows."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    registry = _registry(options, loaded)
    settings = loaded.settings
    rows = registry.rows()
    if as_json:
        data: JsonValue = {
            "plugins": [_wire(row, registry.broken) for row in rows],
            "missing": _missing(settings, rows),
        }
        write_json(data)
    else:
        _show_list(rows, registry.broken, _missing(settings, rows))
    return exits.OK


def explain_plugin(options: Options, ref: str, *, as_json: bool) -> int:
    """Print why one plugin is on, off or broken, and what it declares."""
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)
    _registry(options, loaded)
    explanations = explain(ref, loaded.settings, origins=loaded.origins)
    if as_json:
        write_json([_explanation(item) for item in explanations])
    else:
        _show_explanations(explanations)
    return exits.OK


def _registry(options: Options, loaded: LoadedSettings) -> Registry:
    """Load what the settings choose; from then on what it declares as secret is masked."""
    # Not `load`: where a required plugin is broken it raises, and this is to show just that.
    registry = Loading(loaded.settings, loaded.origins, options.redaction).run(())
    return options.redaction.learn_shapes(registry)


def _missing(settings: Settings, rows: Collection[Row]) -> dict[str, list[str]]:
    """Return the defaults that are not installed, by the dist that brings them."""
    installed = {row.ref for row in rows}
    missing: dict[str, list[str]] = {}
    for ref in settings.plugins.defaults if settings.plugins.exact is None else ():
        if ref not in installed:
            missing.setdefault(_dist(ref), []).append(ref)
    return missing


def _dist(ref: str) -> str:
    kind, _, name = ref.partition("/")
    return _DISTS.get(kind, f"eleanor-{kind}-{name}")


# -- for programs ---------------------------------------------------------------------------------


def _wire(row: Row, broken: Sequence[Broken]) -> JsonValue:
    """Return a row, and for a broken plugin what is known of the fault."""
    data = dict(cast("JsonObject", to_json(row)))
    for item in broken:
        if (item.ref, item.dist) == (row.ref, row.dist):
            data["fault"] = {
                "stage": item.stage,
                "error": item.error,
                "frame": item.frame,
                "hint": item.hint,
            }
    return data


def _explanation(item: Explanation) -> JsonValue:
    data = dict(cast("JsonObject", to_json(item)))
    return {**cast("JsonObject", data.pop("row")), **data}


# -- for people -----------------------------------------------------------------------------------


def _show_list(
    rows: Collection[Row], broken: Sequence[Broken], missing: Mapping[str, Sequence[str]]
) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, listing

    screen = console(sys.stdout)
    if rows:
        lines = (
            (
                Text.assemble(_status(row)),
                Text(prose(row.ref), style="bold"),
                Text(prose(f"{row.dist} {row.version}".strip() or "not installed")),
                Text(prose(row.summary if row.status != "broken" else "see below"), style="dim"),
            )
            for row in rows
        )
        screen.print(listing(("status", "plugin", "dist", "what it does"), lines))
    for item in broken:
        screen.print()
        for line in _fault(item):
            screen.print(Text(line), soft_wrap=True)
    if missing:
        screen.print(
            Text("\nnot installed (the default set):" if rows else "no plugin is installed:")
        )
        screen.print(listing(("get it with", "it brings"), _cures(missing)))
    if any(ref.startswith("critics/") for refs in missing.values() for ref in refs) and not any(
        row.kind == "critics" and row.status in ("enabled", "required") for row in rows
    ):
        screen.print(Text("\nWithout a critic nothing can be judged."))


def _status(row: Row) -> tuple[str, str]:
    sign = STATUSES[row.status]
    return f"{sign.mark} {sign.word}", sign.style


def _fault(item: Broken) -> Iterator[str]:
    whose = f" ({item.dist} {item.version})" if item.dist else ""
    yield prose(f"✗ {item.ref}{whose} broke at: {item.stage}")
    yield prose(item.error).join(("  error  ", ""))
    if item.frame:
        yield f"  where  {prose(item.frame)}"
    if item.hint:
        yield f"  do     {prose(item.hint)}"


def _cures(missing: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    for dist, refs in sorted(missing.items()):
        yield f"pip install {dist}", ", ".join(refs)


def _show_explanations(explanations: Sequence[Explanation]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    screen = console(sys.stdout)
    for number, item in enumerate(explanations):
        row = item.row
        if number:
            screen.print()
        # The reason of a broken plugin names its dist itself.
        named = row.dist and row.status != "broken"
        whose = f" ({prose(f'{row.dist} {row.version}')})" if named else ""
        screen.print(
            Text.assemble(
                _status(row), "  ", (prose(row.ref), "bold"), f"{whose}: {prose(row.reason)}"
            )
        )
        grid = sheet(max((len(name) for name in item.facts), default=0) + 3)
        for name, value in item.facts.items():
            grid.add_row(label(prose(name)), Text(prose(value)))
        screen.print(grid)
        for entry in item.settings:
            screen.print()
            screen.print(
                Text.assemble("  ", (prose(entry.key), "bold"), f"  {prose(entry.type)}"),
                soft_wrap=True,
            )
            grid = sheet()
            grid.add_row(label("  default"), Text(prose(entry.default.removeprefix("default "))))
            grid.add_row(label("  meaning"), Text(prose(entry.description)))
            screen.print(grid)
