"""Proofs are RFC 6962's: published ones come out, and nothing else than the truth can be proved."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    merkle_root,
)

# The eight entries that implementations of Certificate Transparency test with, and their proofs.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
ENTRIES += ["606162636465666768696a6b6c6d6e6f"]
DIGESTS = [bytes.fromhex(leaf_hash(bytes.fromhex(entry))) for entry in ENTRIES]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
G = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
H = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
K = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
J = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"

digests = st.integers(1, 40).map(
    lambda count: [hashlib.sha256(bytes([number])).digest() for number in range(count)]
)


def nodes(leaves: list[bytes]):
    """What gives the perfect subtrees of a tree in memory."""
    return lambda height, number: merkle_root(leaves[number << height : number + 1 << height])


def hexes(proof: list[bytes]) -> list[str]:
    return [digest.hex() for digest in proof]


@pytest.mark.parametrize(
    ("index", "size", "proof"),
    [
        (0, 1, []),
        (0, 8, [A, B, C]),
        (5, 8, [D, E, F]),
        (2, 3, [G]),
        (1, 5, [H, B, D]),
    ],
)
def test_published_proofs_of_inclusion(index: int, size: int, proof: list[str]) -> None:
    found = inclusion_proof(index, size, nodes(DIGESTS))
    assert hexes(found) == proof
    assert check_inclusion(DIGESTS[index], index, size, found, merkle_root(DIGESTS[:size]))


@pytest.mark.parametrize(
    ("old", "size", "proof"),
    [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [K, E, F]), (2, 5, [B, D]), (6, 7, [K, J, F])],
)
def test_published_proofs_of_consistency(old: int, size: int, proof: list[str]) -> None:
    found = consistency_proof(old, size, nodes(DIGESTS))
    assert hexes(found) == proof
    roots = merkle_root(DIGESTS[:old]), merkle_root(DIGESTS[:size])
    assert check_consistency(old, roots[0], size, roots[1], found)


@given(digests, st.data())
def test_a_leaf_is_proved_where_it_is_and_nowhere_else(leaves: list[bytes], data) -> None:
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(-1, size + 1))
    proof, root = inclusion_proof(index, size, nodes(leaves)), merkle_root(leaves)
    assert check_inclusion(leaves[index], index, size, proof, root)
    assert check_inclusion(leaves[index], other, size, proof, root) == (other == index)
    assert not check_inclusion(bytes(32), index, size, proof, root)
    assert not check_inclusion(leaves[index], index, size, [*proof, bytes(32)], root)
    for place in range(len(proof)):
        wrong = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert not check_inclusion(leaves[index], index, size, wrong, root)
        assert not check_inclusion(leaves[index], index, size, proof[:place], root)


@given(digests, st.data())
def test_a_tree_goes_on_from_its_own_beginning_alone(leaves: list[bytes], data) -> None:
    size = len(leaves)
    old = data.draw(st.integers(0, size))
    before, after = merkle_root(leaves[:old]), merkle_root(leaves)
    proof = consistency_proof(old, size, nodes(leaves))
    assert check_consistency(old, before, size, after, proof)
    assert not check_consistency(old, before, size, after, [*proof, bytes(32)])
    assert not check_consistency(size + 1, before, size, after, proof)
    assert check_consistency(old, bytes(32), size, after, proof) == (old == 0)
    # The root of a larger tree means nothing where there is nothing before it.
    assert check_consistency(old, before, size, bytes(32), proof) == (old == 0)
    for place in range(len(proof)):
        wrong = [*proof[:place], bytes(32), *proof[place + 1 :]]
        assert not check_consistency(old, before, size, after, wrong)
        assert not check_consistency(old, before, size, after, proof[:place])


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_of_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        inclusion_proof(index, size, nodes(DIGESTS))
    assert not check_inclusion(bytes(32), index, size, [], bytes(32))


def test_a_tree_does_not_go_on_from_a_larger_one() -> None:
    with pytest.raises(ValueError, match="cannot go on"):
        consistency_proof(4, 3, nodes(DIGESTS))
