"""The report as one page that stands alone: no script, no font, no picture from elsewhere.

Everything that came from a file or a plugin is escaped. It follows light and dark, and prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Final

from eleanor_cli.escape import safe
from eleanor_cli.quality.baseline import Change
from eleanor_cli.quality.figures import FEW, FIGURES
from eleanor_cli.quality.plots import plots
from eleanor_cli.quality.report import Report, Row, Value
from eleanor_cli.quality.style import STYLE
from eleanor_cli.quality.table import number, span
from eleanor_cli.quality.tally import ENDS

_SUMMARY: Final = (
    "auroc",
    "average_precision",
    "recall_at_1_fpr",
    "precision",
    "recall",
    "f1",
    "false_alarms",
    "ece",
    "stopped_0",
    "stopped_1",
    "coverage",
)
_SIGNS: Final = {"better": "▲ better", "worse": "▼ worse", "different": "◆ different"}

Changes = Mapping[tuple[str, str], Change]


def page(report: Report, changes: Sequence[Change], caveats: Sequence[str]) -> str:
    """Return the whole page as HTML."""
    changed = {(change.row, change.key): change for change in changes}
    body = "\n".join(
        (
            _head(report),
            _compared(changes, caveats),
            _summary(report, changed),
            _glossary(),
            "<h2>Set by set</h2>",
            *(_section(index, row, changed) for index, row in enumerate(report.rows)),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>ELEANOR quality, {_safe(report.date)}</title>\n<style>{STYLE}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    spent = report.spent
    facts = {
        "Date": report.date,
        "Texts": f"{spent.texts} in {len(report.sets)} sets, judged as kind {report.kind}"
        + (f", at most {report.limit} of each set" if report.limit else ""),
        "Time": f"{spent.wall:.0f} s, {spent.cpu_ms:.2f} CPU ms a text",
        "Plugins": ", ".join(f"{ref} ({dist})" for ref, dist in report.plugins.items()),
        "Broken": ", ".join(f"{ref}: {error}" for ref, error in report.broken.items()),
        "Settings": f"SHA-256 {report.settings_sha256}",
    }
    items = "".join(
        f"<dt>{name}</dt><dd>{_safe(said)}</dd>" for name, said in facts.items() if said
    )
    return (
        "<h1>How well the critics and detectors judge</h1>\n"
        "<p>Label 1 means that the judge should object, label 0 that it should not. "
        f"A dagger marks a calibration error over fewer than {FEW} texts.</p>\n<dl>{items}</dl>"
    )


def _compared(changes: Sequence[Change], caveats: Sequence[str]) -> str:
    if not (changes or caveats):
        return ""
    said = "".join(f"<li>{_safe(caveat)}</li>" for caveat in caveats)
    rows = "".join(
        f'<tr><td>{_safe(change.row)}</td><td class="word">{FIGURES[change.key].title}</td>'
        f"<td>{_ranged(change.before)}</td><td>{_ranged(change.after)}</td>"
        f'<td class="word {change.verdict}">{_SIGNS[change.verdict]}</td></tr>'
        for change in changes
    )
    table = (
        '<div class="wide"><table><thead><tr><th>set</th><th class="word">figure</th>'
        "<th>before</th><th>now</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
    return (
        "<h2>Against the baseline</h2>\n"
        + (f"<p>Before you compare:</p><ul>{said}</ul>\n" if said else "")
        + (table if rows else "<p>No figure differs beyond the intervals.</p>")
    )


def _summary(report: Report, changed: Changes) -> str:
    heads = "".join(f"<th>{_title(key)}</th>" for key in _SUMMARY)
    numbered = list(enumerate(report.rows))
    body = ""
    for _, group in groupby(numbered, key=lambda item: item[1].measures):
        rows = list(group)
        judge = rows[0][1].judge
        note = f" ({judge.note})" if judge.note else ""
        body += (
            f'<tr class="group"><th colspan="{len(_SUMMARY) + 4}">'
            f"{_safe(rows[0][1].measures)}: {_safe(judge.title + note)}</th></tr>"
        )
        body += "".join(_summary_row(index, row, changed) for index, row in rows)
    return (
        '<h2>All sets</h2>\n<div class="wide"><table><thead><tr><th>set</th><th>texts</th>'
        f"<th>label 1</th>{heads}<th>CPU ms</th></tr></thead><tbody>{body}</tbody></table></div>"
    )


def _summary_row(index: int, row: Row, changed: Changes) -> str:
    cells = ""
    for key in _SUMMARY:
        change = changed.get((row.name, key))
        style = change.verdict if change else "none" if row.values[key].value is None else ""
        sign = f" {_SIGNS[change.verdict][0]}" if change else ""
        cells += f'<td class="{style}">{_number(row, key)}{sign}</td>'
    return (
        f'<tr class="{row.scope}"><td><a href="#r{index}">{_safe(row.name)}</a></td>'
        f"<td>{row.tally.texts}</td><td>{row.tally.labelled(1)}</td>{cells}"
        f"<td>{row.spent.cpu_ms:.2f}</td></tr>"
    )


def _glossary() -> str:
    shown = [figure for figure in FIGURES.values() if not figure.key.endswith(("_0", "_1"))]
    items = "".join(f"<dt>{figure.title}</dt><dd>{figure.meaning}</dd>" for figure in shown)
    return (
        f"<h2>What the figures mean</h2>\n<dl>{items}<dt>stopped</dt><dd>the texts of that label "
        "that end in review or deny</dd></dl>\n"
        "<p>n/a stands where a figure cannot be computed, as with one label only. Ranges are "
        "95 % intervals of a bootstrap over texts. In the plots the ring and the dotted line mark "
        "the judge's own threshold, and dashes are what chance gives.</p>"
    )


def _section(index: int, row: Row, changed: Changes) -> str:
    ones = row.tally.labelled(1)
    said = (
        f"{row.tally.texts} texts, {ones} with label 1 and {row.tally.texts - ones} with label 0. "
        f"Judged by {row.judge.title}."
    )
    if row.judge.note:
        said += f" It stands in because {row.judge.note}."
    drawn = "".join(plots(row))
    return (
        f'<section class="row" id="r{index}"><h3>{_safe(row.name)}</h3>'
        f'<p class="soft">{_safe(said)}</p><div class="parts"><div>{_figures(row, changed)}'
        f'{_ends(row, changed)}{_voices(row)}</div><div class="plots">{drawn}</div></div></section>'
    )


def _figures(row: Row, changed: Changes) -> str:
    """Return the figures but those of the decision, which `_ends` shows by label."""
    rows = "".join(
        f"<tr><td>{_title(key)}</td>{_ranged_cells(row, key, changed)}</tr>"
        for key, value in row.values.items()
        if value.value is not None and not key.endswith(("_0", "_1"))
    )
    return (
        "<table><thead><tr><th>figure</th><th></th><th>95 %</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _ends(row: Row, changed: Changes) -> str:
    labels = [label for label in (0, 1) if row.tally.labelled(label)]
    heads = "".join(f"<th>label {label}</th><th>95 %</th>" for label in labels)
    rows = ""
    for end in (*ENDS, "stopped"):
        cells = "".join(_ranged_cells(row, f"{end}_{label}", changed) for label in labels)
        rows += f"<tr><td>{end}</td>{cells}</tr>"
    return f"<table><thead><tr><th>decision</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _ranged_cells(row: Row, key: str, changed: Changes) -> str:
    change = changed.get((row.name, key))
    style = change.verdict if change else ""
    sign = f" {_SIGNS[change.verdict][0]}" if change else ""
    return (
        f'<td class="{style}">{_number(row, key)}{sign}</td><td>{_safe(span(row.values[key]))}</td>'
    )


def _voices(row: Row) -> str:
    """Return the table of all voices that object to any of the texts."""
    rows = "".join(_voice_rows(row))
    if not rows:
        return '<p class="soft">No voice objects to any of these texts.</p>'
    return (
        "<table><thead><tr><th>who objects</th><th>label 0</th><th>label 1</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _voice_rows(row: Row) -> Iterator[str]:
    for ref, shares in row.voices.items():
        if any(share.part for share in shares.values()):
            cells = "".join(f"<td>{number(share.value)}</td>" for share in shares.values())
            yield f"<tr><td>{_safe(ref)}</td>{cells}</tr>"


def _title(key: str) -> str:
    return escape(FIGURES[key].title)


def _number(row: Row, key: str) -> str:
    shown = number(row.values[key].value)
    return f"{shown}†" if key == "ece" and row.few and shown != number(None) else shown


def _ranged(value: Value) -> str:
    return f"{number(value.value)} ({_safe(span(value))})"


def _safe(text: str) -> str:
    return escape(safe(text))
