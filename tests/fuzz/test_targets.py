"""Each target of the fuzzer holds on its saved corpus, and on some bytes of Hypothesis."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fuzz.targets import TARGETS
from fuzz.watch import WARM, watched
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("eleanor_detectors_patterns", reason="needs eleanor-detectors-patterns")
pytest.importorskip("eleanor_evidence_local", reason="needs eleanor-evidence-local installed")

CORPUS = Path(__file__).with_name("corpus")
DEAR = {"detectors": 4, "evidence": 10, "settings": 10}
"""Examples of a target that takes milliseconds for each."""


def test_every_target_has_a_corpus_and_every_corpus_a_target() -> None:
    assert sorted(TARGETS) == sorted(folder.name for folder in CORPUS.iterdir())
    assert sum(file.stat().st_size for file in CORPUS.rglob("*") if file.is_file()) < 200_000


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_corpus(name: str) -> None:
    for file in sorted((CORPUS / name).iterdir()):
        TARGETS[name](file.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_any_bytes(name: str) -> None:
    @settings(max_examples=DEAR.get(name, 30))
    @given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.long
def test_a_target_that_takes_too_much_is_found() -> None:
    held = []

    def takes(data: bytes) -> None:
        if data == b"time":
            end = time.process_time() + 1.1
            while time.process_time() < end:
                pass
        if data == b"memory":
            held.append(bytearray(b"x") * (2**20 * 80))

    run = watched(takes)
    for _ in range(WARM):
        run(b"")
    with pytest.raises(AssertionError, match="s of CPU time"):
        run(b"time")
    # As much again as the process ever took, for what was given back before would not show.
    for _ in range(50):
        try:
            run(b"memory")
        except AssertionError as error:
            assert "KB of memory" in str(error)
            return
    pytest.fail("nothing was found")
