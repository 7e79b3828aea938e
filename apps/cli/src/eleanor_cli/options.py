"""The options before the verb, and the settings that they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eleanor_core import Redaction
    from eleanor_core.settings import LoadedSettings


@dataclass(frozen=True, kw_only=True)
class Options:
    """What was said before the verb. `sets` holds `key=value` as typed, later ones win."""

    settings: Path | None = None
    sets: Sequence[str] = ()
    home: str | None = None
    traceback: bool = False

    @cached_property
    def redaction(self) -> Redaction:
        """What masks secrets in all that this command writes."""
        from eleanor_core import Redaction

        return Redaction.of()

    def load(self) -> LoadedSettings:
        """Read the settings from all their sources. Raises SettingsError or UsageError."""
        from eleanor_cli.faults import UsageError
        from eleanor_core.settings import home_of, load_settings

        loaded = load_settings(self._overrides(), file=self.settings)
        self.redaction.learn_settings(loaded)
        home = home_of(loaded.settings)
        if home.exists() and not home.is_dir():
            origin = loaded.origins.get("home", "default")
            msg = f"the home {home} ({origin}) is a file; name a folder with --home or ELEANOR_HOME"
            raise UsageError(msg)
        return loaded

    def _overrides(self) -> Mapping[str, str]:
        from eleanor_cli.faults import UsageError
        from eleanor_core.errors import quoted

        overrides: dict[str, str] = {}
        for item in self.sets:
            key, equals, value = item.partition("=")
            if not (key and equals):
                msg = f"--set takes key=value, as in limits.text_bytes=5000; got {quoted(item, 80)}"
                raise UsageError(msg)
            overrides[key.strip()] = value
        if self.home is not None:
            if not self.home:
                # As a path it would be the current folder.
                raise UsageError("--home is empty: name a folder, or leave it out")
            overrides["home"] = str(Path(self.home).absolute())
        return overrides
