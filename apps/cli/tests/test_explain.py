"""`--explain`: why, for four readers, on what the real engine returns."""

from __future__ import annotations

import re
import unicodedata
from io import StringIO

import anyio
import pytest
from rich.console import Console

from eleanor_cli.explain.ground import Ground
from eleanor_cli.explain.page import READERS, explain
from eleanor_core import EleanorEngine
from eleanor_core.codec import from_json, to_json
from eleanor_core.errors import EvidenceUnavailable
from eleanor_core.model import Assessment
from eleanor_core.settings import load_settings

TEXTS = {
    "allow": "a fine text",
    "constrain": "an unfair text",
    "review": "a worrying text",
    "deny": "a grave text",
    "fault": "boom",
    "gap": "a fact",
}


def said(eleanor, text, reader, *options, **env):
    """What a reader is told, on one line."""
    ran = eleanor(*options, "evaluate", text, "--explain", reader, **env)
    assert "Traceback" not in ran.err
    return " ".join(ran.out.split())


def test_each_reader_is_told_of_a_denied_case(eleanor):
    person = said(eleanor, TEXTS["deny"], "person")
    assert "It is refused." in person
    assert (
        "stranger objects, about “grave”: degradation. It says: It says that it is grave." in person
    )
    assert "before a named person has decided" in person
    assert re.search(r"name the record [0-9a-f]{8}-", person)
    assert "D2" not in person

    operator = said(eleanor, TEXTS["deny"], "operator")
    assert "Exit code 12." in operator
    assert "stranger “grave”: D2 degradation. It says that it is grave." in operator
    assert "decide D2 degradation (tier 3), asked by stranger: A grave text waits." in operator

    engineer = said(eleanor, TEXTS["deny"], "engineer")
    assert "deny stranger: severity 3, score 0.95 >= 0.9 (deny)" in engineer
    assert "thresholds 0.5, 0.6, 0.9; rights, task" in engineer
    assert "code points 2-7 “grave”" in engineer
    assert "plugins.exact" in engineer
    assert "environment ELEANOR_PLUGINS__EXACT" in engineer
    assert re.search(r"Milliseconds scan \d", engineer)

    auditor = said(eleanor, TEXTS["deny"], "auditor")
    assert re.search(r"leaf hash [0-9a-f]{64}", auditor)
    assert (
        "D2 degradation; dignity, tier 3; UDHR articles 1, 5; raised by stranger (objection), "
        in auditor
    )
    assert "critics/stranger eleanor-stranger 1.2.3" in auditor
    assert "logs evidence/file" in auditor
    record = re.search(r"eleanor evidence show ([0-9a-f-]{36})", auditor)
    assert record
    assert eleanor("evidence", "show", record[1]).code == 0


@pytest.mark.parametrize(
    ("case", "reader", "expected"),
    [
        ("allow", "person", "It may go ahead as it is: nobody objects."),
        ("allow", "operator", "The gate is open."),
        ("allow", "engineer", "no score at its critic's threshold, and no escalation"),
        ("allow", "auditor", "decision allow: No critic objects."),
        ("constrain", "person", "Have this changed: It says that it is unfair."),
        ("constrain", "operator", "stranger It says that it is unfair. (F2 structural bias"),
        ("constrain", "engineer", "objection stranger: score 0.55 >= 0.5 (objection)"),
        ("constrain", "auditor", "F2 structural bias amplified; fairness, tier 2; UDHR articles"),
        ("review", "person", "Nothing may act on it before a named person has looked at it"),
        ("review", "operator", "acknowledge A1 consent absent (tier 2), asked by stranger"),
        ("review", "engineer", "escalation 1 escalation, the highest of tier 2"),
        ("review", "auditor", "A1 consent absent; autonomy, tier 2; UDHR articles 1, 12"),
        ("fault", "person", "stranger gave no answer: it failed. That counts as a reason to ask"),
        (
            "fault",
            "operator",
            "raised: RuntimeError: the stranger broke down (eleanor-stranger 1.2.3)",
        ),
        ("fault", "operator", "See `eleanor plugins explain critics/stranger`."),
        ("fault", "engineer", "stranger abstained, raised: RuntimeError: the stranger broke down"),
        ("fault", "auditor", "critics/stranger all: a fault, raised"),
        ("gap", "person", "facts, by stranger: nothing to check the facts against."),
        ("gap", "operator", "facts was not assessed: nothing to check the facts against."),
        (
            "gap",
            "engineer",
            "not assessed: facts, no-evidence (nothing to check the facts against)",
        ),
        ("gap", "auditor", "facts: no-evidence (nothing to check the facts against)"),
    ],
)
def test_every_decision_fault_and_gap_for_every_reader(explained, case, reader, expected):
    assert expected in explained(case, reader)


# -- many at once, on one engine of this process --------------------------------------------------


