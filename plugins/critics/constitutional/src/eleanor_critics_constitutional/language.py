"""Whether a text is in English, the one language that the rules were written and measured for.

Only positive evidence counts as another language (script, or function words), so that code, logs
and short texts stay unmarked. It looks at the beginning of the text and takes microseconds.
"""

from __future__ import annotations

import re
from functools import lru_cache

SAMPLE = 300
"""Code points at the beginning that are looked at."""

FOREIGN_WORDS = 3
FOREIGN_SCRIPT = 0.3

_ENGLISH = frozenset((
    "the", "and", "of", "to", "is", "in", "that", "it", "for", "you", "was", "on", "with", "he",
    "be", "this", "have", "from", "or", "had", "not", "are", "but", "we", "they", "she", "which",
    "their", "an", "will", "my", "what", "how", "all", "would", "there", "if", "can", "your",
))  # fmt: skip
# Words that are frequent in one of de, fr, es, it, pt, nl, pl, sv, tr and no words of English.
_FOREIGN = frozenset((
    "der", "und", "ist", "nicht", "ein", "eine", "das", "mit", "auf", "ich", "sie", "wir", "zu",
    "dass", "wie", "bei", "les", "des", "est", "une", "dans", "pour", "qui", "sur", "pas", "vous",
    "nous", "avec", "el", "los", "las", "una", "por", "para", "con", "que", "del", "como", "il",
    "che", "di", "non", "per", "della", "sono", "um", "uma", "não", "os", "dos", "het", "een",
    "van", "niet", "ik", "je", "voor", "zijn", "jest", "nie", "się", "na", "det", "och", "att",
    "är", "som", "ve", "bir", "bu", "için", "è", "está", "también", "auch", "durch", "über",
    "für", "être", "où", "très",
))  # fmt: skip
_BEYOND_LATIN = re.compile("[\u0370-\U0010ffff]+")


def is_english(text: str) -> bool:
    """Return False only if the beginning of `text` shows that it is in another language."""
    return _is_english(text[:SAMPLE])


@lru_cache(maxsize=1)  # every critic of a panel asks, one after the other
def _is_english(sample: str) -> bool:
    if sample.isascii():
        if " the " in sample:
            return True
    elif sum(map(len, _BEYOND_LATIN.findall(sample))) > FOREIGN_SCRIPT * len(sample):
        return False
    words = set(sample.lower().split())
    foreign = len(words & _FOREIGN)
    return foreign < FOREIGN_WORDS or foreign <= len(words & _ENGLISH)
