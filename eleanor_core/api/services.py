"""What a plugin's factory is handed beside its settings. Nothing here leads to a peer."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from eleanor_core.api.compute import Backend
from eleanor_core.api.protocols import Embedder, SecretResolver
from eleanor_core.model import JsonValue


@frozen(kw_only=True)
class Thresholds:
    """Scores in [0, 1] at which a critic's word starts to count.

    `objection`: the result counts as an objection and stands in the dissent. `escalation`: the
    critic escalates a violation of severity 2 or more. `deny`: severity 3 denies.
    """

    objection: float = 0.5
    escalation: float = 0.6
    deny: float = 0.9

    def __attrs_post_init__(self) -> None:
        if not 0.0 <= self.objection <= self.escalation <= self.deny <= 1.0:
            raise ValueError(
                "thresholds must satisfy 0 <= objection <= escalation <= deny <= 1, got "
                f"{self.objection}, {self.escalation}, {self.deny}"
            )


class Log(Protocol):
    """A structured logger: an event name and fields. Never pass the text of a case."""

    def debug(self, event: str, **fields: JsonValue) -> object: ...
    def info(self, event: str, **fields: JsonValue) -> object: ...
    def warning(self, event: str, **fields: JsonValue) -> object: ...
    def error(self, event: str, **fields: JsonValue) -> object: ...


@frozen(kw_only=True)
class Services:
    """Handed to every factory. `data_dir` is the plugin's own folder, made on first use by it.

    `keys_dir` is the folder for private keys, `keys` in ELEANOR_HOME; where no engine says so, it
    is `keys` beside `data_dir`. Who makes a file there begins its name with the plugin's kind.
    `thresholds` are the critic's own, after settings; `device` is the one that a backend is to use.
    `backend`, `embedder` and `secrets` are None where none is enabled; kinds start in the order
    secrets, backends, embedders, models, precedents, evidence, detectors, critics, and each sees
    only what started before it.
    """

    data_dir: Path
    keys_dir: Path = field()
    log: Log = field(repr=False)
    thresholds: Thresholds = Thresholds()
    device: str = ""
    backend: Backend | None = field(default=None, repr=False)
    embedder: Embedder | None = field(default=None, repr=False)
    secrets: SecretResolver | None = field(default=None, repr=False)

    @keys_dir.default
    def _keys_beside(self) -> Path:
        return self.data_dir.parent / "keys"
