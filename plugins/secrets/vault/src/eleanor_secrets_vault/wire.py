"""One request to the server, and what its answer means. Nothing that the server says is repeated.

An answer to a failed request can quote the request; hvac's errors carry it whole. So every error is
made new here, in our own words, without a trace that leads to hvac's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias, cast

import hvac
import hvac.exceptions as hvac_errors
import requests

from eleanor_core.api import SecretNotFound, SecretUnavailable, SecretValue
from eleanor_secrets_vault.settings import VaultSettings

Answer: TypeAlias = Mapping[str, object]
Request: TypeAlias = Callable[..., object]
"""Asks with hvac's client, which it is given: hvac itself has no types."""

DEFAULT_STATUS: Final = "the server answered with an error"
_CUT: Final = "the answer is no JSON: it was cut off, or something else answers at `url`"
_MEANS: Final[Mapping[type[Exception], str]] = {
    hvac_errors.InvalidRequest: "the server refuses the request (400)",
    hvac_errors.RateLimitExceeded: "the server asks to slow down (429): raise `ttl` or its quota",
    hvac_errors.InternalServerError: "the server failed (500): see its log",
    hvac_errors.VaultNotInitialized: "the server is not initialised (501)",
    hvac_errors.BadGateway: "what stands before the server cannot reach it (502)",
    requests.exceptions.SSLError: "the TLS connection is refused: see `ca_file` and `url`",
    requests.exceptions.Timeout: "the server did not answer in time",
    requests.exceptions.ConnectionError: "the server cannot be reached",
    requests.exceptions.RequestException: "the answer was cut off",
    OSError: "a certificate file cannot be read: see `ca_file` and `client_certificate`",
}


class DeniedError(SecretUnavailable):
    """The server answered 403: the login is not valid any longer, or may not do this."""


class RefusedError(SecretUnavailable):
    """The server answered 400."""


class FailedError(SecretUnavailable):
    """The server answered 500."""


def send(
    settings: VaultSettings, token: SecretValue | None, about: str, request: Request
) -> Answer:
    """Send one request and return its answer, {} where there is none.

    Raises SecretNotFound for 404, DeniedError for 403, RefusedError for 400, FailedError for 500
    and SecretUnavailable for all else; each begins with `about`.
    """
    outcome = _outcome(settings, token, about, request)
    if isinstance(outcome, SecretUnavailable):
        raise outcome
    return outcome


def part(answer: Answer, *keys: str) -> Answer:
    """Return a table inside an answer, {} where there is none."""
    for key in keys:
        below = answer.get(key)
        answer = cast("Answer", below) if isinstance(below, Mapping) else {}
    return answer


def seconds(answer: Answer, key: str) -> float:
    """Return a number of seconds in an answer, 0 where there is none."""
    value = answer.get(key)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _outcome(
    settings: VaultSettings, token: SecretValue | None, about: str, request: Request
) -> Answer | SecretUnavailable:
    try:
        with _client(settings, token) as client:
            answer = request(client)
    except hvac_errors.Forbidden:
        return DeniedError(f"{about}: permission is denied (403)")
    except hvac_errors.InvalidPath:
        return SecretNotFound(f"{about}: there is nothing (404)")
    except hvac_errors.VaultDown:
        return SecretUnavailable(f"{about}: {_down(settings)}")
    except hvac_errors.InvalidRequest as error:
        return RefusedError(f"{about}: {_means(error)}")
    except hvac_errors.InternalServerError as error:
        return FailedError(f"{about}: {_means(error)}")
    except (hvac_errors.VaultError, OSError) as error:
        return SecretUnavailable(f"{about}: {_means(error)}")
    if isinstance(answer, requests.Response):
        # hvac hands on what is no JSON. An empty answer (204) is a plain yes.
        return {} if answer.ok and not answer.content else SecretUnavailable(f"{about}: {_CUT}")
    return cast("Answer", answer) if isinstance(answer, Mapping) else {}


@contextmanager
def _client(settings: VaultSettings, token: SecretValue | None) -> Iterator[hvac.Client]:
    """Yield a client for one request: hvac's are not made to be shared between threads."""
    with requests.Session() as session:
        session.verify = str(settings.ca_file) if settings.ca_file else True
        session.cert = _certificate(settings)
        yield hvac.Client(
            url=settings.url,
            token=token.reveal() if token else "",
            session=session,
            timeout=settings.timeout,
            namespace=settings.namespace or None,
        )


def _certificate(settings: VaultSettings) -> str | tuple[str, str] | None:
    own, key = settings.client_certificate, settings.client_key_file
    if own and key:
        return str(own), str(key)
    return str(own) if own else None


def _means(error: Exception) -> str:
    return next((said for kind, said in _MEANS.items() if isinstance(error, kind)), DEFAULT_STATUS)


def _down(settings: VaultSettings) -> str:
    """Say what a 503 means: the server tells everybody whether it is sealed."""
    try:
        with _client(settings, None) as client:
            status = client.sys.read_seal_status()
    except (hvac_errors.VaultError, OSError):
        status = {}
    if isinstance(status, Mapping) and status.get("sealed") is True:
        return "the server is sealed (503): unseal it"
    return "the server is not ready (503): it is starting, or a standby without an active one"
