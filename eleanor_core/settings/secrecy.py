"""What of the settings may be shown. A secret is given as a reference, and only that is shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from eleanor_core.model import JsonValue, SecretRef
from eleanor_core.model.secret import MASK
from eleanor_core.settings.keys import NESTING, PREFIX, KeyPath, dotted, with_plugin_name
from eleanor_core.settings.model import Settings
from eleanor_core.settings.types import TABLES

_SECRET_KEY: Final = re.compile(
    r"(?!(?:max|min)_)"  # a bound, such as max_tokens, is no secret
    r"(?!secret_(?:provider|prefix)$)"  # nor is where secrets come from
    r".*(?:passw|passphrase|pwd|secret|token|credential"
    r"|auth(?!or(?:s|ity)?(?:$|[^a-z]))|api.?key|(?:^|[^a-z])key$)",
    re.IGNORECASE | re.DOTALL,
)
_LOGIN_IN_URL: Final = re.compile(r"://[^/\s@]*:([^/\s@]+)@")
_PLACE: Final = re.compile(r"(?:^|_|-)(?:file|path|dir|sock)$", re.IGNORECASE)  # of a secret
_RANDOM: Final = re.compile(r"(?![/~.])(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])\S{16,}")


def looks_secret(path: KeyPath) -> bool:
    """Say whether a value at `path` may be a secret: a plugin's name says nothing about that."""
    own = path[3:] if path[:1] and path[0] in TABLES.values() else path
    return any(map(_says_secret, own))


@lru_cache(maxsize=1024)
def _says_secret(name: str) -> bool:
    """Say it of one name: every start asks several times of the same hundreds."""
    return _SECRET_KEY.match(name) is not None


def masked(value: JsonValue, path: KeyPath, providers: Collection[str] = ()) -> JsonValue:
    """Return `value` with `***` for each text that may be a secret.

    A reference stays readable where one of `providers` is its provider: `user:word` has the form
    of a reference too.
    """
    if isinstance(value, Mapping):
        return {key: masked(item, (*path, key), providers) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item, path, providers) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and _LOGIN_IN_URL.search(value):
        return MASK
    if looks_secret(path) and not _is_reference(value, providers):
        return MASK
    return value


def looks_random(value: JsonValue) -> bool:
    """Say whether a value is one long word of letters and digits, as keys and tokens are."""
    return isinstance(value, str) and _RANDOM.fullmatch(value) is not None


def secrets_in_settings(settings: Settings) -> Mapping[str, str]:
    """Return every text that stands in the settings in plain and may be a secret, by its key."""
    providers = providers_of(settings)
    found = [
        (dotted(path), secret)
        for path, text in _leaves(settings.model_dump(mode="json"))
        for secret in _secrets_at(path, text, providers)
    ]
    return {f"{key} {number}": secret for number, (key, secret) in enumerate(found)}


def secrets_in_environment(env: Mapping[str, str]) -> Mapping[str, str]:
    """Return the values of all variables whose name says "secret", and the passwords in URLs."""
    return {
        f"environment {name} {number}": secret
        for name, text in env.items()
        for number, secret in enumerate(_secrets_at(_path_of(name), text, ()))
    }


def _path_of(variable: str) -> KeyPath:
    if not variable.upper().startswith(PREFIX):
        return (variable,)
    return with_plugin_name(tuple(variable.upper().removeprefix(PREFIX).lower().split(NESTING)))


def _secrets_at(path: KeyPath, text: str, providers: Collection[str]) -> Iterator[str]:
    for password in _LOGIN_IN_URL.findall(text):
        yield from {password, unquote(password)}
    said_to_be = looks_secret(path) and not _PLACE.search(path[-1])
    if said_to_be and not text.startswith("/") and not _is_reference(text, providers):
        yield text


def providers_of(settings: Settings) -> frozenset[str]:
    """Return the names of the secrets providers that the settings speak of."""
    chosen = settings.plugins
    refs = (*(chosen.exact or ()), *chosen.defaults, *chosen.enable, *chosen.require)
    named = (ref.removeprefix("secrets/") for ref in refs if ref.startswith("secrets/"))
    security = settings.security
    chosen_there = filter(None, [security.secret_provider])
    return frozenset((*settings.secrets, *named, *security.providers, *chosen_there))


def references(settings: Settings) -> tuple[SecretRef, ...]:
    """Return every reference to a provider of these settings that stands anywhere in them."""
    providers = providers_of(settings)
    found = {
        SecretRef.parse(text)
        for _, text in _leaves(settings.model_dump(mode="json"))
        if _is_reference(text, providers)
    }
    return tuple(sorted(found, key=str))


def _leaves(value: JsonValue, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Yield every text with its path; those of a list have the path of the list."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item, path)
    elif isinstance(value, str):
        yield path, value


def _is_reference(value: JsonValue, providers: Collection[str]) -> bool:
    try:
        return isinstance(value, str) and SecretRef.parse(value).provider in providers
    except ValueError:
        return False
