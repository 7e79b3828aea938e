"""Floor 3: the settings, their sources and their order."""

from eleanor_core.settings.evidence import EvidenceSettings
from eleanor_core.settings.home import home_of, keys_of
from eleanor_core.settings.load import LoadedSettings, load_settings
from eleanor_core.settings.model import Settings
from eleanor_core.settings.secrecy import references
from eleanor_core.settings.show import Row, describe, effective, settings_schema

__all__ = [
    "EvidenceSettings",
    "LoadedSettings",
    "Row",
    "Settings",
    "describe",
    "effective",
    "home_of",
    "keys_of",
    "load_settings",
    "references",
    "settings_schema",
]
