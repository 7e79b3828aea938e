"""Merkle proofs: a leaf is in a tree, and a tree goes on from an earlier one.

RFC 6962, sections 2.1.1 and 2.1.2. Made from the hashes of perfect subtrees alone, which is what a
log can keep; checked with nothing but the two roots. On the standard library, as the tree is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from eleanor_core.api.evidence import node_hash

Node: TypeAlias = Callable[[int, int], bytes]
"""(height, number) -> the hash over the 2**height leaves from number * 2**height on, 32 bytes."""


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return what proves that leaf `index` is in the tree over the first `size` leaves.

    The leaf's sibling first, a child of the root last. ValueError if there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    proof: list[bytes] = []
    first, end = 0, size
    while end - first > 1:
        middle = _split(first, end)
        if index < middle:
            proof.append(_root_over(middle, end, node))
            end = middle
        else:
            proof.append(_root_over(first, middle, node))
            first = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, node: Node) -> list[bytes]:
    """Return what proves that the tree over `size` leaves begins with the one over `old` of them.

    Empty where there is nothing to prove: no leaf before, or as many. ValueError if `old` exceeds
    `size`.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves cannot go on from one of {old}")
    if old in (0, size):
        return []
    proof: list[bytes] = []
    first, end = 0, size
    while end != old:
        middle = _split(first, end)
        if old <= middle:
            proof.append(_root_over(middle, end, node))
            end = middle
        else:
            proof.append(_root_over(first, middle, node))
            first = middle
    if first:
        proof.append(_root_over(first, end, node))
    return proof[::-1]


def check_inclusion(
    digest: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether `proof` shows that the leaf with hash `digest` is leaf `index` under `root`.

    `root`: that of the tree over `size` leaves.
    """
    if not 0 <= index < size:
        return False
    from_the_left: list[bool] = []
    first, end = 0, size
    while end - first > 1:
        middle = _split(first, end)
        from_the_left.append(index >= middle)
        first, end = (middle, end) if index >= middle else (first, middle)
    if len(proof) != len(from_the_left):
        return False
    for sibling, is_left in zip(proof, reversed(from_the_left), strict=True):
        digest = node_hash(sibling, digest) if is_left else node_hash(digest, sibling)
    return digest == root


def check_consistency(
    old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether `proof` shows that the tree of `size` leaves begins with that of `old`.

    A tree of no leaves is the beginning of every other; trees of one size must be the same.
    """
    if not 0 <= old <= size or old in (0, size):
        return 0 <= old <= size and not proof and (old == 0 or old_root == root)
    from_the_left: list[bool] = []
    first, end = 0, size
    while end != old:
        middle = _split(first, end)
        from_the_left.append(old > middle)
        first, end = (middle, end) if old > middle else (first, middle)
    # Where the old tree is a whole subtree of the new one, its root is known already.
    rest = list(proof) if first else [old_root, *proof]
    if len(rest) != len(from_the_left) + 1:
        return False
    before = after = rest[0]
    for sibling, is_left in zip(rest[1:], reversed(from_the_left), strict=True):
        if is_left:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
        else:
            after = node_hash(after, sibling)
    return before == old_root and after == root


def _split(first: int, end: int) -> int:
    """Return where a tree over those leaves falls into two: at the largest power of two below."""
    return first + (1 << (end - first - 1).bit_length() - 1)


def _root_over(first: int, end: int, node: Node) -> bytes:
    """Return the root over leaves `first` to `end` - 1, which lie under one node of the tree."""
    count = end - first
    if count & (count - 1) == 0:
        return node(count.bit_length() - 1, first // count)
    middle = _split(first, end)
    return node_hash(_root_over(first, middle, node), _root_over(middle, end, node))
