"""What a log shows of itself to others: its newest checkpoint, and proofs made from the tiles."""

from __future__ import annotations

from collections.abc import Callable

from eleanor_core.api import EvidenceUnavailable, Node, Note
from eleanor_evidence_local.checkpoints import Checkpoints
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.tiles import Tiles
from eleanor_evidence_local.witnesses import newest_with


def checkpoint_of(store: Store, *, new_key: bool) -> Note:
    """Return a checkpoint of the log as it is, signed now if need be, by witnesses as well.

    The newest that is stored, where this process may not write.
    """
    if store.notary and store.closed is None:
        note = store.notary.sign(new_key=new_key)
        store.notary.witnesses.settle()
        return newest_with(store.folder, note)
    last = Checkpoints(store.folder).last()
    if new_key or last is None:
        raise store.unreadable()
    return newest_with(store.folder, last.note)


def proved(store: Store, proof: Callable[[Node], list[bytes]], size: int) -> list[bytes]:
    """Return a proof in the tree of `size` records, which a checkpoint must hold."""
    last = Checkpoints(store.folder).last()
    signed = last.checkpoint.size if last else 0
    if size > signed:
        raise EvidenceUnavailable(
            f"the newest checkpoint is of {signed} records, so there is no proof in a tree of "
            f"{size} yet: sign a checkpoint first"
        )
    tiles = store.notary.tiles if store.notary else Tiles(store.folder)
    try:
        return proof(tiles.node(signed))
    except KeyError as missing:
        if store.notary is None:
            raise EvidenceUnavailable(
                f"{missing.args[0]} is missing; `eleanor evidence verify` makes it anew while no "
                "other process writes the log"
            ) from None
        store.notary.rebuild()
        return proof(tiles.node(signed))