async def grounds(home, texts, **settings):
    """What the stranger's plugins make of each text, with all that an explanation draws on."""
    chosen = {"exact": ["critics/stranger", "detectors/stranger", "evidence/file"]}
    loaded = load_settings({"home": str(home), "plugins": chosen} | settings, env={})
    engine = EleanorEngine(loaded)
    async with engine:
        judged = {}
        for name, (text, context) in texts.items():
            try:
                assessment = await engine.run(text=text, context=context)
            except EvidenceUnavailable as error:
                assessment = error.assessment
            judged[name] = Ground(
                assessment=assessment, text=text, registry=engine.registry, loaded=loaded
            )
    return judged


def judge(site, tmp, texts, **settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        return anyio.run(lambda: grounds(tmp, texts, **settings))


def told(ground, reader, width=100):
    """What a reader is told, as it is laid out."""
    out = StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
    explain(console, ground, reader)
    return out.getvalue()


@pytest.fixture(scope="module")
def known(site, tmp_path_factory):
    return judge(site, tmp_path_factory.mktemp("home"), {n: (t, None) for n, t in TEXTS.items()})


@pytest.fixture
def explained(known):
    return lambda case, reader: " ".join(told(known[case], reader).split())


def test_every_reader_of_every_case_is_told_something_within_the_width(known):
    for ground in known.values():
        for reader in READERS:
            for width in (40, 60, 120):
                lines = told(ground, reader, width).splitlines()
                assert len(lines) >= 5
                assert max(map(len, lines)) <= width


def test_what_a_stage_asks_for_and_what_the_policy_forbids(site, tmp_path):
    texts = {"novel": ("a fine text", {"impact": "high"}), "grave": ("a grave text", None)}
    policy = {"prohibited_clauses": ["D2"]}
    known = judge(site, tmp_path, texts, policy=policy)
    person = " ".join(told(known["novel"], "person").split())
    assert "recall asks for a person: no precedent in a high-impact domain." in person
    grave = {reader: " ".join(told(known["grave"], reader).split()) for reader in READERS}
    assert "Whoever runs this system has forbidden it" in grave["person"]
    assert "Nobody: the policy forbids it (setting policy.prohibited_clauses)." in grave["operator"]
    assert "prohibited Forbidden by policy: D2 degradation." in grave["engineer"]
    assert "policy.prohibited_clauses" in grave["engineer"]
    assert "no human action opens it" in grave["auditor"]


def test_thresholds_are_those_of_the_settings(site, tmp_path):
    limits = {"stranger": {"thresholds": {"objection": 0.6, "escalation": 0.7}}}
    known = judge(site, tmp_path, {"unfair": ("an unfair text", None)}, critics=limits)
    engineer = " ".join(told(known["unfair"], "engineer").split())
    assert "thresholds 0.6, 0.7, 0.9" in engineer
    assert "no score at its critic's threshold" in engineer


def test_without_a_record(eleanor):
    full = {"ELEANOR_PLUGINS__EXACT": '["critics/stranger", "evidence/full"]'}
    person = said(eleanor, "a fine text", "person", **full)
    assert "Ask for it to be judged again" in person
    assert "NOT RECORDED" in person
    assert "go ahead" not in person
    operator = said(eleanor, "a fine text", "operator", **full)
    assert "Exit code 1." in operator
    assert "No evidence log acknowledged the record." in operator
    assert "There is nothing to verify" in said(eleanor, "a fine text", "auditor", **full)


def test_what_is_secret_is_explained_to_nobody(known):
    ground = known["deny"]
    wire = to_json(ground.assessment)
    signal = {"category": "key", "severity": 3, "span": [0, 12]}
    wire["detectors"]["secrets"] = {"status": "ok", "score": 1.0, "signals": [signal]}
    secret = Ground(
        assessment=from_json(wire, Assessment),
        text=ground.text,
        registry=ground.registry,
        loaded=ground.loaded,
    )
    for reader in READERS:
        assert "“grave”" not in told(secret, reader)
    assert "[hidden]" in told(secret, "person")


def test_nothing_that_was_said_can_drive_a_terminal(known):
    wire = to_json(known["deny"].assessment)
    hostile = "\x1b[2J\u202egrave\r\n\x9b31m"
    for part in (*wire["dissent"], wire["critics"]["stranger"]):
        part["justification"] = hostile
        part["violations"][0]["rationale"] = hostile
    wire["summary"] = wire["escalations"][0]["rationale"] = hostile
    ground = Ground(
        assessment=from_json(wire, Assessment),
        text=hostile,
        registry=known["deny"].registry,
        loaded=known["deny"].loaded,
    )
    for reader in READERS:
        shown = told(ground, reader).replace("\n", "")
        assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf"}


def test_explain_and_json_exclude_each_other(eleanor):
    ran = eleanor("evaluate", "a fine text", "--json", "--explain", "person")
    assert ran.code == 2
    assert "--explain is for people" in ran.json["error"]["message"]
    assert not eleanor.home.exists()


def test_explain_keeps_the_exit_code_and_follows_a_stream(eleanor):
    ran = eleanor("evaluate", "a grave text", "--explain", "person", "--stream")
    assert ran.code == 12
    assert ran.out.count("provisional") == 6
    assert "It is refused." in ran.out
