"""Holds and erasures as records: who asked, signed where a key did, and the words beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from eleanor_core._signatures import PrivateKey, verifies
from eleanor_core.errors import UnresolvableRecord
from eleanor_core.evidence import canonical, open_payload
from eleanor_core.model import JsonObject, JsonValue, Reviewer, StoredRecord


def signed(
    label: str, record_id: str, facts: Mapping[str, JsonValue], key: PrivateKey
) -> JsonObject:
    """Return the facts of a record with a signature over them and over its id."""
    return {**facts, "key": key.public, "signature": key.sign(_message(label, record_id, facts))}


def signed_by(stored: StoredRecord, reviewers: Sequence[Reviewer]) -> str | None:
    """Return whose key signed a record, None if none. Raises UnresolvableRecord if it is wrong."""
    facts = dict(facts_of(stored))
    key, signature = facts.pop("key", None), facts.pop("signature", None)
    if key is None and signature is None:
        return None
    good = any(
        (item.key, item.person) == (key, facts["by"])
        and item.registered < stored.index
        and (item.revoked is None or stored.index < item.revoked)
        for item in reviewers
    )
    message = _message(str(leaf_of(stored)["kind"]), stored.record_id, facts)
    if not good or not verifies(str(key), str(signature), message):
        raise UnresolvableRecord(
            f"the signature of record {stored.record_id} does not verify; run "
            "`eleanor evidence verify`"
        )
    return str(key)


def leaf_of(stored: StoredRecord) -> Mapping[str, JsonValue]:
    """Return what stands in a record's leaf."""
    leaf: Mapping[str, JsonValue] = json.loads(stored.leaf)
    return leaf


def facts_of(stored: StoredRecord) -> Mapping[str, JsonValue]:
    """Return the facts in a record's leaf."""
    return cast("JsonObject", leaf_of(stored)["facts"])


def reason_of(stored: StoredRecord) -> str | None:
    """Return the words of a hold or an erasure; "" where none were said, None once erased."""
    words = open_payload(stored)
    if words is None:
        return None
    return str(cast("JsonObject", next(iter(words.values()), {})).get("reason", ""))


def _message(label: str, record_id: str, facts: Mapping[str, JsonValue]) -> bytes:
    """Return what is signed: the record's id is in it, so that it fits no other record."""
    return canonical({"schema": f"eleanor/{label}/1", "record_id": record_id, "facts": facts})
