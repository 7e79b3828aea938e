"""A plugin's logger takes fields of any name."""

from __future__ import annotations

from structlog.testing import capture_logs

from eleanor_core import Redaction


def test_a_field_may_be_called_like_what_the_logger_itself_takes() -> None:
    with capture_logs() as said:
        Redaction.of(env={}).log("plugin").warning("told", level=3, method="sync")
    assert [(entry["event"], entry["method"]) for entry in said] == [("told", "sync")]
