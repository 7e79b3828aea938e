"""Whether a sentence asks for what it goes on to name: an order, or a question by what means.

A rule that names harmful deeds needs this beside it: the same words in a report, a law or a warning
ask for nothing. Read is only the sentence of the hit, up to the end of the hit. No expression
repeats a repetition, so the time is linear in the sentence.
"""

from __future__ import annotations

import re
from typing import Final

from eleanor_core.api import Case
from eleanor_critics_constitutional.context import Part, Scope

PREAMBLE = 100
"""Code points of "Given the letter below," and the like that may stand before an order."""

_ORDERS: Final = tuple(
    f" {order} "
    for order in (
        "write", "create", "develop", "design", "generate", "build", "make", "produce", "draft",
        "compose", "code", "program", "devise", "craft", "construct", "give", "provide",
        "outline", "explain", "describe", "demonstrate", "illustrate", "suggest", "publish",
        "teach", "instruct", "show", "tell", "help", "plan", "formulate", "prepare", "offer",
        "share", "list", "organise", "organize", "train", "assist", "guide", "film", "record",
        "post", "detail", "determine", "modify", "edit", "rewrite", "rephrase", "find",
        "locate", "name", "invent", "propose", "recommend", "obfuscate", "argue", "convince",
        "persuade", "add", "identify", "predict", "compile", "launch", "send", "insult", "mock",
        "support", "perform", "use", "get", "buy", "sell", "draw", "convert", "conduct",
        "execute", "commit", "spread", "release", "interfere", "manipulate", "hack", "steal",
        "kill", "attack", "poison", "sabotage", "destroy", "blackmail", "harass", "stalk",
        "bomb", "burn", "forge", "falsify", "disable", "tamper", "bribe", "bully", "incite",
        "promote", "replicate", "encourage", "join", "speak", "imagine", "alter", "change",
        "reveal", "expose", "trick", "scare", "think of", "come up with", "set up",
    )
)  # fmt: skip
_COURTESY: Final = tuple(
    f" {phrase} "
    for phrase in (
        "please", "now", "then", "and", "also", "so", "ok", "okay", "hey", "hi", "hello", "first",
        "just", "kindly", "step by step", "can you", "could you", "would you", "will you",
        "you must", "you should", "i want you to", "i need you to", "i would like you to",
        "i'd like you to", "let us", "let's", "in detail", "slightly", "intelligently", "quickly",
        "secretly", "minimally",
    )
)  # fmt: skip
_PREAMBLES: Final = (" given ", " based on ", " using ", " from ", " for ", " in ")
_MEANS: Final = (
    r"(?:ways?|methods?|means|ideas?|tips?|strateg(?:y|ies)|techniques?|tactics?|steps|instructions?"
    r"|guides?|guidance|tutorials?|plans?|blueprints?|recipes?|schemes?|manuals?|tricks?|advice"
    r"|tools?|approach(?:es)?|examples?|loopholes?|suggestions?|programs?|scripts?|software|apps?"
    r"|websites?|bots?|algorithms?|best practices|grey areas|devices|campaigns?|resources)"
    r"\b[^,;:.]{0,40}?\b(?:to|for|of|on|that|which|by|in|with|without|how)"
)
_ASKS: Final = re.compile(
    rf"""\b(?:
      how\ (?:to|best\ to|i\ (?:can|could|would)|we\ can)
    | how\ (?:do|can|could|would|should|might|may)\ (?:i|you|we|one|someone|somebody|anyone|people
        |a\ person|they)
    | how\ (?:can|could|should|might)\ (?:(?:an?|the|my|our|your)\ )?\w+
    | {_MEANS}
    | (?:help|teach|tell|show|give|send|guide|walk|advise|assist|allow|enable|let)s?
        \ (?:me|us|you|him|her|them|people|others|users|someone)
    | (?:i|we)(?:'m|\ am|\ are|'re|'d|\ would)?\ (?:just\ |really\ )?(?:want|need|like|wish|plan
        |planning|intend|looking|trying|hope|going)\ to
    | where\ (?:to|(?:can|could|do|would|should|might)\ (?:i|we|one|you|someone))
    | what(?:'s|\ is|\ are|\ would\ be)?\ (?:the\ |a\ |an\ |some\ |your\ )?(?:[a-z]+\ ){{0,2}}?
        (?:best|easiest|good|quickest|fastest|cheapest|safest|effective|simplest|efficient|worst
        |unique|creative|way|items?|chemicals|ingredients|equipment)
    | what\ (?:is|are|would\ be)\ (?:the\ |an?\ )?(?:lethal|fatal|deadly)
    | which\ [^,;:.]{{0,40}}\b(?:best|easiest)
    | (?:should|can|could|may|would)\ i
    | (?:is|are)\ there\ (?:a|an|any|some)
    | (?:is|isn't|is\ it)\ (?:it\ )?(?:ok|okay|fine|possible|safe|good|acceptable)\ to
    | let(?:'s|\ us)
    )\b""",
    re.VERBOSE,
)


def requested(_: Case, scope: Scope) -> bool:
    """The sentence asks for what was found: a means to it, a text for it, or help with it."""
    said = scope.upto
    return _orders(said) or _ASKS.search(said.text) is not None


def _orders(said: Part) -> bool:
    """Whether the sentence begins with an order, after words of courtesy or a preamble."""
    words = _uncovered(said.spaced)
    if words.startswith(_ORDERS):
        return True
    if not words.startswith(_PREAMBLES):
        return False
    end = re.search("[,:]", said.text[:PREAMBLE])
    return end is not None and _uncovered(Part(said.text[end.end() :]).spaced).startswith(_ORDERS)


def _uncovered(words: str) -> str:
    """Return the words, each between single spaces, without the words of courtesy before them."""
    while (phrase := next((row for row in _COURTESY if words.startswith(row)), None)) is not None:
        words = words[len(phrase) - 1 :]
    return words
