"""The login: getting a token, renewing it in time, and getting another when it is over."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

import hvac
from attrs import frozen

from eleanor_core.api import SecretUnavailable, SecretValue
from eleanor_secrets_vault.settings import VaultSettings
from eleanor_secrets_vault.wire import (
    Answer,
    DeniedError,
    FailedError,
    RefusedError,
    Request,
    part,
    seconds,
    send,
)

LAST_MOMENT: Final = 0.5
"""Seconds that a token is taken to have left when the server counts none."""

SHRUNK: Final = 0.5
"""Of the first time to live: a renewal that gives less comes near the token's last day."""


@frozen
class Token:
    """A token that the server gave. Times on the monotonic clock; `ttl` 0 never ends."""

    value: SecretValue
    since: float
    ttl: float
    first_ttl: float
    renewable: bool

    @property
    def left(self) -> float:
        """Seconds until it ends."""
        return self.since + self.ttl - time.monotonic() if self.ttl else float("inf")

    @property
    def shrinking(self) -> bool:
        """Whether the server no longer renews it for as long as it first did."""
        return self.ttl < self.first_ttl * SHRUNK


class Session:
    """Sends requests as one who is logged in. For threads; only one of them logs in at a time."""

    def __init__(self, settings: VaultSettings) -> None:
        self.settings = settings
        self._token: Token | None = None
        self._lock = threading.Lock()

    @property
    def token(self) -> Token | None:
        """The token in use."""
        return self._token

    def send(self, about: str, request: Request) -> Answer:
        """Send a request. Where the token turns out to be over: log in again, and repeat it once.

        A 403 says either that the token is over or that it may not do this; the server is asked
        which, so that a denied path does not use up a secret_id.
        """
        token = self._valid()
        try:
            return send(self.settings, token.value, about, request)
        except DeniedError:
            if self._holds(token):
                raise DeniedError(
                    f"{about}: the login may not do this (403), or there is no such mount: give "
                    "its policy the path"
                ) from None
        token = self.log_in(instead_of=token)
        return send(self.settings, token.value, about, request)

    def log_in(self, *, instead_of: Token | None = None) -> Token:
        """Get a token, unless another thread has replaced `instead_of` already."""
        with self._lock:
            if self._token is None or self._token is instead_of:
                self._token = self._looked_up() if self._given else self._logged_in()
            return self._token

    def renew(self) -> Token:
        """Have the token's time prolonged, or log in again where that cannot be done."""
        token = self._valid()
        if not token.renewable or (token.shrinking and not self._given):
            return self.log_in(instead_of=token)
        try:
            answer = send(
                self.settings,
                token.value,
                "renewing the token",
                lambda c: c.auth.token.renew_self(),
            )
        except (DeniedError, RefusedError, FailedError):
            # A server answers 500 too, for a token on its last day.
            return self.log_in(instead_of=token)
        renewed = _token(token.value, part(answer, "auth"), "lease_duration", token.first_ttl)
        with self._lock:
            if self._token is token:
                self._token = renewed
            return self._token or renewed

    def log_out(self) -> None:
        """Revoke a token that we got for ourselves; one that we were given is not ours to end."""
        token, self._token = self._token, None
        if token and not self._given:
            send(self.settings, token.value, "logging out", lambda c: c.auth.token.revoke_self())

    @property
    def _given(self) -> bool:
        return self.settings.method == "token"

    def _valid(self) -> Token:
        token = self._token
        return token if token and token.left > 0 else self.log_in(instead_of=token)

    def _holds(self, token: Token) -> bool:
        try:
            self._ask_about(token.value)
        except DeniedError:
            return False
        return True

    def _ask_about(self, value: SecretValue) -> Answer:
        return part(
            send(self.settings, value, "the token", lambda c: c.auth.token.lookup_self()), "data"
        )

    def _looked_up(self) -> Token:
        value = self._proof()
        try:
            answer = self._ask_about(value)
        except DeniedError:
            raise SecretUnavailable(
                f"the token of {self._source} is not valid (403): it has expired or was revoked; "
                "put another there"
            ) from None
        if answer.get("expire_time") and not seconds(answer, "ttl"):
            # Rounded down; 0 alone stands for a token without an end.
            answer = {**answer, "ttl": LAST_MOMENT}
        return _token(value, answer, "ttl", 0.0)

    def _logged_in(self) -> Token:
        settings, proof = self.settings, self._proof()

        def request(client: hvac.Client) -> object:
            auth = client.auth
            if settings.method == "approle":
                return auth.approle.login(
                    role_id=settings.role,
                    secret_id=proof.reveal(),
                    use_token=False,
                    mount_point=settings.mounted,
                )
            return auth.kubernetes.login(
                role=settings.role,
                jwt=proof.reveal(),
                use_token=False,
                mount_point=settings.mounted,
            )

        about = f"the login with {settings.method} at {settings.mounted!r}"
        try:
            answer = part(send(settings, None, about, request), "auth")
        except (DeniedError, RefusedError):
            raise SecretUnavailable(
                f"{about} was refused: `role` is wrong, or what {self._source} holds is wrong, "
                "over or used up"
            ) from None
        value = answer.get("client_token")
        if not isinstance(value, str):
            raise SecretUnavailable(f"{about}: the answer holds no token")
        return _token(SecretValue(value), answer, "lease_duration", 0.0)

    @property
    def _source(self) -> str:
        return str(self.settings.proof_file or f"the variable {self.settings.proof_variable}")

    def _proof(self) -> SecretValue:
        """Read what proves who we are, anew each time: whoever issues it may have changed it."""
        file = self.settings.proof_file
        try:
            text = file.read_text("utf-8") if file else os.environ.get(self.settings.proof_variable)
        except (OSError, UnicodeDecodeError) as error:
            raise SecretUnavailable(
                f"the login cannot read {self._source} ({type(error).__name__})"
            ) from None
        if not (text and text.strip()):
            raise SecretUnavailable(f"the login finds nothing in {self._source}")
        return SecretValue(text.strip())


def _token(value: SecretValue, answer: Answer, key: str, first_ttl: float) -> Token:
    ttl = seconds(answer, key)
    return Token(
        value=value,
        since=time.monotonic(),
        ttl=ttl,
        first_ttl=first_ttl or ttl,
        renewable=answer.get("renewable") is True,
    )
