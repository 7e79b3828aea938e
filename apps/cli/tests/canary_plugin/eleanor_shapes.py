"""A plugin for the tests of redaction that declares a shape, and is well whatever befalls others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import nullcontext

from eleanor_core.api import Case, DetectorDeclaration, DetectorResult, Pattern, hookimpl


def testify(_case: Case, /) -> DetectorResult:
    return DetectorResult(detector="shapes", score=0.0)


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    return [
        DetectorDeclaration(
            name="shapes",
            factory=lambda _settings, _services: nullcontext(testify),
            execution="inline",
            patterns=(Pattern(id="shape", regex=os.environ["CANARY_SHAPED"], redact=True),),
        )
    ]
