"""Reads JUnit reports, prints every skip, and fails on one that `allowed_skips.toml` lacks."""

from __future__ import annotations

import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

ALLOWED = Path(__file__).resolve().parents[1] / "allowed_skips.toml"


def main(reports: list[str]) -> int:
    """Return how many skips have no entry whose `test` and `reason` patterns both match."""
    allowed = tomllib.loads(ALLOWED.read_text("utf-8")).get("skip", [])
    unexplained = 0
    for case in (case for report in reports for case in ET.parse(report).iter("testcase")):
        skipped = case.find("skipped")
        if skipped is None or skipped.get("type") == "pytest.xfail":
            continue
        name = f"{case.get('classname')}.{case.get('name')}"
        reason = skipped.get("message") or ""
        known = any(
            re.search(entry["test"], name) and re.search(entry["reason"], reason)
            for entry in allowed
        )
        unexplained += not known
        print(f"{'skipped ' if known else 'UNKNOWN '}{name}: {reason}")
    print(f"{unexplained} skips that allowed_skips.toml does not name")
    return unexplained


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
