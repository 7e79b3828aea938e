"""Sealing: ids that grow, leaves without words, payloads under salted commitments."""

from __future__ import annotations

import json
import re
import threading
import time
import uuid

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import StoredRecord, check_payload, leaf_hash
from eleanor_core.errors import EvidenceCorrupt
from eleanor_core.evidence import canonical, new_record_id, now, open_payload, record, seal
from eleanor_core.model import SealedRecord
from eleanor_core.model.json import JsonValue

PARTS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.recursive(
        st.none() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text("ab\U0001f600\ufb33", max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=4,
)


def stored(sealed: SealedRecord, payload: bytes | None) -> StoredRecord:
    return StoredRecord(
        index=0,
        record_id=sealed.record_id,
        leaf_hash=sealed.leaf_hash,
        leaf=sealed.leaf,
        payload=payload,
    )


def test_record_ids_are_uuids_of_version_7_and_grow() -> None:
    ids = [new_record_id() for _ in range(5000)]
    assert ids == sorted(set(ids))
    for text in ids[:50]:
        parsed = uuid.UUID(text)
        assert (parsed.version, parsed.variant, str(parsed)) == (7, uuid.RFC_4122, text)


def test_record_ids_grow_in_each_thread_and_never_meet() -> None:
    found: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: found.append([new_record_id() for _ in range(500)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == sorted(ids) for ids in found)
    assert len({text for ids in found for text in ids}) == 2000


def test_record_ids_grow_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([2_000_000_000_000_000_000, 1_000_000_000_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(times))
    clock = record._Clock()
    first, second = clock.next_id(), clock.next_id()
    assert first < second


def test_now_is_rfc_3339_in_utc_with_microseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", now())


@given(PARTS)
def test_what_is_sealed_opens_again(parts: dict[str, JsonValue]) -> None:
    sealed = seal("assessment", trace_id="t", facts={"decision": "allow"}, payload=parts)
    assert sealed.leaf_hash == leaf_hash(sealed.leaf)
    assert check_payload(sealed.leaf, sealed.payload) == []
    opened = open_payload(stored(sealed, sealed.payload))
    assert opened is not None
    assert dict(opened) == parts
    assert (sealed.payload == b"") == (not parts)
    if parts:
        assert canonical(json.loads(sealed.payload)) == sealed.payload
    assert canonical(json.loads(sealed.leaf)) == sealed.leaf


def test_the_leaf_is_the_record_in_its_final_form() -> None:
    sealed = seal("refused", trace_id="t-1", facts={"bytes": 7}, payload={"case": "secret words"})
    leaf = json.loads(sealed.leaf)
    assert sorted(leaf) == [
        "commitments",
        "facts",
        "kind",
        "record_id",
        "schema",
        "time",
        "trace_id",
    ]
    assert leaf["schema"] == "eleanor/record/1"
    assert (leaf["kind"], leaf["trace_id"], leaf["facts"]) == ("refused", "t-1", {"bytes": 7})
    assert leaf["record_id"] == sealed.record_id
    assert re.fullmatch("[0-9a-f]{64}", leaf["commitments"]["case"])
    assert b"secret words" not in sealed.leaf


def test_a_record_id_can_be_given() -> None:
    record_id = new_record_id()
    assert seal("settings", trace_id="", record_id=record_id).record_id == record_id


def test_equal_values_have_unequal_commitments() -> None:
    sealed = seal("assessment", trace_id="t", payload={"a": "same", "b": "same"})
    again = seal("assessment", trace_id="t", payload={"a": "same", "b": "same"})
    commitments = [
        *json.loads(sealed.leaf)["commitments"].values(),
        *json.loads(again.leaf)["commitments"].values(),
    ]
    assert len(set(commitments)) == 4
    salts = {json.loads(sealed.payload)[part]["salt"] for part in "ab"}
    assert all(len(bytes.fromhex(salt)) == 32 for salt in salts)
    assert len(salts) == 2


def test_an_erased_payload_opens_as_none() -> None:
    sealed = seal("assessment", trace_id="t", payload={"case": 1})
    assert open_payload(stored(sealed, None)) is None


def test_a_changed_payload_does_not_open() -> None:
    sealed = seal("assessment", trace_id="t", payload={"case": "kind"})
    changed = sealed.payload.replace(b"kind", b"mean")
    with pytest.raises(EvidenceCorrupt, match="'case' does not match its commitment"):
        open_payload(stored(sealed, changed))


def test_a_value_without_canonical_form_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at \$\.n$"):
        seal("assessment", trace_id="t", payload={"case": {"n": 2**60}})
    with pytest.raises(ValueError, match=r"at \$\.facts\.n$"):
        seal("assessment", trace_id="t", facts={"n": 2**60})


def test_neither_leaf_nor_payload_stands_in_a_repr() -> None:
    sealed = seal("assessment", trace_id="t", payload={"case": "private"})
    assert "private" not in repr(sealed)
    assert "private" not in repr(attrs.evolve(stored(sealed, sealed.payload), index=1))
