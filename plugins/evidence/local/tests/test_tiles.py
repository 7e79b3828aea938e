"""The tree in tiles is C2SP's: names as published, bytes as defined, any node without the log."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eleanor_evidence_local.layout import heading
from eleanor_evidence_local.store import Store
from eleanor_evidence_local.submission import Submission
from eleanor_evidence_local.tiles import Tile, TileBuilder, Tiles, tile_named

from eleanor_core.api import Frontier, consistency_proof, inclusion_proof, merkle_root


def digest(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


@pytest.mark.parametrize(
    ("tile", "name"),
    [
        # The first is the example of C2SP tlog-tiles.
        (Tile(0, 1234067), "0/x001/x234/067"),
        (Tile(0, 0), "0/000"),
        (Tile(2, 999), "2/999"),
        (Tile(1, 1000), "1/x001/000"),
        (Tile(0, 273, 112), "0/273.p/112"),
        (Tile(63, 5, 1), "63/005.p/1"),
    ],
)
def test_names(tile: Tile, name: str) -> None:
    assert tile.name == name
    assert tile_named(name) == tile


@pytest.mark.parametrize(
    "name",
    ["", "0", "0/0", "0/x000/001", "00/000", "0/000.p/0", "0/000.p/256", "0/001/000", "0/000.new"],
)
def test_what_is_no_name(name: str) -> None:
    assert tile_named(name) is None


@pytest.mark.parametrize(
    ("size", "tiles"),
    [
        (0, []),
        (1, [Tile(0, 0, 1)]),
        (256, [Tile(0, 0), Tile(1, 0, 1)]),
        # The example of C2SP tlog-tiles.
        (
            70_000,
            [
                *(Tile(0, number) for number in range(273)),
                Tile(0, 273, 112),
                Tile(1, 0),
                Tile(1, 1, 17),
                Tile(2, 0, 1),
            ],
        ),
    ],
)
def test_which_tiles_a_tree_has(size: int, tiles: list[Tile]) -> None:
    found: dict[Tile, bytes] = {}
    builder = TileBuilder(found.__setitem__)
    for _ in range(size):
        builder.append(bytes(32))
    found.update(builder.partial())
    assert sorted(found) == sorted(tiles)
    assert all(len(hashes) == tile.width * 32 for tile, hashes in found.items())


def test_any_proof_comes_from_the_files_and_a_builder_goes_on(tmp_path: Path) -> None:
    tiles, digests = Tiles(tmp_path), [digest(number) for number in range(700)]
    builder = TileBuilder(tiles.write)
    frontier = Frontier()
    for number, each in enumerate(digests):
        if number in (1, 256, 300, 513):
            for tile, hashes in builder.partial():
                tiles.write(tile, hashes)
            builder = tiles.builder(number)
            assert builder is not None
        builder.append(each)
        frontier.append(each)
        assert builder.peaks() == frontier.peaks
    for tile, hashes in builder.partial():
        tiles.write(tile, hashes)
    tiles.sync()
    first = tmp_path / "tile" / "0" / "000"
    assert first.read_bytes() == b"".join(digests[:256])
    assert (tmp_path / "tile" / "1" / "000.p" / "2").read_bytes() == merkle_root(
        digests[:256]
    ) + merkle_root(digests[256:512])
    # What a full tile replaces is gone.
    assert not first.with_name("000.p").exists()

    def defined(height: int, number: int) -> bytes:
        return merkle_root(digests[number << height : number + 1 << height])

    stored = Tiles(tmp_path).node(700)
    for size in (1, 2, 255, 256, 257, 511, 513, 699, 700):
        for other in {0, size // 3, size // 2, size - 1}:
            assert inclusion_proof(other, size, stored) == inclusion_proof(other, size, defined)
            assert consistency_proof(other, size, stored) == consistency_proof(other, size, defined)
    first.unlink()
    with pytest.raises(KeyError, match="tile/0/000"):
        inclusion_proof(3, 700, Tiles(tmp_path).node(700))
    assert Tiles(tmp_path).builder(700) is not None
    (tmp_path / "tile" / "2").mkdir()
    (tmp_path / "tile" / "0" / "002.p" / "188").unlink()
    assert Tiles(tmp_path).builder(700) is None


def test_what_is_signed_while_tiles_are_listed_is_in_the_log(
    store: Callable[[], Store], seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, every = store(), Tiles.all

    def grow(*numbers: int) -> None:
        records = [seal(n) for n in numbers]
        log.commit([Submission(record, heading(record.leaf)) for record in records])
        assert log.notary
        log.notary.sign()

    def listed(self: Tiles) -> Iterator[tuple[str, Tile | None]]:
        grow(3, 4, 5)
        return every(self)

    grow(0, 1, 2)
    monkeypatch.setattr(Tiles, "all", listed)
    assert log.verify().findings == ()
    log.close()
