"""What the parser refuses, said as everything else is said: what, and what to write instead.

The only module that knows how the parser words its errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import typer

from eleanor_cli import exits
from eleanor_cli.escape import masked, masking
from eleanor_cli.faults import not_shown, refuse
from eleanor_core import Redaction

# The parser's own base of all usage errors; it has no public name in every version of typer.
_PARSER: Final = typer.BadParameter.__mro__[1]

_BEFORE_THE_VERB: Final[Mapping[str, str]] = MappingProxyType(
    {"--settings": " FILE", "--set": " KEY=VALUE", "--home": " DIR", "--traceback": ""}
)

_PLAIN: Final = (
    (r"^Invalid value for '?([^':]+)'?: ", r"\1: "),
    (r"\(Possible options: (.*)\)$", r"; did you mean \1?"),
    (r"Value error, ", ""),
    (r"Input should be a valid integer.*", "must be a whole number"),
    (r"Input should be less than or equal to ", "must be at most "),
    (r"Input should be greater than or equal to ", "must be at least "),
    (r"Input should be ", "must be "),
    (r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", r"too many arguments: \1"),
    (r"^No such ", "no such "),
    (r"^Missing ", "missing "),
    (r"^Option ", "option "),
    (r" +;", ";"),
    (r"\.$", ""),
)


def report(error: Exception, arguments: Sequence[str]) -> int:
    """Report what the parser raised, and return the exit code. Others are raised again."""
    if isinstance(error, OSError):
        return not_shown(error)  # help, for which no verb has begun
    if not isinstance(error, _PARSER):
        raise error
    # No verb has begun, so no settings were read: what the environment holds is masked.
    masking.set(Redaction.of())
    said = str(getattr(error, "format_message", error.__str__)())
    if said.startswith("Usage:"):
        # Asked without a verb: what the parser says then is the help.
        typer.echo(masked(said), err=True)
        return exits.USAGE
    context: typer.Context | None = getattr(error, "ctx", None)
    if context is not None:
        path = context.command_path
    else:
        path = " ".join(["eleanor", *arguments[:1]]) if _is_verb(arguments) else "eleanor"
    # `bench` takes a file under the same name.
    as_json = "--json" in arguments and "bench" not in arguments
    return refuse(_message(said, path), as_json=as_json)


def _message(said: str, path: str) -> str:
    plain = said
    for pattern, instead in _PLAIN:
        plain = re.sub(pattern, instead, plain)
    instead = _instead(plain, path)
    if instead:
        plain = plain.partition(";")[0]
    return f"{plain}{instead}\n`{path} --help` says more."


def _instead(plain: str, path: str) -> str:
    """Return what to write instead, where that can be told."""
    unknown = re.match(r"no such option: (-[\w-]*)", plain)
    option = unknown[1] if unknown else ""
    verb = path.partition(" ")[2]
    if option in _BEFORE_THE_VERB:
        value = _BEFORE_THE_VERB[option]
        return f"\nIt stands before the verb: eleanor {option}{value} {verb} ..."
    if verb == "evaluate" and option and not option.startswith("--"):
        return "\nA text that begins with a dash stands after --: eleanor evaluate -- TEXT"
    if verb == "evaluate" and plain.startswith("too many arguments"):
        return '\nPut a text of several words in quotes: eleanor evaluate "..."'
    return ""


def _is_verb(arguments: Sequence[str]) -> bool:
    return bool(arguments) and not arguments[0].startswith("-")
