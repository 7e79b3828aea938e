"""What a policy is asked before an action runs, and what it answers."""

from __future__ import annotations

from attrs import field, frozen

from eleanor_core.model import _checks as check
from eleanor_core.model.evidence import StoredRecord


@frozen(kw_only=True)
class ExecutionRequest:
    """May this be carried out? Everything that the log says about it, as it stands there.

    `record` is the assessment, None if it does not resolve; `leaf_hash` is what the permission says
    that its hash must be. `reviews` are the records of all reviews of it, oldest first; their
    signatures were checked. `prohibited` are the clauses that policy opens to nobody, `people` is
    how many must determine a tier 3. A policy is to draw its own conclusions from the bytes.
    """

    record_id: str
    leaf_hash: str
    action: str
    record: StoredRecord | None
    reviews: tuple[StoredRecord, ...] = ()
    prohibited: tuple[str, ...] = ()
    people: int = 1


@frozen(kw_only=True)
class PolicyVerdict:
    """A policy's answer. It can refuse; what it permits is not permitted by that alone.

    `reasons`: names of the policies that refused, or what went wrong, for people.
    """

    permitted: bool = field(validator=check.one_of(True, False))
    reasons: tuple[str, ...] = ()
