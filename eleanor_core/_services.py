"""What each plugin's factory is handed, wherever plugins are started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, cast

from eleanor_core._panel import first, thresholds_of
from eleanor_core._redaction import Redaction
from eleanor_core._secrets import Resolver
from eleanor_core.api import Backend, Embedder, Services
from eleanor_core.registry import Loaded, Products
from eleanor_core.settings import Settings, home_of, keys_of

ServicesOf: TypeAlias = Callable[[Loaded, Products], Services]


def services_with(settings: Settings, redaction: Redaction) -> ServicesOf:
    """Return what makes a plugin's services out of what started before it."""

    def services(loaded: Loaded, products: Products) -> Services:
        return Services(
            data_dir=home_of(settings) / loaded.kind / loaded.name,
            keys_dir=keys_of(settings),
            log=redaction.log(f"eleanor.{loaded.kind}.{loaded.name}"),
            thresholds=thresholds_of(loaded, settings),
            backend=cast("Backend | None", first(products.of("backends"))),
            embedder=cast("Embedder | None", first(products.of("embedders"))),
            secrets=Resolver(products.of("secrets"), redaction.known),
        )

    return services
