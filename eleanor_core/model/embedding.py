"""A vector that crosses the core: bytes with an encoder's name, not an array of some library."""

from __future__ import annotations

from attrs import field, frozen


@frozen(kw_only=True)
class Embedding:
    """`data`: `dim` little-endian IEEE 754 float32 values, L2-normalised unless all zero.

    `encoder_id` names the encoder and its weights' hash; vectors of two encoders never compare.
    """

    encoder_id: str
    dim: int
    data: bytes = field(repr=False)

    def __attrs_post_init__(self) -> None:
        if self.dim <= 0 or len(self.data) != 4 * self.dim:
            raise ValueError(
                f"embedding of {self.encoder_id!r} must hold {4 * self.dim} bytes "
                f"({self.dim} float32 values), got {len(self.data)}"
            )
