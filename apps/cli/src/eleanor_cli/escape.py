"""Text from outside, made safe to show: nothing in it can drive a terminal, hide, or be secret.

Control characters, bidirectional marks, invisible format characters, surrogates and unassigned
code points are shown as escapes. Every string that a person or a plugin wrote goes through here.
"""

from __future__ import annotations

import json
import re
import unicodedata
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from eleanor_core.model import JsonValue

if TYPE_CHECKING:
    from eleanor_core import Redaction

_UNSAFE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_NOT_ASCII: Final = re.compile(r"[^\x20-\x7e]")


masking: Final[ContextVar[Redaction | None]] = ContextVar("masking", default=None)
"""What masks secrets in the output of the command that runs."""


def masked(text: str) -> str:
    """Return `text` with every secret in it masked."""
    redaction = masking.get()
    return text if redaction is None else redaction.text(text)


def safe(text: str, *, keep: str = "") -> str:
    """Return `text` masked, with every unsafe character as an escape, save those in `keep`."""
    return _NOT_ASCII.sub(lambda match: _shown(match[0], keep), masked(text))


def prose(text: str) -> str:
    """Return `text` safe to show and on one line: each run of white space is one space."""
    return safe(" ".join(text.split()))


def dumps(value: JsonValue, *, indent: int | None = None) -> str:
    """Return JSON in readable Unicode, masked, unsafe characters as JSON escapes. Raises on NaN.

    But for masks the value reads back unchanged: escapes only ever stand inside strings.
    """
    redaction = masking.get()
    value = value if redaction is None else redaction.value(value)
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
    return _NOT_ASCII.sub(lambda match: _json_escape(match[0]), text)


def _shown(character: str, keep: str) -> str:
    if character in keep or unicodedata.category(character) not in _UNSAFE:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _json_escape(character: str) -> str:
    # Line breaks are json.dumps' own, from indenting: inside strings it has escaped them already.
    if character == "\n" or unicodedata.category(character) not in _UNSAFE:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
