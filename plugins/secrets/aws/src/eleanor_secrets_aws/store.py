"""AWS Secrets Manager as a store of secrets: plain calls that wait, for threads.

What the service or boto3 says of an error is not repeated: a truncated answer would be quoted. The
cache in front repeats what failed, so boto3 itself does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
)
from botocore.exceptions import ConnectionError as UnreachableError

from eleanor_core.api import (
    SecretNotFound,
    SecretRef,
    SecretUnavailable,
    SecretValue,
    SecretVersions,
    value_of,
    with_value,
)

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"

_MISSING: Final = frozenset({"ResourceNotFoundException"})
_SAID: Final[Mapping[str, str]] = {
    "AccessDeniedException": "access is denied: allow this role the action on this secret",
    "DecryptionFailure": "KMS cannot decrypt it: allow this role kms:Decrypt on its key",
    "ExpiredTokenException": "the AWS credentials have expired: renew them",
    "UnrecognizedClientException": "the AWS credentials are not valid: correct them",
    "InvalidSignatureException": "the AWS credentials are not valid: correct them",
    "ThrottlingException": "the service throttles: raise `ttl`, or the quota",
}
Answer: TypeAlias = Mapping[str, object]


class SecretsManager:
    """One client, which boto3 lets many threads share. `timeout`: seconds for one request."""

    def __init__(
        self, *, region: str | None, prefix: str, endpoint: str | None, timeout: float
    ) -> None:
        self._prefix = prefix
        try:
            made = boto3.session.Session().client(
                "secretsmanager",
                region_name=region,
                endpoint_url=endpoint,
                config=Config(
                    connect_timeout=timeout,
                    read_timeout=timeout,
                    retries={"total_max_attempts": 1},
                ),
            )
        except NoRegionError as error:
            raise SecretUnavailable(
                "no AWS region is known: set `region`, or AWS_REGION in the environment"
            ) from error
        self._client: object = made
        # At DEBUG it writes whole requests and answers, the secrets in them too.
        logging.getLogger("botocore").setLevel(logging.INFO)

    def close(self) -> None:
        """Close the client's connections."""
        _call(self._client, "close", {})

    def read(self, ref: SecretRef) -> SecretVersions:
        """Return what the labels AWSCURRENT, AWSPENDING and AWSPREVIOUS name, in this order."""
        current, version = self._get(ref, CURRENT)
        others = [self._other(ref, stage) for stage in (PENDING, PREVIOUS)]
        return SecretVersions(
            values=(value_of(ref, current), *(value for value in others if value)),
            version=version,
        )

    def put(self, ref: SecretRef, value: SecretValue) -> str:
        """Store a new version with `value` in it. AWS moves the labels."""
        whole = with_value(ref, self._get(ref, CURRENT)[0], value) if ref.key else value
        answer = self._ask(ref, "put_secret_value", SecretString=whole.reveal())
        return str(answer.get("VersionId", ""))

    def retire(self, ref: SecretRef) -> int:
        """Take AWSPREVIOUS off the version that has it; return how many that were."""
        answer = self._ask(ref, "describe_secret")
        stages = cast("Mapping[str, list[str]]", answer.get("VersionIdsToStages") or {})
        former = [version for version, labels in stages.items() if PREVIOUS in labels]
        for version in former:
            self._ask(
                ref,
                "update_secret_version_stage",
                VersionStage=PREVIOUS,
                RemoveFromVersionId=version,
            )
        return len(former)

    def _id(self, ref: SecretRef) -> str:
        return ref.path if ref.path.startswith("arn:") else f"{self._prefix}{ref.path}"

    def _get(self, ref: SecretRef, stage: str) -> tuple[SecretValue, str]:
        answer = self._ask(ref, "get_secret_value", VersionStage=stage)
        text = answer.get("SecretString")
        if isinstance(text, str):
            return SecretValue(text), str(answer.get("VersionId", ""))
        if "SecretBinary" in answer:
            raise SecretNotFound(f"{ref}: the secret is binary; store it as text")
        raise SecretUnavailable(f"{ref}: the answer was cut off")

    def _other(self, ref: SecretRef, stage: str) -> SecretValue | None:
        """Return what another label names, or None: it is seldom there, or may not be read."""
        try:
            return value_of(ref, self._get(ref, stage)[0])
        except (SecretNotFound, _DeniedError):
            return None

    def _ask(self, ref: SecretRef, action: str, **fields: str) -> Answer:
        """Send one request about the secret. Its error is made new: no trace leads to an answer."""
        fields["SecretId"] = self._id(ref)
        outcome = _outcome(ref, self._client, action, fields)
        fields.clear()
        if isinstance(outcome, SecretUnavailable):
            raise outcome
        return outcome


class _DeniedError(SecretUnavailable):
    """The role may not do this."""


def _call(client: object, action: str, fields: Mapping[str, str]) -> Answer:
    method: Callable[..., Answer] = getattr(client, action)
    return method(**fields)


def _outcome(
    ref: SecretRef, client: object, action: str, fields: Mapping[str, str]
) -> Answer | SecretUnavailable:
    """Send the request; return its answer, or an error in our own words."""
    name = fields["SecretId"]
    try:
        return _call(client, action, fields)
    except ClientError as error:
        about = cast("Mapping[str, str]", error.response.get("Error", {}))
        code, message = about.get("Code", ""), about.get("Message", "")
    except NoCredentialsError:
        return SecretUnavailable(f"{ref}: no AWS credentials are found: give this machine a role")
    except (UnreachableError, HTTPClientError) as error:
        return SecretUnavailable(f"{ref}: the service cannot be reached ({type(error).__name__})")
    except BotoCoreError as error:
        return SecretUnavailable(f"{ref}: boto3 raised {type(error).__name__}")
    if code in _MISSING:
        return SecretNotFound(f"{ref}: AWS has no secret {name!r} with that version; create it")
    if code == "InvalidRequestException" and "delet" in message:
        return SecretNotFound(f"{ref}: the secret {name!r} is deleted; restore it, or use another")
    denied = code == "AccessDeniedException"
    kind = _DeniedError if denied else SecretUnavailable
    return kind(f"{ref}: {_SAID.get(code, 'the service answered ' + (code or 'an error'))}")
