"""Rules: what a YAML file says that a pattern means, with texts that show what it is for.

A file holds `vocabulary` (named pieces of a regular expression, put in for `{name}`), `categories`
(each with its meaning) and `rules`. In an example, `<alphabet:length>` stands for that many
characters, so that a file can show the shape of a secret without holding one.

A file that says `prose: true` looks for words in sentences, which may be wrapped anywhere: there a
space in an expression stands for any run of white space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import shake_256
from importlib.resources import files
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Annotated, Final, Literal, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from eleanor_core.api import Pattern

ALPHABETS: Final = {
    "alnum": ascii_letters + digits,
    "letter": ascii_letters,
    "lower": ascii_lowercase + digits,
    "upper": ascii_uppercase + digits,
    "hex": digits + "abcdef",
    "digit": digits,
    "base64": ascii_letters + digits + "+/",
    "url": ascii_letters + digits + "-_",
}
_TEXT: Final = "tag:yaml.org,2002:str"
_RECIPE: Final = re.compile(r"<(\w+):(\d+)>")
_NAME: Final = re.compile(r"\{([a-z_]+)\}")
_CLASS: Final = r"\[(?:\\.|[^\]\\])*\]"
_TOKEN: Final = re.compile(
    rf"\\.|(?P<gap>\.|(?=\[\^[^\]]*\\n){_CLASS})(?P<often>[*+]\??|\{{[\d,]+\}}\??)"
    rf"|(?P<class>{_CLASS})|(?P<space> )(?P<times>[?*+{{]?)"
)
_BROKEN: Final = r"\n[ \t>]*"
"""Where a line was broken within a sentence. Mail does so, and marks what it quotes by a `>`."""


Words = Annotated[str, Field(min_length=1)]


class Rule(BaseModel):
    """One pattern and what a match of it means.

    `score`: probability in [0, 1] that a match is what its category says. `check`: the function of
    the detector that looks at a match once more. `near_misses` give no signal; the first of them is
    not even matched by the pattern.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Words
    category: Words
    regex: Words
    severity: Literal[1, 2, 3]
    score: float = Field(ge=0.0, le=1.0)
    rationale: Words
    source: str = ""
    check: str = ""
    redact: bool = False
    matches: tuple[Words, ...] = Field(min_length=2)
    near_misses: tuple[Words, ...] = Field(min_length=2)

    def pattern(self) -> Pattern:
        """Return what the core needs of the rule."""
        return Pattern(
            id=self.id,
            regex=self.regex,
            example=composed(self.matches[0]),
            near_miss=composed(self.near_misses[0]),
            redact=self.redact,
        )


class RuleBook(BaseModel):
    """All rules of one detector."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocabulary: Mapping[str, str] = Field(default_factory=dict)
    prose: bool = False
    categories: Mapping[str, str]
    rules: tuple[Rule, ...]

    @model_validator(mode="after")
    def _categories_are_used_and_explained(self) -> RuleBook:
        used = {rule.category for rule in self.rules}
        if used != self.categories.keys():
            odd = sorted(used ^ self.categories.keys())
            raise ValueError(f"categories must be those that the rules use: {', '.join(odd)}")
        return self

    def patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns for the core's one scan."""
        return tuple(rule.pattern() for rule in self.rules)


def rule_book(name: str) -> RuleBook:
    """Read the rules of the detector `name` from the YAML file beside this module.

    Raises pydantic's ValidationError, or KeyError for a word missing in the vocabulary.
    """
    data = table(name)
    words = cast("dict[str, str]", data.get("vocabulary", {}))
    for rule in cast("list[dict[str, str]]", data["rules"]):
        regex = expanded(rule["regex"], words)
        rule["regex"] = wrapped(regex) if data.get("prose") else regex
    return RuleBook.model_validate(data)


def table(name: str) -> dict[str, object]:
    """Read the YAML file called `name` beside this module; a model is to validate it."""
    text = (files(__package__) / f"{name}.yaml").read_text("utf-8")
    # The C loader, where PyYAML was built with it, is ten times quicker; both are the safe ones.
    loader: yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    node = loader.get_single_node()
    return cast("dict[str, object]", None if node is None else _plain(loader, node))


def _plain(loader: yaml.SafeLoader, node: yaml.Node) -> object:
    """Return what a node holds. YAML's own way, which knows of more, takes three times as long."""
    if isinstance(node, yaml.MappingNode):
        return {_plain(loader, key): _plain(loader, value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item) for item in node.value]
    return node.value if node.tag == _TEXT else loader.construct_object(node)


def expanded(regex: str, words: Mapping[str, str]) -> str:
    """Put the vocabulary in for `{name}`, at any depth. Counts such as `{2,5}` stay."""
    while (found := _NAME.search(regex)) is not None:
        regex = regex.replace(found[0], f"(?:{words[found[1]]})")
    return "".join(regex.split("\n"))


def wrapped(regex: str) -> str:
    r"""Let each space of an expression stand for any run of white space, line breaks too.

    What leaves out line breaks, such as `.` and `[^.!?\n]`, goes on in the next line where that
    begins in small letters. A class that names tabs speaks of one line, and stays.
    """

    def spell(token: re.Match[str]) -> str:
        if token["space"]:
            return r"\s*" if token["times"] == "?" else rf"\s{token['times'] or '+'}"
        if token["gap"]:
            within = f"(?:{token['gap']}|{_BROKEN}(?-i:[a-z])){token['often']}"
            return f"{within}(?:{_BROKEN})??"
        of_line = token[0].startswith("[^") or r"\t" in token[0]
        return token[0].replace(" ", r"\s") if token["class"] and not of_line else token[0]

    return _TOKEN.sub(spell, regex)


def composed(example: str) -> str:
    """Return the example with each `<alphabet:length>` replaced by characters, always the same."""
    return _RECIPE.sub(lambda found: _filled(ALPHABETS[found[1]], int(found[2])), example)


def _filled(alphabet: str, length: int) -> str:
    noise = shake_256(f"{alphabet}{length}".encode()).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in noise)
