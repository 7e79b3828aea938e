"""Actions for tests, which count how often they were really carried out; and reviewers."""

from __future__ import annotations

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from eleanor_core import EleanorEngine, PrivateKey, sign_review
from eleanor_core.model import Action, Assessment, CaseKind, Choice, Execution, JsonObject, Review
from eleanor_core.model.json import EMPTY_MAP
from support.judging import TEXT


@frozen
class Deeds:
    """Makes actions, and keeps every execution that reached one."""

    done: list[Execution] = field(factory=list)

    def action(
        self,
        *,
        text: str = TEXT,
        context: JsonObject = EMPTY_MAP,
        kind: CaseKind = "answer",
        name: str = "bins.empty",
    ) -> Action[str]:
        """Return an action on a case."""
        return Action(name=name, run=self._run, text=text, context=context, kind=kind)

    async def _run(self, execution: Execution) -> str:
        self.done.append(execution)
        return f"{execution.text} Done."


def new_key() -> PrivateKey:
    """Return a new key of a reviewer."""
    return PrivateKey(Ed25519PrivateKey.generate())


async def reviewed(
    engine: EleanorEngine,
    assessment: Assessment,
    key: PrivateKey,
    choice: Choice,
    reason: str = "I looked at it.",
) -> Review:
    """Sign a review of everything that is open, and submit it."""
    assert assessment.evidence is not None
    judgement = await engine.reviews.judgement(assessment.evidence.record_id)
    return await engine.reviews.submit(sign_review(key, judgement, choice=choice, reason=reason))
