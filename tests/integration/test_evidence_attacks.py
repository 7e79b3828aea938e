"""Whatever is done to a log's files is found, told or put right, in the words of the documentation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

from support.attacks import (
    ATTACKS,
    HEAD,
    PAGE,
    Attack,
    honest,
    opened,
    row,
    section,
    verified,
    write,
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 300 records that nobody touched."""
    folder = tmp_path_factory.mktemp("base")
    write(folder / "log", honest())
    return folder


def test_what_nobody_touched_is_sound(base: Path) -> None:
    old = str(json.loads((base / "log" / "checkpoints").read_text("utf-8").splitlines()[1]))
    with opened(base / "log") as store:
        report = store.verify([old])
    assert (report.findings, report.notes) == ((), ())
    assert (report.records, report.checkpoints, report.signed) == (300, 3, 300)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_an_attack_is_met(attack: Attack, base: Path, tmp_path: Path) -> None:
    alone, with_old = verified(attack, base, tmp_path)
    # Only what is "found" cannot be overlooked without help; the rest breaks no record.
    assert alone.sound == (attack.how != "found")
    assert with_old.sound == (attack.how in ("told", "rebuilt"))
    if attack.how in ("told", "rebuilt"):
        assert len(alone.notes) == 1
    if attack.how == "rebuilt":
        with opened(tmp_path / "log") as store:
            assert store.verify().notes == ()
    assert row(attack, alone, with_old) in section(PAGE.read_text("utf-8"))[1], (
        "run `python tests/support/attacks.py`"
    )


def test_the_page_tells_of_these_attacks_and_no_others() -> None:
    _, rows, _ = section(PAGE.read_text("utf-8"))
    assert rows.startswith(HEAD)
    told = [line.split(" | ")[0].removeprefix("| ") for line in rows.splitlines()[2:]]
    assert told == [attack.what for attack in ATTACKS]
