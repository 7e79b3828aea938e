"""Settings of the provider `vault`."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from eleanor_core.api import CachingSettings

Method = Literal["token", "approle", "kubernetes"]

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where Kubernetes puts a pod's own token."""

_VARIABLES: Final = {"token": "VAULT_TOKEN", "approle": "VAULT_SECRET_ID", "kubernetes": ""}


class VaultSettings(CachingSettings):
    """Settings of the provider `vault`."""

    url: str = Field(
        default="https://127.0.0.1:8200",
        description="The server's address: https, or http on this machine.",
    )
    namespace: str = Field(default="", description="The namespace to work in; empty: the root.")
    method: Method = Field(default="token", description="How to log in.")
    mount: str = Field(
        default="", description="Where the login method is mounted; empty: under its own name."
    )
    role: str = Field(
        default="", description="AppRole: the role_id. Kubernetes: the name of the role."
    )
    login_file: Path | None = Field(
        default=None,
        description="File with what proves who we are: the token, the AppRole's secret_id or the "
        "service account's token (default there: the pod's own). Read anew at each login.",
    )
    login_variable: str = Field(
        default="",
        description="Environment variable with the same, where there is no file; default: "
        "VAULT_TOKEN, or VAULT_SECRET_ID for AppRole.",
    )
    ca_file: Path | None = Field(
        default=None, description="Certificates that vouch for the server; default: the usual ones."
    )
    client_certificate: Path | None = Field(
        default=None, description="Our own certificate, where the server asks for one."
    )
    client_key_file: Path | None = Field(
        default=None, description="The key of our own certificate, if it is in another file."
    )

    @field_validator("url")
    @classmethod
    def _encrypted(cls, url: str) -> str:
        parts = urlsplit(url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not parts.hostname or parts.username or parts.password:
            raise ValueError("must be an address such as https://vault.example.org:8200")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ValueError("must start with https://; http:// is for this machine alone")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _role_is_named(self) -> Self:
        if self.method != "token" and not self.role:
            raise ValueError(f"the method {self.method!r} needs `role`")
        return self

    @property
    def proof_file(self) -> Path | None:
        """The file that is read at login, or None for a variable."""
        if self.login_file or self.login_variable or self.method != "kubernetes":
            return self.login_file
        return SERVICE_ACCOUNT

    @property
    def proof_variable(self) -> str:
        """The variable that is read at login where there is no file."""
        return self.login_variable or _VARIABLES[self.method]

    @property
    def mounted(self) -> str:
        """Where the login method is mounted."""
        return self.mount.strip("/") or self.method
