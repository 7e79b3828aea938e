r"""Rules as data: read the YAML of one critic, expand its macros, and declare its patterns.

A rule file is the whole substance of a critic; this module only turns it into values. Spelling of
a pattern (RE2 syntax, matched without regard to case and between word boundaries):

- `{name}` stands for an entry of `vocabulary.yaml`, which may use other entries;
- a space stands for any run of white space (` ?` for one that may be missing), `'` for a straight
  or a curly apostrophe, and a line break for nothing, so that long lists can be folded;
- `[^.!?\n]` does not leave its sentence, but goes with it into the next line where one was wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from eleanor_core.api import CLAUSES, Pattern

Kind: TypeAlias = Literal["prompt", "answer", "action"]
Vocabulary: TypeAlias = Mapping[str, str]

MARKER = "marker:"
"""Prefix of the pattern ids that object to nothing: they only say what the text is about."""

HINT = "hint:"
"""Prefix of the pattern ids that prove nothing: they only raise the score a little (`hints.py`)."""

_CLASS: Final = r"\[(?:\\.|[^\]\\])*\]"
_TOKEN = re.compile(
    rf"\\.|(?P<gap>(?=\[\^[^\]]*\\n){_CLASS})(?P<times>[*+]\??|\{{[\d,]+\}}\??)|{_CLASS}"
    r"|\{(?P<macro>[a-z_]+)\}|\s*\n\s*|\s+\??|'"
)
_WRAPPED: Final = r"\n[ \t>]*"
"""Where a line was broken within a sentence. Mail does so, and marks what it quotes by a `>`."""

_SPELLED: Final[Mapping[str, str]] = {
    "": r"\s+",
    "?": r"\s*",
    "'": "['\u2019]",
    "[- ]": r"[-\s]",
    "[ -]": r"[-\s]",
}
_TEXT: Final = "tag:yaml.org,2002:str"


class RuleFileError(ValueError):
    """A rule file of this package is wrong. The message names the file and the rule."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Example(_Row):
    """A text that a rule must find, or must leave. A bare string in YAML is its `text`.

    `lowered`: for a near miss that keeps its violation, with a score below the objection threshold.
    """

    text: str
    context: dict[str, str] = Field(default_factory=dict)
    kind: Kind = "answer"
    lowered: bool = False

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str) else value


