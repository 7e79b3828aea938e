"""The one folder for all state. It never depends on the current directory."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from eleanor_core.errors import SettingsError
from eleanor_core.settings.model import Settings


def home_of(settings: Settings) -> Path:
    """Return the folder for all state: `home`, else `eleanor` in the platform's data folder.

    Raises SettingsError where neither can be told.
    """
    home = settings.home or platform_home(os.environ)
    if home is None:
        raise SettingsError(
            "home: this user has no home folder to keep state in; "
            "set ELEANOR_HOME to an absolute folder"
        )
    return home


def keys_of(settings: Settings) -> Path:
    """Return the folder for private keys: `keys` in the folder for all state."""
    return home_of(settings) / "keys"


def platform_home(env: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Return `eleanor` in the user's data folder, or None where the user has no home folder.

    Linux and the like follow the XDG base directory specification, which says that a relative
    XDG_DATA_HOME is to be ignored.
    """
    if platform == "win32":
        named, usual = env.get("LOCALAPPDATA", ""), Path("AppData", "Local")
    elif platform == "darwin":
        named, usual = "", Path("Library", "Application Support")
    else:
        named, usual = env.get("XDG_DATA_HOME", ""), Path(".local", "share")
    if Path(named).is_absolute():
        return Path(named) / "eleanor"
    try:
        return Path.home() / usual / "eleanor"
    except RuntimeError:
        return None
