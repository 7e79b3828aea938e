"""Rules as data: read the YAML of one critic, expand its macros, and declare its patterns.

A rule file is the whole substance of a critic; this module only turns it into values. Spelling of
a pattern (RE2 syntax, matched without regard to case and between word boundaries):

- `{name}` stands for an entry of `vocabulary.yaml`, which may use other entries;
- a space stands for any run of white space (` ?` for one that may be missing), `'` for a straight
  or a curly apostrophe, and a line break for nothing, so that long lists can be folded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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

_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\{([a-z_]+)\}|\s*\n\s*|\s+\??|'")

_SPELLED: Final[Mapping[str, str]] = {"": r"\s+", "?": r"\s*", "'": "['\u2019]"}


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
    a question). The first near miss must not match the pattern at all.
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
    matches: tuple[Example, ...] = Field(min_length=3)
    near_misses: tuple[Example, ...] = Field(min_length=3)

    @field_validator("clause")
    @classmethod
    def _known(cls, clause: str) -> str:
        if clause not in CLAUSES:
            raise ValueError(f"{clause!r} is not in the clause registry")
        return clause

    @property
    def words(self) -> str:
        """The rationale with the concern and the norms that it rests on."""
        return f"{self.rationale} [{self.concern}; {', '.join(self.norms)}]"


class Support(_Row):
    """How far a detector's testimony raises this critic's scores. It can lower none.

    `weight` in [0, 1]: the part of the remaining doubt that a signal of severity 3 takes away from
    a violation of one of `clauses`. `alone` in [0, 0.49]: the score that the signal gives a text
    in which no rule found anything; below the objection threshold, for the signal itself stands in
    the detector's own result.
    """

    weight: float = Field(ge=0.0, le=1.0)
    alone: float = Field(ge=0.0, lt=0.5)
    clauses: frozenset[str]


class RuleBook(_Row):
    """The contents of one rule file."""

    principle: Literal["rights", "autonomy", "fairness", "truth", "risk", "pragmatics"]
    summary: str
    markers: dict[str, str] = Field(default_factory=dict)
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


def load_book(principle: str) -> RuleBook:
    """Read the rule file of one critic. Raises `RuleFileError` if it is wrong."""
    name = f"rules/{principle}.yaml"
    try:
        return RuleBook.model_validate(read_yaml(name))
    except ValueError as error:
        raise RuleFileError(f"eleanor-critics-constitutional, {name}: {error}") from error


def load_vocabulary() -> Vocabulary:
    """Read the macros that all rule files share."""
    rows = read_yaml("vocabulary.yaml")
    if not isinstance(rows, dict):
        raise RuleFileError("eleanor-critics-constitutional, vocabulary.yaml: not a mapping")
    return MappingProxyType(rows)


def patterns_of(book: RuleBook, vocabulary: Vocabulary) -> tuple[Pattern, ...]:
    """Return what the shared scan must look for on behalf of this critic."""
    rules = [
        Pattern(
            id=rule.id,
            regex=regex_of(rule.pattern, vocabulary),
            example=rule.matches[0].text,
            near_miss=rule.near_misses[0].text,
        )
        for rule in book.rules
    ]
    markers = [
        Pattern(id=MARKER + name, regex=regex_of(pattern, vocabulary))
        for name, pattern in book.markers.items()
    ]
    return (*rules, *markers)


def regex_of(pattern: str, vocabulary: Vocabulary) -> str:
    """Expand `pattern` to one RE2 expression. Raises `RuleFileError` for an unknown macro."""
    return rf"(?i)\b(?:{_expand(pattern.strip(), vocabulary, ())})\b"


def _expand(pattern: str, vocabulary: Vocabulary, inside: tuple[str, ...]) -> str:
    def spell(token: re.Match[str]) -> str:
        name = token[1]
        if name is not None:
            return _macro(name, vocabulary, inside)
        if "\n" in token[0]:
            return ""
        return _SPELLED.get(token[0].strip(), token[0])

    return _TOKEN.sub(spell, pattern)


def _macro(name: str, vocabulary: Vocabulary, inside: tuple[str, ...]) -> str:
    if name in inside:
        raise RuleFileError(f"vocabulary.yaml: {name} is made of itself: {' > '.join(inside)}")
    if name not in vocabulary:
        raise RuleFileError(f"{{{name}}} is not in vocabulary.yaml")
    return f"(?:{_expand(vocabulary[name].strip(), vocabulary, (*inside, name))})"


def read_yaml(name: str) -> object:
    """Return what the YAML file `name` of this package holds (by libyaml where it is built in)."""
    text = files(__package__).joinpath(name).read_text("utf-8")
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loaded: object = yaml.load(text, Loader=loader)  # noqa: S506 # both loaders are the safe ones
    return loaded
