"""`docs/command-line.md` and its picture keep step with the command."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from eleanor_cli.explain.page import READERS
from support.command_line import PAGE, page
from support.picture import JUDGED, PICTURE, drawn


def test_the_reference_is_the_one_that_the_command_gives() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python tests/support/command_line.py`"


def test_the_page_names_every_reader_and_shows_the_picture() -> None:
    text = PAGE.read_text("utf-8")
    assert all(f"| `{reader}` |" in text for reader in READERS)
    assert f"images/{PICTURE.name}" in text


def test_the_picture_is_small_and_loads_nothing() -> None:
    svg = PICTURE.read_text("utf-8")
    assert len(svg) < 150_000
    tree = ET.fromstring(svg)
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= {
        *("svg", "style", "defs", "clipPath", "rect", "g", "text"),
    }
    assert not re.search(r"(?:href|src|@import|@font-face)|url\((?!#)", svg)
    shown = "".join(tree.itertext()).replace("\xa0", " ")
    for said in (JUDGED[:40], "critics", "detectors", "gate", "record", "[1]"):
        assert said in shown


def test_a_terminals_output_is_drawn_as_it_is() -> None:
    svg = drawn("plain \x1b[1;4;38;2;213;94;0mmarked\x1b[0m <b>")
    text = "".join(ET.fromstring(svg).itertext()).replace("\xa0", " ")
    assert "plain " in text
    assert "marked" in text
    assert "<b>" in text
    assert "#d55e00" in svg
