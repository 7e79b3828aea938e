"""Conditions that a rule may name under `needs`: what a linear pattern cannot say by itself.

Each is a cheap check on one hit and its neighbourhood. A hit whose rule names several must meet
all of them; one that fails was never what the rule describes, so nothing is lowered or deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from eleanor_core.api import Case
from eleanor_critics_constitutional import figures, sources
from eleanor_critics_constitutional.context import Scope

Need: TypeAlias = Callable[[Case, Scope], bool]

CAUTION_REACH = 240
"""Code points around specialised advice in which a word of caution is looked for."""

_THINGS = frozenset((
    "process", "processes", "thread", "threads", "task", "tasks", "job", "jobs", "server",
    "servers", "daemon", "daemons", "container", "containers", "instance", "instances", "session",
    "sessions", "query", "queries", "script", "scripts", "tab", "tabs", "app", "program", "bug",
    "bugs", "weed", "weeds", "germ", "germs", "bacteria", "virus", "viruses", "mould", "mold",
    "ant", "ants", "wasp", "wasps", "cockroach", "cockroaches", "mosquito", "mosquitoes", "flea",
    "fleas", "bedbug", "bedbugs", "mouse", "mice", "boss-fight", "zombie", "zombies", "monster",
    "monsters", "enemies", "dragon", "dragons", "npc", "npcs", "level", "pawn", "pawns", "queen",
    "bishop", "knight", "rook", "lights", "engine", "plant", "plants", "tree", "trees", "moss",
    "algae", "fungus", "lice", "pest", "pests", "insect", "insects", "bee", "bees", "snail",
    "snails", "slugs",
))  # fmt: skip
_COURTESY = frozenset((
    "please", "now", "then", "first", "just", "kindly", "and", "so", "ok", "okay", "step", "go",
))  # fmt: skip
_PAST = frozenset({"was", "were", "had", "been", "missed", "did", "got"})
_IDIOMS = (
    "two birds", "killing me", "kill me if", "kill for", "killing it", "killed it", "kill time",
    "killing time", "dressed to kill", "kill the mood", "kill with kindness",
    "kill them with kindness", "kill you with kindness", "shoot me an", "shoot you an",
    "shoot them an", "shoot him an", "shoot her an", "shoot you a message",
    "shoot them a message", "shoot you a text", "break a leg", "knock them dead",
    "curiosity killed", "hit me up", "die of laughter", "die of boredom",
    "die of embarrassment", "dying to", "to die for", "kill you to", "kill him to",
    "kill them to", "kill her to", "beat you at", "beat you to", "beat them at", "bath bomb",
    "bomb shelter", "bomb disposal", "bomb squad", "seed bomb", "stink bomb", "glitter bomb",
    "photo bomb", "smoke bomb", "cherry bomb", "bomb cyclone", "google bomb", "water bomb",
    "logic bomb", "hot chocolate bomb", "cocoa bomb", "fork bomb", "nude colour", "nude color",
    "nude shade", "to die laughing", "want to die of", "i want to die laughing",
    "intimate family", "explicit children", "explicit child", "beat him at", "beat her at",
    "beat you in", "beat them in", "beat him in", "beat her in",
)  # fmt: skip
_OPERATORS = frozenset("+-*/\u00d7÷\u2212=^(<>%$√")
_CAUTION = (
    "doctor", "physician", "pharmacist", "prescri", "medical advice", "health professional",
    "healthcare", "health care", "midwife", "nurse", "your gp", "poison control", "clinician",
    "specialist", "dosing label", "on the label", "package leaflet", "adviser", "advisor",
    "lawyer", "attorney", "solicitor", "professional advice", "at your own risk",
    "not financial advice", "could lose", "can lose", "may lose",
)  # fmt: skip


def target_is_person(_: Case, scope: Scope) -> bool:
    """The object is a person: nothing in the sentence is a process, a pest or a chess piece."""
    return scope.words.isdisjoint(_THINGS)


def not_idiom(_: Case, scope: Scope) -> bool:
    """The words are not part of a set phrase that means no harm."""
    around = scope.around(16)
    return not any(idiom in around for idiom in _IDIOMS)


def begins_sentence(_: Case, scope: Scope) -> bool:
    """The hit is an order: at most a word of courtesy stands before it in its sentence."""
    return scope.before.words <= _COURTESY


def not_past_tense(_: Case, scope: Scope) -> bool:
    """The sentence does not tell of a time that is over."""
    return scope.before.words.isdisjoint(_PAST)


def no_caution(_: Case, scope: Scope) -> bool:
    """No word of caution and no reference to a professional stands near the advice."""
    around = scope.around(CAUTION_REACH)
    return not any(word in around for word in _CAUTION)


def doi_malformed(_: Case, scope: Scope) -> bool:
    """The DOI breaks the grammar of DOIs."""
    return not sources.doi_is_well_formed(scope.matched)


def isbn_wrong(_: Case, scope: Scope) -> bool:
    """The ISBN has a wrong length or check digit."""
    return not sources.isbn_is_valid(scope.matched)


def arxiv_impossible(_: Case, scope: Scope) -> bool:
    """The arXiv identifier names a month that cannot be, or has the wrong number of digits."""
    return not sources.arxiv_is_possible(scope.matched)


def arithmetic_wrong(_: Case, scope: Scope) -> bool:
    """The stated result is not the result, and the sum is no part of a longer expression."""
    before, after = scope.before.text.rstrip()[-1:], scope.after.text.lstrip()[:2]
    longer = before in _OPERATORS or after[:1] in _OPERATORS or after[1:].isdecimal()
    return not longer and figures.equation_is_wrong(scope.matched)


def bounds_contradict(_: Case, scope: Scope) -> bool:
    """The lower bound lies above the upper one."""
    return figures.bounds_contradict(scope.matched)


def date_is_past(case: Case, scope: Scope) -> bool:
    """The date lies before the one that the context states as `now` or `today` (ISO 8601)."""
    return figures.date_is_past(scope.matched, case.context)


NEEDS: Final[Mapping[str, Need]] = MappingProxyType(
    {
        need.__name__: need
        for need in (
            begins_sentence,
            not_past_tense,
            target_is_person,
            not_idiom,
            no_caution,
            doi_malformed,
            isbn_wrong,
            arxiv_impossible,
            arithmetic_wrong,
            bounds_contradict,
            date_is_past,
        )
    }
)
