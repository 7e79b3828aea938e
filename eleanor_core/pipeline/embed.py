"""The embedding of one case, checked: what an embedder returns is a stranger's word too."""

from __future__ import annotations

import math
import struct

from eleanor_core.api import Embedder
from eleanor_core.errors import quoted
from eleanor_core.model import Embedding


async def embed(embedder: Embedder, text: str) -> Embedding:
    """Return the embedding of `text`, as a copy.

    Raises TypeError or ValueError unless it is one vector of the encoder and dimension that the
    embedder states, all of it finite; and whatever the embedder raises.
    """
    (vector,) = await embedder.embed((text,))
    if type(vector) is not Embedding:
        msg = f"returned {type(vector).__name__}, not Embedding"
        raise TypeError(msg)
    if (vector.encoder_id, vector.dim) != (embedder.encoder_id, embedder.dim):
        msg = f"returned {vector.dim} values of another encoder, {quoted(vector.encoder_id, 80)}"
        raise ValueError(msg)
    own = Embedding(encoder_id=embedder.encoder_id, dim=embedder.dim, data=bytes(vector.data))
    if not all(map(math.isfinite, struct.unpack(f"<{own.dim}f", own.data))):
        msg = "returned a vector that holds NaN or an infinity"
        raise ValueError(msg)
    return own
