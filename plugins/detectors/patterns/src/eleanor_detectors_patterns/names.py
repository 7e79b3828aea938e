"""What tells a name or an address from other capitalised words.

The rules propose by the words around a name; here the words in it are looked at. A closed list of
words that begin sentences, and of things that bear names, is dropped. It is no list of names: a
name that is also such a word is missed, and one in lower case mostly is, too.
"""

from __future__ import annotations

import re
from itertools import dropwhile
from typing import Final

from eleanor_detectors_patterns.detector import Check, Span

_WORD: Final = re.compile(r"[^\W\d_](?:['\u2019.-]?[^\W\d_])*")

_words: Final = re.compile(r"\w+").findall

# Words that stand where names stand and are none.
_NO_NAME: Final = frozenset(
    _words(
        """a about above according actually after again all already also although always am an
        and another any anyone anything are as at back be because before being both but by
        can could day despite did do does down during each either even every everybody
        everyone everything few finally first following for from further had has have he
        hello help her here hers hi him his how however i if in indeed instead is it its
        itself just later least less let like likewise many maybe me meanwhile might mine
        more moreover most much must my near neither never nevertheless next no nobody none
        nor not nothing now of often ok okay on once one only or other others otherwise our
        ours out over perhaps please put regardless right same see shall she should since so
        some somebody someone something sometimes soon still such sure than thank thanks
        that the their theirs them then there therefore these they this those though through
        thus to today together tomorrow tonight too two under until up upon us use very was
        we well were what whatever when whenever where whether which while who whoever whom
        whose why will with within without would yes yesterday yet you your yours

        monday tuesday wednesday thursday friday saturday sunday january february march
        april june july august september october november december christmas easter

        address agency agent air american anonymous answer app appendix army article
        assistant association bank bible bill board book boss bot building business captain
        card center centre chapter chair chairman chief church city class client club
        college colonel commission committee company conference congress corporation council
        country county court critics customer data date department detective director
        district doctor dr east email emperor english error european example exhibit experts
        extra facebook father figure file force foundation freedom french friend friends
        fund game general german god google government governor grade group guest hepatitis
        high hill home hospital hotel house human inc industry institute internet invoice
        island item judge king lady lake league level library lieutenant list lord ltd madam
        major manager market mayor member microsoft minister ministry model mother mount
        mountain mr mrs ms museum name national new news north note number office officer
        officials option order page paper park parliament part party patient people person
        phase phone place plan plaza pm police policy president press prime prince princess
        problem professor program project prophet queen question rating recipient report
        reporter research researchers river road royal sales school science scientists
        secretary section senate senator sentence sergeant series service services sir
        sister sources south square staff state states station store story street student
        studies study subject summary support system table task teacher team teams tech text
        title top town train type union united university user version victim village
        vitamin war west white windows witness word world writer year sirs madame customers
        colleagues folks guys

        africa america asia australia austria belgium brazil britain california canada china
        denmark egypt england europe finland florida france germany greece hungary iceland
        india indonesia iran iraq ireland israel italy japan kenya korea london mexico
        moscow netherlands nigeria norway paris poland portugal russia scotland spain sweden
        switzerland syria taiwan texas thailand turkey ukraine vietnam wales washington york"""
    )
)
_TITLES: Final = frozenset(
    _words("mr mrs ms miss mx dr prof herr frau mme sr sra señor señora signor signora")
)
_NO_START: Final = _NO_NAME | _TITLES
_PARTICLES: Final = frozenset(
    _words("van von der den de da do dos del della di du la le al el bin ibn ben ter af av")
)
_BETWEEN: Final = frozenset((" ", ". "))
_CAMEL: Final = re.compile(
    r"(?<!^Mc)(?<!^Mac)(?<!^De)(?<!^Di)(?<!^Du)(?<!^La)(?<!^Le)(?<=[a-z])[A-Z]"
)
_ADVERB: Final = re.compile(r"\w{3}(?:al|ous|ent|ate|ing|ar|ed|ant|ful|ive|ab|ib)ly$")
_OWN: Final = re.compile(r"['\u2019]s?$")
_NOT_SAID: Final = frozenset(
    _words(
        """important unusual common hard spelled spelt wrong correct incorrect pronounced missing
        changed irrelevant private going getting"""
    )
)
_NO_STREET: Final = re.compile(
    r"\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|hours?|days?|minutes?|weeks?"
    r"|months?|years?|percent|million|billion|pages?|level|windows|version|ip)\b"
    r"|^(?:19|20)[0-9]{2},? ",
    re.IGNORECASE,
)
_TRADE: Final = re.compile(r"\s+(?:banks?|firms?|traders?|stocks?|analysts?|investors?)\b")
_DIGIT: Final = re.compile(r"[0-9]")


