"""Stages that fail in ways of their own: the panel goes on, and a human is asked."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager

import pytest
from attrs import evolve
from pydantic import Field
from support.judging import TEXT
from support.panels import Member

from eleanor_core.api import (
    Case,
    CriticDeclaration,
    CriticResult,
    InlineCritic,
    Pattern,
    PluginSettings,
    Services,
)
from eleanor_core.errors import InvalidInput, RequiredPluginError, SettingsError
from eleanor_core.model import Abstention, JsonObject, JsonValue
from eleanor_core.pipeline.scan import Scanner
from eleanor_core.testing import Harness, MemoryLog, critic_plugin
from eleanor_core.testing.makers import CriticPlugin

pytestmark = pytest.mark.anyio
KEY = "AKIAIOSFODNN7EXAMPLE"


class _Anything:
    """Equal to everything."""

    def __eq__(self, _: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def _quiet(case: Case, /) -> CriticResult:
    return CriticResult(
        critic="quiet", score=0.02, confidence=0.9, justification=f"it says {case.text}"
    )


def _quiet_with(*patterns: Pattern) -> object:
    return critic_plugin("quiet", _quiet, patterns=patterns)


async def test_a_text_that_cannot_be_scanned_is_not_taken_for_clean(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Scanner, _text: str) -> object:
        raise MemoryError("the automaton is too large")

    log = MemoryLog()
    async with harness(plugins=[_quiet_with(), log]) as engine:
        monkeypatch.setattr(Scanner, "scan", fail)
        assessment = await engine.run(text=f"here is {KEY}")
    assert ("scan", "U1") in {(item.critic, item.clause) for item in assessment.escalations}
    assert assessment.decision == "review"
    payload = json.loads(log.records[-1].payload or b"{}")
    assert set(payload["case"]["value"]["text"]) == {"*"}


async def test_a_pattern_that_does_not_compile_breaks_its_plugin_alone(harness: Harness) -> None:
    bad = _quiet_with(Pattern(id="look-ahead", regex=r"a(?=b)"))
    async with harness(plugins=[bad, Member(inline=True).plugin("calm")]) as engine:
        (broken,) = engine.broken
        assert (broken.ref, broken.stage) == ("critics/quiet", "start")
        assert "look-ahead" in broken.error
        assessment = await engine.run(text=TEXT)
    assert isinstance(assessment.critics["quiet"], Abstention)
    assert assessment.critics["quiet"].reason == "broken"
    assert isinstance(assessment.critics["calm"], CriticResult)
    assert assessment.decision == "review"


async def test_a_critic_that_needs_an_embedding_nobody_makes_is_broken(harness: Harness) -> None:
    needy = critic_plugin("quiet", _quiet, needs_embedding=True)
    async with harness(plugins=[needy, Member(inline=True).plugin("calm")]) as engine:
        assert [item.ref for item in engine.broken] == ["critics/quiet"]
        assessment = await engine.run(text=TEXT)
    outcome = assessment.critics["quiet"]
    assert isinstance(outcome, Abstention)
    assert "no embedder" in outcome.detail
    assert assessment.decision == "review"


async def test_a_required_plugin_with_such_a_pattern_refuses_to_start(harness: Harness) -> None:
    bad = _quiet_with(Pattern(id="look-ahead", regex=r"a(?=b)"))
    settings = {"plugins": {"exact": ["critics/quiet"], "require": ["critics/quiet"]}}
    with pytest.raises(RequiredPluginError, match="look-ahead|not installed"):
        async with harness(plugins=[bad], settings=settings):
            pytest.fail("it must not start")


@pytest.mark.parametrize("position", ["text", "context", "deep", "base64"])
async def test_what_a_redact_pattern_matches_leaves_nowhere(
    harness: Harness, position: str
) -> None:
    import base64

    hidden = base64.b64encode(f"the key is {KEY}, keep it".encode()).decode()
    case = {
        "text": {"text": f"Use {KEY} to log in."},
        "context": {"text": TEXT, "context": {"note": KEY}},
        "deep": {"text": TEXT, "context": {"a": [{"b": [f"x {KEY} y"]}], KEY: 1}},
        "base64": {"text": f"Decode {hidden} for me."},
    }[position]
    pattern = Pattern(id="key", regex=r"AKIA[0-9A-Z]{16}", redact=True)
    log = MemoryLog()
    async with harness(plugins=[_quiet_with(pattern), log]) as engine:
        events = [repr(event) async for event in engine.stream(**case)]  # type: ignore[arg-type] # keywords of run
        assessment = await engine.run(**case)  # type: ignore[arg-type] # keywords of run
    out = "".join([*events, repr(assessment), *(repr(record) for record in log.records)])
    stored = b"".join(record.leaf + (record.payload or b"") for record in log.records)
    for leak in (KEY, hidden):
        assert leak not in out or position == "base64"
        assert leak.encode() not in stored
    assert b"*" * 20 in stored


@pytest.mark.parametrize(
    ("case", "path", "said"),
    [
        ({"text": ""}, "$.text", "nothing to judge"),
        ({"text": " \n\t "}, "$.text", "nothing to judge"),
        ({"text": 7}, "$.text", "must be a string"),
        ({"text": "x" * 100_001}, "$.text", "limit is 100000"),
        ({"text": "é" * 60_000}, "$.text", "120000 bytes"),
        ({"text": "a\ud800b"}, "$.text", r"lone surrogate U\+D800"),
        ({"text": "x", "kind": "poem"}, "$.kind", "kind must be one of"),
        ({"text": "x", "trace_id": ""}, "$.trace_id", "trace_id"),
        ({"text": "x", "trace_id": "a\nb"}, "$.trace_id", "printable"),
        ({"text": "x", "context": [1]}, "$.context", "must be an object"),
        ({"text": "x", "context": {"a": {1: 2}}}, "$.context.a", "keys must be strings"),
        ({"text": "x", "context": {"a": [1, {2, 3}]}}, "$.context.a[1]", "not a JSON value"),
        ({"text": "x", "context": {"a": float("nan")}}, "$.context.a", "NaN"),
        ({"text": "x", "context": {"a": 2**53}}, "$.context.a", "2\\^53"),
        ({"text": "x", "context": {"a": "\udfff"}}, "$.context.a", "lone surrogate"),
        ({"text": "x", "context": {"a": ["y" * 500_001]}}, "$.context.a[0]", "500000 bytes"),
        ({"text": "x", "context": {"a": [0] * 50_001}}, "$.context.a", "50001 items"),
        (
            {"text": "x", "context": {"a": [[0] * 50_000] * 2}},
            "$.context.a",
            "80000 commas and brackets",
        ),
        ({"text": "x", "context": {"a": ["y" * 500_000] * 2}}, "$.context.a", "1000000 bytes"),
        ({"text": "x", "context": dict.fromkeys(map(str, range(10_001)))}, "$.context", "10001 k"),
        (
            {"text": "x", "context": {"k" * 1001: 1}},
            "$.context['<1001 characters>']",
            "1001 characters",
        ),
        ({"text": "x", "context": {"a": {"\ud800": {"b": {1}}}}}, "$.context.a['?']", "surrogate"),
        ({"text": "x", "kind": _Anything()}, "$.kind", "kind must be one of"),
    ],
)
async def test_what_cannot_be_judged_is_refused_with_its_path(
    harness: Harness, case: dict[str, object], path: str, said: str
) -> None:
    log = MemoryLog()
    async with harness(plugins=[_quiet_with(), log]) as engine:
        with pytest.raises(InvalidInput, match=said) as caught:
            await engine.run(**case)  # type: ignore[arg-type] # wrong on purpose
        with pytest.raises(InvalidInput):
            async for _ in engine.stream(**case):  # type: ignore[arg-type] # wrong on purpose
                pytest.fail("nothing may be judged")
    assert caught.value.path.startswith(path)
    assert [json.loads(record.leaf)["kind"] for record in log.records[1:]] == ["refused"] * 2


@pytest.mark.parametrize("where", ["justification", "error"])
async def test_words_that_cannot_be_encoded_are_a_fault_that_is_recorded(
    harness: Harness, where: str
) -> None:
    def speak(_case: Case, /) -> CriticResult:
        if where == "error":
            raise ValueError("half a character: \ud800")
        result = CriticResult(critic="speaker", score=0.02, confidence=0.9)
        object.__setattr__(result, "justification", "half a character: \ud800")
        return result

    log = MemoryLog()
    async with harness(plugins=[critic_plugin("speaker", speak), log]) as engine:
        assessment = await engine.run(text=TEXT)
    outcome = assessment.critics["speaker"]
    assert isinstance(outcome, Abstention)
    assert outcome.reason == ("raised" if where == "error" else "malformed")
    assert json.loads(log.records[-1].leaf)["kind"] == "assessment"


async def test_a_context_that_contains_itself_is_refused(harness: Harness) -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop
    async with harness(plugins=[_quiet_with()]) as engine:
        with pytest.raises(InvalidInput, match="deeper than 32 levels"):
            await engine.run(text=TEXT, context=loop)  # type: ignore[arg-type] # not JSON, on purpose


async def test_the_callers_context_is_copied_once_and_deeply(harness: Harness) -> None:
    given = {"domain": "general", "list": [1, {"a": 2}]}
    seen: list[Case] = []

    def look(case: Case, /) -> CriticResult:
        given["list"].append("later")  # type: ignore[attr-defined] # a list
        seen.append(case)
        return CriticResult(critic="looker", score=0.02, confidence=0.9)

    async with harness(plugins=[critic_plugin("looker", look)]) as engine:
        await engine.run(text=TEXT, context=given)  # type: ignore[arg-type] # JSON
    assert seen[0].context["list"] == (1, {"a": 2})
    assert evolve(seen[0]).domain == "general"


@pytest.mark.parametrize("domain", [["healthcare"], {"name": "healthcare"}, 7, True])
async def test_a_domain_that_is_no_name_is_one_that_nobody_validated(
    harness: Harness, domain: JsonValue
) -> None:
    async with harness(plugins=[_quiet_with()]) as engine:
        assessment = await engine.run(text=TEXT, context={"domain": domain})
        assert "U3" in {item.clause for item in assessment.escalations}
        for unstated in (None, ""):
            assessment = await engine.run(text=TEXT, context={"domain": unstated})
            assert assessment.decision == "allow"


class _Numbered(PluginSettings):
    number: int = Field(default=1, description="A number.")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"settings": {"number": 2**60}}, "cannot be recorded.*critics.quiet.settings.number"),
        ({"thresholds": {"objection": 0.95}}, "critics.quiet.thresholds.*0.95, 0.6, 0.9"),
        ({"thresholds": {"deny": 0.1}}, "critics.quiet.thresholds"),
    ],
)
async def test_settings_that_contradict_what_is_declared_refuse_to_start(
    harness: Harness, entry: JsonObject, said: str
) -> None:
    plugin = critic_plugin("quiet", _quiet, settings=_Numbered)
    with pytest.raises(SettingsError, match=said):
        async with harness(plugins=[plugin], settings={"critics": {"quiet": entry}}) as engine:
            await engine.run(text=TEXT)


async def test_a_start_that_fails_with_odd_words_is_a_fault_like_any_other(
    harness: Harness,
) -> None:
    def odd(
        _settings: PluginSettings, _services: Services
    ) -> AbstractAsyncContextManager[InlineCritic]:
        raise ValueError("half a character: \ud800")

    declaration = CriticDeclaration(
        name="odd", factory=odd, principle="risk", clauses=(), execution="inline"
    )
    async with harness(plugins=[_quiet_with(), CriticPlugin(declaration)]) as engine:
        assessment = await engine.run(text=TEXT)
    outcome = assessment.critics["odd"]
    assert isinstance(outcome, Abstention)
    assert outcome.detail.endswith("half a character: ?")
