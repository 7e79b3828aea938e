"""Which backend is used, and on which device: what the setting `backend` asks for, or the best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import frozen

from eleanor_core.api import BackendDeclaration
from eleanor_core.registry.registry import Loaded, Registry

AUTO: Final = "auto"
_CPU: Final = "cpu"
_REFERENCE: Final = "numpy"


@frozen(kw_only=True)
class Option:
    """A backend on a device. `refusal`: why it cannot be used here, or "" where it can be tried."""

    loaded: Loaded
    device: str
    refusal: str

    @property
    def text(self) -> str:
        """As the setting `backend` names it."""
        return f"{self.loaded.name}:{self.device}"


def options(registry: Registry) -> tuple[Option, ...]:
    """Return what the setting `backend` leaves, in the order in which it is tried.

    `auto`: every enabled backend on each kind of its devices; required ones first, accelerators
    next, then numpy. A name without a device: those of that backend, in its own order. Nothing
    heavy is imported.
    """
    loaded, wanted = registry.loaded["backends"], registry.backend
    name, _, device = wanted.partition(":")
    if wanted != AUTO:
        return tuple(_options(loaded[name], (device,) if device else ())) if name in loaded else ()
    everything = (option for item in loaded.values() for option in _options(item, ()))

    def distance(option: Option) -> tuple[bool, bool, bool]:
        on_cpu = option.device == _CPU
        beside = option.loaded.ref not in registry.required
        return beside, on_cpu, on_cpu and option.loaded.name != _REFERENCE

    return tuple(sorted(everything, key=distance))


def told(registry: Registry) -> tuple[bool, str]:
    """Return whether a backend can be tried, and in words which one and why not those before it."""
    lines: list[str] = []
    for option in options(registry):
        if not option.refusal:
            return True, "; ".join([f"{registry.backend} takes {option.text}", *lines])
        lines.append(f"not {option.text}: {option.refusal}")
    return False, "; ".join([f"{registry.backend} finds none", *lines])


def _options(item: Loaded, devices: tuple[str, ...]) -> Iterable[Option]:
    declaration = item.declaration
    if not isinstance(declaration, BackendDeclaration):
        return
    for device in devices or declaration.devices:
        yield Option(loaded=item, device=device, refusal=_refusal(item, declaration, device))


def _refusal(item: Loaded, declaration: BackendDeclaration, device: str) -> str:
    if device.partition(":")[0] not in declaration.devices:
        return f"{item.ref} has no device {device!r}; it has {', '.join(declaration.devices)}"
    try:
        return declaration.probe(device) or ""
    except Exception as error:  # noqa: BLE001 -- a stranger's code
        return f"{type(error).__name__}: {error}"
