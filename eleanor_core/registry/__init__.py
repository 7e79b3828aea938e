"""Floor 4: plugins, from the metadata of installed dists to started products.

discover -> select -> load -> registry -> lifespan -> report. pluggy is used at start-up only; the
request path reads the frozen registry and the products, and imports nothing from here.
"""

from eleanor_core.registry.discover import discover
from eleanor_core.registry.dists import fingerprints
from eleanor_core.registry.lifespan import MakeServices, Products, open_products
from eleanor_core.registry.load import load
from eleanor_core.registry.registry import (
    IN_PROCESS,
    Broken,
    Found,
    Loaded,
    Registry,
    Row,
    Stage,
    Status,
)
from eleanor_core.registry.report import Explanation, SettingField, explain

__all__ = [
    "IN_PROCESS",
    "Broken",
    "Explanation",
    "Found",
    "Loaded",
    "MakeServices",
    "Products",
    "Registry",
    "Row",
    "SettingField",
    "Stage",
    "Status",
    "discover",
    "explain",
    "fingerprints",
    "load",
    "open_products",
]
