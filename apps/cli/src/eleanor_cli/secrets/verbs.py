"""`eleanor secrets check` and `rotate`: ask the stores, and change them. No value is shown.

A new value comes from a file, from standard input or by chance, and never from the command line,
which every user of the machine can read.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final, cast

from eleanor_cli import exits, logs, words
from eleanor_cli.escape import prose
from eleanor_cli.faults import UsageError
from eleanor_cli.options import Options
from eleanor_cli.out import write_json
from eleanor_cli.running import run
from eleanor_core import Secrets, Settings, open_secrets
from eleanor_core.errors import EleanorError, SecretUnavailable
from eleanor_core.model import JsonObject, SecretRef, SecretsHealth, SecretValue
from eleanor_core.settings import references

GENERATED_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What is to be rotated, as typed. `retire`: end what was before, and store nothing."""

    reference: str
    file: Path | None
    generate: bool
    retire: bool

    def __post_init__(self) -> None:
        if (self.file is not None) + self.generate + self.retire > 1:
            raise UsageError("--file, --generate and --retire: say one of them")

    def value(self) -> SecretValue:
        """Return the new value. Raises UsageError where there is none."""
        if self.generate:
            return SecretValue(token_urlsafe(GENERATED_BYTES))
        try:
            text = self._given()
        except OSError as error:
            msg = f"cannot read {self.file}: {error.strerror or error}; nothing was stored"
            raise UsageError(msg) from None
        except UnicodeDecodeError:
            raise UsageError("the new value is not UTF-8; nothing was stored") from None
        text = text.removesuffix("\n").removesuffix("\r")
        if not text:
            raise UsageError("the new value is empty; nothing was stored")
        return SecretValue(text)

    def _given(self) -> str:
        if self.file is not None:
            return self.file.read_text("utf-8")
        return getpass("New value: ") if sys.stdin.isatty() else sys.stdin.read()


def check(options: Options, texts: Sequence[str], *, as_json: bool) -> int:
    """Ask for each secret. 0 only if all are there and every provider is well."""

    async def main(settings: Settings, secrets: Secrets) -> int:
        refs = [_parsed(text) for text in texts] or list(references(settings))
        problems: dict[SecretRef, str] = {}
        for ref in refs:
            try:
                await secrets.resolver.resolve(ref)
            except EleanorError as error:
                problems[ref] = str(error).removeprefix(f"secret {ref}: ")
        health = secrets.resolver.health()
        providers = {**_providers(secrets, health), **_lost(secrets)}
        states = [_state(ref, problems.get(ref, ""), health) for ref in refs]
        if as_json:
            write_json({"providers": providers, "secrets": states})
        else:
            _show(providers, states)
        well = not secrets.lost and all(found.ok for found in health.values())
        return exits.OK if well and not problems else exits.FAULT

    return _with_secrets(options, main)


def rotate(options: Options, rotation: Rotation, *, as_json: bool) -> int:
    """Store a new value, or end the former ones, and say what is valid then."""
    ref = _parsed(rotation.reference)
    value = None if rotation.retire else rotation.value()

    async def main(_: Settings, secrets: Secrets) -> int:
        if value is None:
            ended = await secrets.resolver.retire(ref)
            said = f"{ref}: {words.count(ended, 'former value')} ended"
            _say({"ref": str(ref), "retired": ended}, said, as_json=as_json)
            return exits.OK
        if await secrets.resolver.resolve(ref) == value:
            raise UsageError(f"{ref} has this value already; nothing was stored")
        version = await secrets.resolver.put(ref, value)
        valid = await secrets.resolver.candidates(ref)
        if valid[0] != value:
            raise SecretUnavailable(
                f"secret {ref}: the new value was stored, but the store still returns another one: "
                "see `eleanor secrets check` before you revoke anything"
            )
        report: JsonObject = {"ref": str(ref), "version": version, "others": len(valid) - 1}
        _say(report, _rotated(ref, version, len(valid) - 1), as_json=as_json)
        return exits.OK

    return _with_secrets(options, main)


def _parsed(text: str) -> SecretRef:
    try:
        return SecretRef.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _with_secrets(options: Options, main: Callable[[Settings, Secrets], Awaitable[int]]) -> int:
    loaded = options.load()
    logs.configure(loaded.settings, options.redaction)

    async def opened() -> int:
        async with open_secrets(loaded.settings, redaction=options.redaction) as secrets:
            return await main(loaded.settings, secrets)

    return run(opened)


# -- what is said ---------------------------------------------------------------------------------


def _providers(secrets: Secrets, health: Mapping[str, SecretsHealth]) -> dict[str, JsonObject]:
    silent = SecretsHealth()
    return {
        name: {
            "running": True,
            "problem": health.get(name, silent).problem,
            "notes": list(health.get(name, silent).notes),
        }
        for name in secrets.running
    }


def _lost(secrets: Secrets) -> dict[str, JsonObject]:
    return {
        name: {"running": False, "problem": problem, "notes": []}
        for name, problem in secrets.lost.items()
    }


def _state(ref: SecretRef, problem: str, health: Mapping[str, SecretsHealth]) -> JsonObject:
    known = health.get(ref.provider, SecretsHealth()).secrets
    state = next((state for state in known if state.ref == ref), None)
    return {
        "ref": str(ref),
        "ok": not problem,
        "version": state.version if state else "",
        "others": state.others if state else 0,
        "problem": problem,
    }


def _rotated(ref: SecretRef, version: str, others: int) -> str:
    named = f" as version {version}" if version else ""
    if not others:
        return (
            f"{ref}: the new value is stored{named}, and the store keeps none before it. "
            "What runs takes it up within its provider's ttl."
        )
    return (
        f"{ref}: the new value is stored{named}. {words.count(others, 'former value')} may still "
        "be valid: what runs takes the new one up within its provider's ttl, then end them with "
        f"`eleanor secrets rotate {ref} --retire`."
    )


def _say(report: JsonObject, said: str, *, as_json: bool) -> None:
    if as_json:
        write_json(report)
        return
    from rich.text import Text

    from eleanor_cli.screen import console

    console(sys.stdout).print(Text(prose(said)))


def _show(providers: Mapping[str, JsonObject], secrets: Sequence[JsonObject]) -> None:
    from rich.text import Text

    from eleanor_cli.screen import console, label, sheet

    grid = sheet()
    for name, about in providers.items():
        notes = cast("list[str]", about["notes"])
        said = about["problem"] or "; ".join(notes) or "running"
        mark = ("✗ FAILS", "bold red") if about["problem"] else ("✓ RUNS", "bold green")
        grid.add_row(Text(*mark), Text(prose(f"secrets/{name}: {said}")))
    for state in secrets:
        mark = ("✓ FOUND", "bold green") if state["ok"] else ("✗ LOST", "bold red")
        grid.add_row(Text(*mark), Text(prose(str(state["ref"]))))
        if state["problem"]:
            grid.add_row(label("because"), Text(prose(str(state["problem"]))))
        if state["version"]:
            grid.add_row(label("version"), Text(prose(str(state["version"]))))
        if state["others"]:
            others = words.count(cast("int", state["others"]), "other value")
            grid.add_row(label("beside it"), Text(f"{others} may be valid"))
    if not secrets:
        grid.add_row(label("secrets"), Text("no setting refers to one"))
    console(sys.stdout).print(grid)
