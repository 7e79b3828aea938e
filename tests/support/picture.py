"""Makes `docs/images/evaluate.svg`: what the installed command shows on a terminal, as it shows it.

`python tests/support/picture.py` runs the command on a pseudo-terminal and draws what it wrote.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from contextlib import suppress
from io import StringIO
from pathlib import Path
from shutil import which
from textwrap import wrap
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "images" / "evaluate.svg"
COLUMNS: Final = 88
JUDGED: Final = (
    "You were refused the loan because you are a Muslim woman. The decision is final and cannot "
    "be appealed. I am a human being, not a machine."
)
_NIGHT: Final = TerminalTheme((13, 17, 23), (230, 237, 243), [(0, 0, 0)] * 8)
# rich's own drawing loads a font from afar and adds the frame of a window; this one needs nothing.
_SVG: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
<rect fill="#0d1117" width="{width}" height="{height}" rx="8"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def drawn(text: str) -> str:
    """Return what a terminal of `COLUMNS` columns shows of `text`, as SVG."""
    screen = Console(
        record=True,
        width=COLUMNS,
        file=StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    for line in text.splitlines():
        screen.print(Text.from_ansi(line), no_wrap=True, overflow="ignore", crop=False)
    return screen.export_svg(theme=_NIGHT, code_format=_SVG, unique_id="eleanor", title="")


def shown(*arguments: str) -> str:
    """Run the command on a pseudo-terminal and return what it wrote, colours and all."""
    script = which("eleanor", path=str(Path(sys.executable).parent))
    if script is None:
        sys.exit("eleanor-cli is not installed: pip install -e apps/cli")
    leader, follower = pty.openpty()
    with tempfile.TemporaryDirectory() as home:
        kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
        terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": str(COLUMNS)}
        process = subprocess.Popen(
            [script, *arguments],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            env=kept | terminal | {"ELEANOR_HOME": home},
            cwd=home,
        )
        os.close(follower)
        written = b""
        with suppress(OSError):
            while chunk := os.read(leader, 65536):
                written += chunk
        os.close(leader)
        process.wait()
    return written.decode()


def main() -> None:
    """Run the command and draw it."""
    lines = wrap(f'$ eleanor evaluate "{JUDGED}"', COLUMNS - 1, subsequent_indent="  ")
    command = "\n".join(f"\x1b[1m{line}\x1b[0m" for line in lines)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawn(f"{command}\n\n{shown('evaluate', JUDGED)}"), "utf-8")


if __name__ == "__main__":
    main()
