"""The README's programs run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"
PROGRAMS = re.findall(
    r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.MULTILINE
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("program", "printed"),
    [
        (PROGRAMS[0], r"^(review|deny) Gate\(open=False, tier=3, requires='determination'\)"),
        (PROGRAMS[1], r"^(constrain|review) .*'shouting'"),
    ],
)
def test_the_programs_of_the_readme(program: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"ELEANOR_HOME": str(tmp_path)},
        timeout=60,
    )
    assert re.search(printed, done.stdout), done.stdout


def test_there_are_two_programs() -> None:
    assert len(PROGRAMS) == 2
