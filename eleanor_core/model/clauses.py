"""The clause registry: the codes that an objection names, and the tier that each one carries.

The registry is data (`clauses.toml`), read once. A tier is the registry's and nobody else's: a
result that names another tier for a clause is malformed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from attrs import frozen

Tier: TypeAlias = Literal[2, 3]
"""2: a human must acknowledge. 3: a human must decide (proceed, modify, halt)."""


@frozen(kw_only=True)
class Clause:
    """One entry of the registry. `udhr`: articles of the Universal Declaration of Human Rights."""

    code: str
    family: str
    tier: Tier
    title: str
    udhr: tuple[int, ...]


def _load() -> Mapping[str, Clause]:
    table = tomllib.loads(files(__package__).joinpath("clauses.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            code: Clause(code=code, **(row | {"udhr": tuple(row["udhr"])}))
            for code, row in table.items()
        }
    )


CLAUSES: Final[Mapping[str, Clause]] = _load()
