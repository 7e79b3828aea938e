"""YAML cases: texts that a voice must pass and texts that it must flag, without any Python.

```yaml
critic: civility
pass:
  - Take out the trash.
flag:
  - {text: "You are an idiot.", clause: D2, at_least: 0.7}
```

Every text is a test of its own. All texts of a file go through one engine with the one voice in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal, TypeAlias, cast

import pytest
import yaml
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from eleanor_core._panel import thresholds_of
from eleanor_core.api import CriticResult, DetectorResult, Kind
from eleanor_core.engine import EleanorEngine
from eleanor_core.errors import EleanorError
from eleanor_core.model import Abstention, Assessment, CaseKind
from eleanor_core.settings.types import TABLES
from eleanor_core.testing.critics import object_gravely
from eleanor_core.testing.harness import Harness
from eleanor_core.testing.makers import critic_plugin
from eleanor_core.testing.voices import short

Outcome: TypeAlias = CriticResult | DetectorResult | Abstention
Unit = Annotated[float, Field(ge=0.0, le=1.0)]
STRICT = ConfigDict(extra="forbid", frozen=True)
DETECTED: float = 0.5
"""Score from which a detector counts as having found something."""


class Expectation(BaseModel):
    """One text, and what its result must hold. A bare string stands for its text alone."""

    model_config = STRICT

    text: str
    context: dict[str, JsonValue] = {}
    kind: CaseKind = "answer"
    clause: str | None = None
    category: str | None = None
    gap: str | None = None
    at_least: Unit | None = None
    below: Unit | None = None


def _bare(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Texts = tuple[Annotated[Expectation, BeforeValidator(_bare)], ...]


class Sheet(BaseModel):
    """A file of cases. Exactly one of `critic` and `detector` names the voice.

    `plugin`: the module to import where the voice is not installed. `beside`: installed plugins
    that it needs, as "kind/name". `settings`: its own settings.
    """

    model_config = STRICT

    critic: str = ""
    detector: str = ""
    plugin: str = ""
    beside: tuple[str, ...] = ()
    settings: dict[str, JsonValue] = {}
    passed: Texts = Field(default=(), alias="pass")
    flag: Texts = ()

    def model_post_init(self, _context: object) -> None:
        """Refuse a file without a voice, or with two."""
        if bool(self.critic) is bool(self.detector):
            msg = "name one voice: 'critic: NAME' or 'detector: NAME'"
            raise ValueError(msg)

    @property
    def kind(self) -> Kind:
        """The voice's kind."""
        return "critics" if self.critic else "detectors"

    @property
    def name(self) -> str:
        """The voice's name."""
        return self.critic or self.detector

    def plugins(self) -> list[object]:
        """Return what the engine runs. A detector gets a critic beside it: no engine is without."""
        voice = import_module(self.plugin) if self.plugin else f"{self.kind}/{self.name}"
        stand_in = critic_plugin("kit-objector", object_gravely, clauses=["D2"])
        return [voice, *self.beside, *([stand_in] if self.detector else [])]


class CaseFailureError(Exception):
    """A result that is not what the file expects. Only its message is shown."""


