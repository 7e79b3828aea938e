"""The Merkle tree is RFC 6962's, and a payload is held to its leaf's commitments."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import Frontier, check_payload, commitment, leaf_hash, merkle_root
from eleanor_core.evidence import seal

# The eight entries that implementations of Certificate Transparency test with, and their roots.
ENTRIES = [
    b"",
    b"\x00",
    b"\x10",
    bytes.fromhex("2021"),
    bytes.fromhex("3031"),
    bytes.fromhex("40414243"),
    bytes.fromhex("5051525354555657"),
    bytes.fromhex("606162636465666768696a6b6c6d6e6f"),
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
DIGESTS = [bytes.fromhex(leaf_hash(entry)) for entry in ENTRIES]


def defined_root(digests: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it stands there."""
    if not digests:
        return hashlib.sha256(b"").digest()
    if len(digests) == 1:
        return digests[0]
    split = 1 << (len(digests) - 1).bit_length() - 1
    left, right = defined_root(digests[:split]), defined_root(digests[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert merkle_root(DIGESTS[:size]).hex() == ROOTS[size]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_equals_the_definition_and_goes_on_from_its_peaks(digests: list[bytes], stop: int) -> None:
    assert merkle_root(digests) == defined_root(digests)
    first = Frontier()
    for digest in digests[:stop]:
        first.append(digest)
    second = Frontier(first.size, first.peaks)
    for digest in digests[stop:]:
        second.append(digest)
    assert second.root() == defined_root(digests)
    assert second.size == len(digests)


def test_a_frontier_does_not_change_the_one_it_came_from() -> None:
    first = Frontier(1, DIGESTS[:1])
    second = Frontier(first.size, first.peaks)
    second.append(DIGESTS[1])
    assert first.root() == DIGESTS[0]


@pytest.mark.parametrize(("size", "peaks"), [(-1, 0), (0, 1), (1, 0), (3, 1), (4, 2)])
def test_peaks_that_cannot_be_are_refused(size: int, peaks: int) -> None:
    with pytest.raises(ValueError, match="cannot stand for"):
        Frontier(size, DIGESTS[:peaks])


def payload(**parts: tuple[bytes, str]) -> bytes:
    """A payload by hand: name -> (salt, JSON text of the value)."""
    written = (
        f'"{name}":{{"salt":"{salt.hex()}","value":{value}}}'
        for name, (salt, value) in parts.items()
    )
    return ("{" + ",".join(written) + "}").encode() if parts else b""


def leaf(**parts: tuple[bytes, str]) -> bytes:
    """A leaf by hand that commits to those parts."""
    commitments = {name: commitment(salt, value.encode()) for name, (salt, value) in parts.items()}
    return json.dumps({"commitments": commitments, "facts": {}}, separators=(",", ":")).encode()


A = (b"\x0a" * 32, '{"text":"one"}')
B = (b"\x0b" * 32, "[1,2]")


def test_a_right_payload_has_no_problems() -> None:
    assert check_payload(leaf(a=A, b=B), payload(a=A, b=B)) == []
    assert check_payload(leaf(), payload()) == []


def test_a_value_may_hold_what_looks_like_the_next_part() -> None:
    alike = (A[0], f'{{"c":{{}},"b":{{"salt":"{B[0].hex()}","value":[1,2]}}}}')
    assert check_payload(leaf(a=alike, b=B), payload(a=alike, b=B)) == []
    assert check_payload(leaf(a=alike), payload(a=alike)) == []
    within = payload(a=alike, b=B).replace(b"[1,2]", b"[1,3]", 1)
    assert "part 'a' does not match" in "; ".join(check_payload(leaf(a=alike, b=B), within))


@pytest.mark.parametrize(
    ("committed", "stored", "problem"),
    [
        (leaf(a=A, b=B), payload(a=A), "part 'b' is missing"),
        (leaf(a=A), payload(), "part 'a' is missing"),
        (leaf(a=A), payload(a=A, b=B), "part 'b' has no commitment"),
        (leaf(a=A), payload(a=(A[0], '{"text":"two"}')), "part 'a' does not match"),
        (leaf(a=A), payload(a=(B[0], A[1])), "part 'a' does not match"),
        (leaf(a=A, b=B), payload(b=B, a=A), "twice or out of order"),
        (leaf(a=A), b"{" + payload(a=B)[1:-1] + b"," + payload(a=A)[1:], "twice or out of order"),
        (leaf(a=A), payload(a=A).replace(b'"a"', b'"\\u0061"'), "no part's name"),
        (leaf(a=A), payload(a=A).replace(b"0a", b"0A"), "no salt"),
        (leaf(a=A), payload(a=A).replace(b":{", b": {"), "is not at character"),
        (leaf(a=A), payload(a=A)[:-1], "is not at character"),
        (leaf(a=A), payload(a=A) + b"}", "is not at character"),
        (leaf(a=A), payload(a=A) + b" ", "is not at character"),
        (leaf(a=A), b"{}", "malformed"),
        (leaf(a=A), b"\xff", "malformed"),
        (b"{}", payload(a=A), "not a record with commitments"),
        (b"[1]", payload(a=A), "not a record with commitments"),
    ],
)
def test_a_wrong_payload_says_what_is_wrong(committed: bytes, stored: bytes, problem: str) -> None:
    assert problem in "; ".join(check_payload(committed, stored))


def test_no_byte_of_a_payload_can_change() -> None:
    record = seal(
        "assessment", trace_id="t", payload={"case": {"text": "Grüße"}, "result": [1.5, None]}
    )
    assert check_payload(record.leaf, record.payload) == []
    for position in range(len(record.payload)):
        for flip in (0x01, 0x20, 0x80):
            changed = bytearray(record.payload)
            changed[position] ^= flip
            assert check_payload(record.leaf, bytes(changed)), position
