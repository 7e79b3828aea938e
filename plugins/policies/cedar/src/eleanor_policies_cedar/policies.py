"""The policies, and how they are asked: whatever is not a clear yes is a no."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

import cedarpy

from eleanor_core.api import ExecutionRequest, PolicyVerdict
from eleanor_policies_cedar.facts import attributes

DOCTRINE: Final = "doctrine.cedar"


class CedarPolicies:
    """The doctrine's policies and a house's own, parsed once.

    Cedar passes over a policy whose evaluation fails, also one that forbids. So they are held to
    the schema when they are read, and an evaluation with any error refuses.
    """

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        """Read the policies. Raises OSError, or ValueError that names the file."""
        package = files("eleanor_policies_cedar")
        self._schema = cedarpy.Schema.from_str(package.joinpath("schema.cedarschema").read_text())
        texts = {DOCTRINE: package.joinpath(DOCTRINE).read_text("utf-8")}
        for path in paths:
            if not path.is_absolute():
                raise ValueError(f"{path}: policies are named by absolute path")
            texts[str(path)] = path.read_text("utf-8")
        for name, text in texts.items():
            self._check(name, text)
        self._policies = cedarpy.PolicySet.from_str("\n".join(texts.values()))

    def _check(self, name: str, text: str) -> None:
        result = cedarpy.validate_policies(text, self._schema)
        if not result.validation_passed:
            wrong = "; ".join(str(error) for error in result.errors)
            raise ValueError(f"{name} does not fit the schema of executions: {wrong}")

    async def decide(self, request: ExecutionRequest, /) -> PolicyVerdict:
        """Permit what some policy permits and none forbids, where none failed."""
        record = {"type": "Record", "id": request.record_id}
        house = {"type": "House", "id": "eleanor"}
        result = cedarpy.is_authorized(
            {
                "principal": house,
                "action": {"type": "Action", "id": "execute"},
                "resource": record,
                "context": {"action": request.action},
            },
            self._policies,
            [{"uid": record, "attrs": attributes(request), "parents": []}],
            self._schema,
        )
        errors = tuple(result.diagnostics.errors)
        named = result.diagnostics.id_annotations_by_reason
        reasons = tuple(sorted(str(named.get(item) or item) for item in result.diagnostics.reasons))
        permitted = result.decision == cedarpy.Decision.Allow and not errors
        return PolicyVerdict(permitted=permitted, reasons=() if permitted else errors or reasons)
