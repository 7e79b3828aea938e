"""The error tree. Every error says what happened, whose it is, and what to do now.

Errors here cross the public surface. A fault inside a voice (a critic that raises, a detector that
hangs) is not an error: it is an `Abstention`, and it stands in the result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eleanor_core.model import ActionEnd, Assessment

MAX_DETAIL = 300
"""Characters of what a fault says about itself."""


def describe(error: BaseException) -> str:
    """Return type and message of an error in one line of at most `MAX_DETAIL` characters."""
    try:
        said = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 -- a stranger's error may fail even at this, in any way
        said = ""
    text = shortened(f"{type(error).__name__}: {said}" if said else type(error).__name__)
    # What cannot be encoded could be neither shown nor recorded.
    return text.encode(errors="replace").decode()


def shortened(text: str) -> str:
    """Return at most `MAX_DETAIL` characters, cut between words.

    What is left of a secret that was cut in two could no longer be recognised and masked.
    """
    if len(text) <= MAX_DETAIL:
        return text
    kept, _, _ = text[: MAX_DETAIL - 3].rpartition(" ")
    return f"{kept}..."


def quoted(value: object, most: int) -> str:
    """Return the `repr` of a value that somebody else made, or of what sort and length it is.

    It is whole or not shown: as above.
    """
    shown = repr(value)
    return shown if len(shown) <= most else f"a {type(value).__name__} of {len(shown)} characters"


class EleanorError(Exception):
    """Base of everything that this package raises on purpose.

    `code` is stable and machine-readable: it is what `--json`, batch lines and HTTP bodies carry.
    """

    code: str = "fault"


class InvalidInput(EleanorError):  # noqa: N818 -- reads as what it is: the input is invalid
    """The case was refused before any work was done on it.

    `path` is a JSONPath (RFC 9535) to the offending value, `$` for the whole.
    """

    code = "invalid_input"

    def __init__(self, message: str, *, path: str = "$") -> None:
        super().__init__(message)
        self.path = path


class InjectionRefused(InvalidInput):
    """The text reads as an attack on a model, and `policy.injection` is refuse: it was not judged.

    `score`: the detector's; `threshold`: the one that it reached.
    """

    code = "injection_refused"

    def __init__(self, score: float, threshold: float) -> None:
        super().__init__(
            f"the detector injection gave the text {score:.2f}, and policy.injection refuses from "
            f"{threshold:.2f} on; set it to signal to have such a text judged",
            path="$.text",
        )
        self.score = score
        self.threshold = threshold


class SettingsError(EleanorError):
    """Settings that cannot be used: an unknown key, a bad value, an unreadable file."""

    code = "settings"


class PluginError(EleanorError):
    """A plugin that cannot be used, where going on without it would not be safe."""

    code = "plugin"


class DuplicatePluginError(PluginError):
    """Two dists claim one (kind, name)."""

    code = "duplicate_plugin"


class RequiredPluginError(PluginError):
    """A plugin that the settings require is missing or broken."""

    code = "required_plugin"


class NoPanel(EleanorError):  # noqa: N818 -- as above
    """No critic is enabled, so nothing can be judged. Never an `allow`."""

    code = "no_panel"


class NotRunning(EleanorError):  # noqa: N818 -- as above
    """The engine was used outside `async with`, or after it was shut down."""

    code = "not_running"


class EvidenceUnavailable(EleanorError):  # noqa: N818 -- as above
    """The judgement was made, but no evidence log acknowledged its record.

    `assessment` is the judgement, with its gate closed: it may be read, nothing may run on it.
    It is None where not even the case could be judged.
    """

    code = "evidence_unavailable"

    def __init__(self, message: str, *, assessment: Assessment | None = None) -> None:
        super().__init__(message)
        self.assessment = assessment


class GateClosed(EleanorError):  # noqa: N818 -- as above
    """An executable decision was asked for, and the gate does not allow one."""

    code = "gate_closed"


class UnresolvableRecord(EleanorError):  # noqa: N818 -- as above
    """A record id that the evidence log does not hold, or whose leaf hash does not match."""

    code = "unresolvable_record"


class ExecutionRefused(EleanorError):  # noqa: N818 -- as above
    """Nothing was carried out, and the refusal is recorded where a record could be written."""

    code = "execution_refused"


class ForgedDecision(ExecutionRefused):
    """The decision was not made by this house's gate, or was changed since."""

    code = "forged_decision"


class ExpiredDecision(ExecutionRefused):
    """The decision is older than `gate.valid_seconds` allows. Ask the gate again."""

    code = "expired_decision"


class WrongCase(ExecutionRefused):
    """The action is on another case than the one that was judged."""

    code = "wrong_case"


class WrongAction(ExecutionRefused):
    """The decision permits another action."""

    code = "wrong_action"


class ReplayedDecision(ExecutionRefused):
    """This judgement was used before. It is never used twice: judge again."""

    code = "replayed_decision"


class PolicyRefused(ExecutionRefused):
    """A policy plugin refused, failed, or did not answer in time."""

    code = "policy_refused"


class ActionFailed(EleanorError):  # noqa: N818 -- as above
    """The action was begun and raised. What it raised is the cause of this error."""

    code = "action_failed"


class ActionUnknown(EleanorError):  # noqa: N818 -- as above
    """The action was begun, and nobody here can say whether it took effect. Never repeated by us.

    It was cut off, or its outcome could not be recorded. The message holds the idempotency key by
    which whoever was called may tell. `end`: how the call ended as far as this process saw.
    `value`: what it returned, where it did.
    """

    code = "action_unknown"

    def __init__(self, message: str, *, end: ActionEnd, value: object = None) -> None:
        super().__init__(message)
        self.end = end
        self.value = value


class ReviewRefused(EleanorError):  # noqa: N818 -- as above
    """A review, or a change of the reviewers, that does not count.

    `reason` names the ground, and `code` is `review_` and that: `altered`, `unknown_key`,
    `revoked_key`, `known_key`, `wrong_record`, `wrong_tier`, `missing_escalation`, `replayed`,
    `prohibited`, `halted`, `open`, `secret`, `malformed`.
    """

    code = "review_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = f"review_{reason}"


class RetentionRefused(EleanorError):  # noqa: N818 -- as above
    """A payload that is not erased, or a hold that is not placed or released.

    `reason` names the ground, and `code` is `retention_` and that: `held`, `too_early`,
    `no_payload`, `unknown_hold`, `released`, `secret`, `malformed`.
    """

    code = "retention_refused"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = f"retention_{reason}"


class SigningUnavailable(EleanorError):  # noqa: N818 -- as above
    """The library that makes and checks Ed25519 signatures is not installed."""

    code = "signing_unavailable"


class EvidenceCorrupt(EleanorError):  # noqa: N818 -- as above
    """Stored evidence that does not verify. The message says which file and where."""

    code = "evidence_corrupt"


class EvidenceDiffers(EleanorError):  # noqa: N818 -- as above
    """A log that follows the primary holds something else than it. Neither is changed for that."""

    code = "evidence_differs"


class PrecedentsUnavailable(EleanorError):  # noqa: N818 -- as above
    """No store of precedents is running, or the one that is cannot do what was asked of it."""

    code = "precedents_unavailable"


class SecretUnavailable(EleanorError):  # noqa: N818 -- as above
    """A secret reference that its provider could not resolve. Never holds the value."""

    code = "secret_unavailable"


class SecretNotFound(SecretUnavailable):
    """The store answered that there is no such secret, or no longer: no last value is served."""

    code = "secret_not_found"
