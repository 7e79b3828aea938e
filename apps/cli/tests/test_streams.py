"""What the command does when standard input, output or error is closed or takes nothing more."""

from __future__ import annotations

import subprocess

import pytest

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="shells redirect otherwise there")


def redirected(eleanor, how: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a shell runs it that was told to redirect `how`."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {how}', eleanor.command, *arguments],
        cwd=eleanor.work,
        env=dict(eleanor.env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_with_every_stream_closed_it_judges_and_records(eleanor):
    ran = redirected(eleanor, "<&- >&- 2>&-", "evaluate", "a grave word")
    assert ran.returncode == 12
    kinds = [record["kind"] for record in eleanor("evidence", "list", "--json").json]
    assert kinds == ["settings", "assessment"]


@pytest.mark.parametrize("arguments", [["evaluate", "a fine text", "--json"], ["--help"]])
def test_what_cannot_be_shown_is_said_and_the_end_is_1(eleanor, arguments):
    ran = redirected(eleanor, ">/dev/full", *arguments)
    assert ran.returncode == 1
    assert ran.stderr.startswith("eleanor: standard output: No space left on device. ")
    assert ran.stderr.count("\n") == 1


def test_a_log_that_cannot_be_said_stops_no_judgement(eleanor):
    chosen = '["critics/stranger", "critics/broken", "detectors/stranger", "evidence/file"]'
    arguments = ("--set", f"plugins.exact={chosen}", "evaluate", "a fine text")
    assert "plugin_broken" in eleanor(*arguments).err
    assert redirected(eleanor, "2>/dev/full", *arguments).returncode == 11