class Rule(_Row):
    """One thing that a critic objects to.

    `score` in [0.5, 0.97]: probability that a careful reader objects when nothing around the hit
    speaks against it. `needs`: conditions of `needs.py`, all of which must hold. `unmoved_by`:
    cues of `cues.yaml` that say nothing here (a request for a weapon stays one when it is asked as
    a question); `moved_by`: cues that speak to those alone that name them. The first near miss
    must not match the pattern at all.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    clause: str
    concern: str = Field(pattern=r"^(RT|RK|FA|TR|AU|PG)[0-9A-Z-]*$")
    severity: Literal[1, 2, 3]
    score: float = Field(ge=0.5, le=0.97)
    pattern: str = Field(min_length=1)
    rationale: str = Field(min_length=1)
    norms: tuple[str, ...] = Field(min_length=1)
    kinds: frozenset[Kind] = frozenset({"prompt", "answer", "action"})
    needs: tuple[str, ...] = ()
    unmoved_by: frozenset[str] = frozenset()
    moved_by: frozenset[str] = frozenset()
    matches: tuple[Example, ...] = Field(min_length=3)
    near_misses: tuple[Example, ...] = Field(min_length=3)

    @field_validator("clause")
    @classmethod
    def _known(cls, clause: str) -> str:
        return _registered(clause)

    @property
    def words(self) -> str:
        """The rationale with the concern and the norms that it rests on."""
        return f"{self.rationale} [{self.concern}; {', '.join(self.norms)}]"


class Charge(_Row):
    """What a critic itself objects to where a detector testifies.

    It counts from signals of severity `least` on, of one of `categories` (any, if there are none),
    in cases of one of `kinds`.
    """

    least: Literal[1, 2, 3]
    categories: frozenset[str] = frozenset()
    kinds: frozenset[Kind] = frozenset({"prompt", "answer", "action"})
    clause: str
    concern: str = Field(pattern=r"^(RT|RK|FA|TR|AU|PG)[0-9A-Z-]*$")
    severity: Literal[1, 2, 3]
    score: float = Field(ge=0.5, le=0.97)
    rationale: str = Field(min_length=1)
    norms: tuple[str, ...] = Field(min_length=1)

    @field_validator("clause")
    @classmethod
    def _known(cls, clause: str) -> str:
        return _registered(clause)

    @property
    def words(self) -> str:
        """The rationale with the concern and the norms that it rests on."""
        return f"{self.rationale} [{self.concern}; {', '.join(self.norms)}]"


class Hint(_Row):
    """Words that are weak evidence: harmless as a rule, and more frequent in what is not.

    `weight`: the part of the remaining doubt that they take away, in [0, 1), once in a sentence; 0
    if they only say what others stand beside; below 0 if they take that part away from the other
    hints of their sentence (praise). `beside`: names of hints of which one must stand in the same
    sentence or, for less weight, in the next one. `needs`, `unmoved_by`, `moved_by`: as of a rule.
    All hints together stay below the objection threshold.
    """

    weight: float = Field(gt=-1.0, lt=1.0)
    pattern: str = Field(min_length=1)
    beside: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unmoved_by: frozenset[str] = frozenset()
    moved_by: frozenset[str] = frozenset()
    example: str = ""
    near_miss: str = ""


class Support(_Row):
    """How far a detector's testimony raises this critic's scores. It can lower none.

    `weight` in [0, 1]: the part of the remaining doubt that a signal of severity 3 takes away from
    a violation of one of `clauses`. `alone` in [0, 0.49]: the score that the signal gives a text
    in which no rule found anything, below the objection threshold. `charges`: what the critic
    objects to by itself where the testimony is strong enough.
    """

    weight: float = Field(ge=0.0, le=1.0)
    alone: float = Field(ge=0.0, lt=0.5)
    clauses: frozenset[str]
    charges: tuple[Charge, ...] = ()


class RuleBook(_Row):
    """The contents of one rule file."""

    principle: Literal["rights", "autonomy", "fairness", "truth", "risk", "pragmatics"]
    summary: str
    markers: dict[str, str] = Field(default_factory=dict)
    hints: dict[str, Hint] = Field(default_factory=dict)
    signals: dict[str, Support] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _distinct(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        ids = [rule.id for rule in rules]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"rule ids used twice: {', '.join(twice)}")
        return rules

    @model_validator(mode="after")
    def _hints_exist(self) -> RuleBook:
        unknown = {name for hint in self.hints.values() for name in hint.beside} - set(self.hints)
        if unknown:
            raise ValueError(f"hints that stand beside unknown ones: {', '.join(sorted(unknown))}")
        return self

    @property
    def clauses(self) -> frozenset[str]:
        """All clauses that its rules and its charges name."""
        charged = {row.clause for support in self.signals.values() for row in support.charges}
        return frozenset(charged | {rule.clause for rule in self.rules})


def _registered(clause: str) -> str:
    if clause not in CLAUSES:
        raise ValueError(f"{clause!r} is not in the clause registry")
    return clause


def load_book(principle: str) -> RuleBook:
    """Read the rule files of one critic. Raises `RuleFileError` if one is wrong.

    They are `rules/<principle>.yaml`, and those that it names under `further`: lists of rules.
    """
    name = f"rules/{principle}.yaml"
    try:
        return RuleBook.model_validate(_joined(read_yaml(name)))
    except ValueError as error:
        raise RuleFileError(f"eleanor-critics-constitutional, {name}: {error}") from error


def _joined(rows: object) -> object:
    if not isinstance(rows, dict) or "further" not in rows:
        return rows
    rules = [row for name in ("", *rows["further"]) for row in _rules_in(name, rows)]
    return {key: rows[key] for key in rows if key != "further"} | {"rules": rules}


def _rules_in(name: str, head: Mapping[str, object]) -> list[object]:
    rules = read_yaml(f"rules/{name}.yaml") if name else head.get("rules")
    if not isinstance(rules, list):
        raise RuleFileError(f"eleanor-critics-constitutional, rules of {name or 'it'}: not a list")
    return rules


def load_vocabulary() -> Vocabulary:
    """Read the macros that all rule files share."""
    macros: dict[str, str] = {}
    for name in ("vocabulary.yaml", "people.yaml"):
        rows = read_yaml(name)
        if not isinstance(rows, dict) or not macros.keys().isdisjoint(rows):
            raise RuleFileError(
                f"eleanor-critics-constitutional, {name}: not a mapping, or a macro named twice"
            )
        macros |= rows
    return MappingProxyType(macros)


def patterns_of(book: RuleBook, vocabulary: Vocabulary) -> tuple[Pattern, ...]:
    """Return what the shared scan must look for on behalf of this critic."""
    spelling = Spelling(vocabulary)
    rules = [
        Pattern(
            id=rule.id,
            regex=spelling.regex(rule.pattern),
            example=rule.matches[0].text,
            near_miss=rule.near_misses[0].text,
        )
        for rule in book.rules
    ]
    markers = [
        Pattern(id=MARKER + name, regex=spelling.regex(pattern))
        for name, pattern in book.markers.items()
    ]
    hints = [
        Pattern(
            id=HINT + name,
            regex=spelling.regex(hint.pattern),
            example=hint.example,
            near_miss=hint.near_miss,
        )
        for name, hint in book.hints.items()
    ]
    return (*rules, *markers, *hints)


class Spelling:
    """Turns patterns as they are spelt here into RE2 expressions; each macro is expanded once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._macros: dict[str, str] = {}

    def regex(self, pattern: str) -> str:
        """Return `pattern` as one expression. Raises `RuleFileError` for an unknown macro."""
        return rf"(?i)\b(?:{self._expand(pattern, ())})\b"

    def _expand(self, pattern: str, inside: tuple[str, ...]) -> str:
        def spell(token: re.Match[str]) -> str:
            if token["macro"] is not None:
                return self._macro(token["macro"], inside)
            if token["gap"] is not None:
                # What may not leave its line goes on in the next one, where that goes on in small
                # letters or with what the pattern looks for.
                within = f"(?:{token['gap']}|{_WRAPPED}(?-i:[a-z])){token['times']}"
                return f"{within}(?:{_WRAPPED})??"
            if "\n" in token[0]:
                return ""
            return _SPELLED.get(token[0].strip(), token[0])

        return _TOKEN.sub(spell, pattern.strip())

    def _macro(self, name: str, inside: tuple[str, ...]) -> str:
        if name in inside:
            raise RuleFileError(f"vocabulary.yaml: {name} is made of itself: {' > '.join(inside)}")
        if name not in self._vocabulary:
            raise RuleFileError(f"{{{name}}} is not in vocabulary.yaml")
        if name not in self._macros:
            expanded = self._expand(self._vocabulary[name], (*inside, name))
            self._macros[name] = f"(?:{expanded})"
        return self._macros[name]


@cache
def read_yaml(name: str) -> object:
    """Return what the YAML file `name` of this package holds (by libyaml where it is built in).

    Each is read once, because all six critics share the cues and the vocabulary. Nobody changes it.
    """
    text = files(__package__).joinpath(name).read_text("utf-8")
    loader: yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    node = loader.get_single_node()
    return None if node is None else _plain(loader, node)


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    """Return what a node holds. YAML's own way, which knows of more, takes three times as long."""
    if isinstance(node, yaml.MappingNode):
        return {_plain(loader, key): _plain(loader, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item) for item in node.value]
    return node.value if node.tag == _TEXT else loader.construct_object(node)