def last_name(text: str, span: Span) -> Span | None:
    """Accept a match that ends in a name; the span becomes the name, without its title."""
    runs = _runs(text, span)
    if not runs:
        return None
    return _accepted(text, list(dropwhile(lambda word: _folded(text, word) in _TITLES, runs[-1])))


def any_name(text: str, span: Span) -> Span | None:
    """Accept a match with a name anywhere; words that begin a sentence are no part of it."""
    for run in _runs(text, span):
        kept = dropwhile(lambda word: _folded(text, word) in _NO_START, run)
        if found := _accepted(text, list(kept)):
            return found
    return None


def formed_name(text: str, span: Span) -> Span | None:
    """Accept a match that is a name by its form alone, and begins and ends as one."""
    runs = _runs(text, span)
    return _accepted(text, runs[0]) if runs else None


def lower_name(text: str, span: Span) -> Span | None:
    """Accept words behind "my name is" that are names, in small letters."""
    start = text.lower().index("name is ", *span) + len("name is ")
    name: list[Span] = []
    for found in _WORD.finditer(text, start, span[1]):
        word = found[0].lower()
        if word in _NO_NAME or word in _NOT_SAID:
            break
        name.append(found.span())
    return (name[0][0], name[-1][1]) if name else None


def _runs(text: str, span: Span) -> list[list[Span]]:
    """Return the runs of capitalised words in `span`, with the particles between them."""
    runs: list[list[Span]] = []
    end = -1
    for found in _WORD.finditer(text, *span):
        joins = bool(runs) and text[end : found.start()] in _BETWEEN
        if found[0][0].isupper() and not joins:
            runs.append([found.span()])
        elif found[0][0].isupper() or (joins and found[0] in _PARTICLES):
            runs[-1].append(found.span())
        else:
            continue
        end = found.end()
    return runs


def _accepted(text: str, run: list[Span]) -> Span | None:
    """Return the span of a run that neither begins nor ends, nor goes on, as something else."""
    if not run or not _is_name(text, run[0]) or not _is_name(text, run[-1]):
        return None
    end = run[-1][1]
    after = _WORD.match(text, end + 1) if text[end : end + 1] == " " else None
    if after and after[0][0].isupper() and _folded(text, after.span()) in _NO_NAME:
        return None
    return run[0][0], end


def _is_name(text: str, span: Span) -> bool:
    word = text[slice(*span)]
    other = word.isupper() or _CAMEL.search(word) or _ADVERB.search(word)
    return len(word) > 1 and not other and _folded(text, span) not in _NO_NAME


def _folded(text: str, span: Span) -> str:
    return _OWN.sub("", text[slice(*span)]).lower()


def street_address(text: str, span: Span) -> Span | None:
    """Drop dates, spans of time, and streets that stand for a trade: "Wall Street banks"."""
    if _NO_STREET.search(text[slice(*span)]) or _TRADE.match(text, span[1]):
        return None
    return span


def numbered(text: str, span: Span) -> Span | None:
    """Accept the name of a street with a number."""
    return street_address(text, span) if _DIGIT.search(text, *span) else None


NAME_CHECKS: Final[dict[str, Check]] = {
    "any_name": any_name,
    "formed_name": formed_name,
    "last_name": last_name,
    "lower_name": lower_name,
    "numbered": numbered,
    "street_address": street_address,
}
"""The checks by the names that the rules use."""