class CaseFile(pytest.File):
    """One file of cases, and the engine that they share."""

    _sheet: Sheet
    _portal: BlockingPortal
    _engine: EleanorEngine
    _stack: ExitStack

    def collect(self) -> Iterable[pytest.Item]:
        """Yield a test for each text."""
        try:
            data = yaml.safe_load(self.path.read_text("utf-8"))
            self._sheet = Sheet.model_validate(data)
        except (yaml.YAMLError, ValidationError) as error:
            msg = f"{self.path.name} is no file of cases: {error}"
            raise self.CollectError(msg) from None
        for verdict, texts in (("pass", self._sheet.passed), ("flag", self._sheet.flag)):
            for number, expected in enumerate(texts, start=1):
                yield CaseItem.from_parent(
                    self,
                    name=f"{verdict}-{number}[{short(expected.text)[1:-1]}]",
                    expected=expected,
                    verdict=verdict,
                )

    def setup(self) -> None:
        """Start the engine, in a thread of its own, before the first text."""
        with ExitStack() as stack:
            home = Path(stack.enter_context(TemporaryDirectory(prefix="eleanor-cases-")))
            self._portal = stack.enter_context(start_blocking_portal())
            sheet = self._sheet
            entry: dict[str, JsonValue] = {sheet.name: {"settings": sheet.settings}}
            running = Harness(home)(
                plugins=sheet.plugins(),
                settings={TABLES[sheet.kind]: entry} if sheet.settings else {},
            )
            self._engine = stack.enter_context(self._portal.wrap_async_context_manager(running))
            self._stack = stack.pop_all()

    def teardown(self) -> None:
        """Stop the engine after the last text."""
        self._stack.close()

    def judge(self, expected: Expectation) -> Outcome:
        """Return what the voice says of one text."""
        run = partial(
            self._engine.run, text=expected.text, context=expected.context, kind=expected.kind
        )
        assessment: Assessment = self._portal.call(run)
        outcomes = assessment.critics if self._sheet.critic else assessment.detectors
        return outcomes[self._sheet.name]

    @property
    def threshold(self) -> float:
        """The score from which the voice counts as objecting."""
        if self._sheet.detector:
            return DETECTED
        loaded = self._engine.registry.loaded["critics"][self._sheet.name]
        return thresholds_of(loaded, self._engine.settings).objection


class CaseItem(pytest.Item):
    """One text."""

    def __init__(
        self, *, expected: Expectation, verdict: Literal["pass", "flag"], **kwargs: object
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type] # pytest's own node arguments
        self.expected = expected
        self.verdict = verdict

    def runtest(self) -> None:
        """Judge the text and compare."""
        file = cast("CaseFile", self.parent)
        outcome = file.judge(self.expected)
        if isinstance(outcome, Abstention):
            said = f"it abstained: {outcome.reason}, {outcome.detail}"
            raise CaseFailureError(said)
        wrong = differences(self.expected, self.verdict, outcome, file.threshold)
        if wrong:
            raise CaseFailureError("\n".join([*wrong, f"result: {outcome}"]))

    def repr_failure(  # type: ignore[override] # pytest hands over the error alone
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str:
        """Return the message alone where the result is not as expected, or the engine refused."""
        if isinstance(excinfo.value, (CaseFailureError, EleanorError)):
            return f"{self.verdict}: {self.expected.text!r}\n{excinfo.value}"
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the case stands."""
        return self.path, None, self.name


def differences(
    expected: Expectation,
    verdict: Literal["pass", "flag"],
    outcome: CriticResult | DetectorResult,
    threshold: float,
) -> list[str]:
    """Return in words how the result differs from what the file expects."""
    at_least, below = expected.at_least, expected.below
    if verdict == "flag" and at_least is None:
        at_least = threshold
    if verdict == "pass" and below is None:
        below = threshold
    wrong = []
    if at_least is not None and outcome.score < at_least:
        wrong.append(f"the score is {outcome.score:.3f}, expected at least {at_least:g}")
    if below is not None and outcome.score >= below:
        wrong.append(f"the score is {outcome.score:.3f}, expected below {below:g}")
    for word, wanted in (("clause", expected.clause), ("category", expected.category)):
        found = named(outcome, word)
        if wanted is not None and wanted not in found:
            wrong.append(f"{word} {wanted} is missing; found: {', '.join(found) or 'none'}")
    gaps = [gap.reason for gap in outcome.not_assessed]
    if expected.gap is not None and expected.gap not in gaps:
        wrong.append(f"gap {expected.gap} is missing; found: {', '.join(gaps) or 'none'}")
    return wrong


def named(outcome: CriticResult | DetectorResult, word: str) -> list[str]:
    """Return the clauses or the categories of a result."""
    if isinstance(outcome, CriticResult):
        return [item.clause for item in outcome.violations] if word == "clause" else []
    return [item.category for item in outcome.signals] if word == "category" else []
