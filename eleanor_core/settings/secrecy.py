"""What of the settings may be shown. A secret is given as a reference, and only that is shown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from eleanor_core.model import JsonValue, SecretRef
from eleanor_core.model.secret import MASK
from eleanor_core.settings.keys import KeyPath
from eleanor_core.settings.model import Settings
from eleanor_core.settings.types import TABLES

_SECRET_KEY: Final = re.compile(
    r"(?!(?:max|min)_)"  # a bound, such as max_tokens, is no secret
    r"(?!secret_(?:provider|prefix)$)"  # nor is where secrets come from
    r".*(?:passw|passphrase|pwd|secret|token|credential"
    r"|auth(?!or(?:s|ity)?(?:$|[^a-z]))|api.?key|(?:^|[^a-z])key$)",
    re.IGNORECASE | re.DOTALL,
)
_LOGIN_IN_URL: Final = re.compile(r"://[^/\s@]*:[^/\s@]+@")


def looks_secret(path: KeyPath) -> bool:
    """Say whether a value at `path` may be a secret: a plugin's name says nothing about that."""
    own = path[3:] if path[:1] and path[0] in TABLES.values() else path
    return any(_SECRET_KEY.match(part) for part in own)


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
        for text in _texts(settings.model_dump(mode="json"))
        if _is_reference(text, providers)
    }
    return tuple(sorted(found, key=str))


def _texts(value: JsonValue) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _is_reference(value: JsonValue, providers: Collection[str]) -> bool:
    try:
        return isinstance(value, str) and SecretRef.parse(value).provider in providers
    except ValueError:
        return False
