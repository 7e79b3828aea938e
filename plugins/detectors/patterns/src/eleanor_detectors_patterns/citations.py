"""The detector `citations`: identifiers of sources, well formed or not.

It goes by grammar and check digits alone: DOI Handbook 2.2; ISO 2108 (ISBN); ISO 3297 (ISSN);
arXiv's identifier schemes; PubMed; RFC 3986 with RFC 1123 (URL). A malformed identifier cannot
lead anywhere. A well-formed one may still be invented: nothing is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from eleanor_core.api import DetectorDeclaration, hookimpl
from eleanor_detectors_patterns.detector import Check, Span, by_checks, declared
from eleanor_detectors_patterns.rules import rule_book

_TRAILING: Final = ".,;:!?)]}'\"\u201d\u2019>*_"
_DOI: Final = re.compile(
    r"10\.[1-9][0-9]{3,8}(?:\.[0-9]+)*/\S*[^\s/.,;x-]\S*|10\.[1-9][0-9]{3,8}/\S+"
)
_DOI_LABEL: Final = re.compile(r"(?i)^(?:https?://(?:dx\.)?doi\.org/|doi(?:\.org/|[:\s]+))+")
_FILLER: Final = re.compile(r"(?i)x{3,}|^[^/]*/(?:\W*|(?:your|insert|example|suffix)\b.*)$")
_LABEL: Final = re.compile(r"(?i)^(?:is[bs]n|pmid|pmcid|e-?issn|p-?issn)(?:-?1[03])?[-:#\s]*")
_ARXIV_NEW: Final = re.compile(r"([0-9]{2})([0-9]{2})\.([0-9]{4,5})(?:v[1-9][0-9]?)?")
_ARXIV_OLD: Final = re.compile(
    r"[a-z-]+(?:\.[A-Z]{2})?/([0-9]{2})([0-9]{2})[0-9]{3}(?:v[1-9][0-9]?)?"
)
_HOST_LABEL: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")
_NUMERIC_HOST: Final = re.compile(r"[0-9.]+")
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\s]*)([^#\s]*)(#\S*)?")
_TEMPLATE: Final = re.compile(r"[^:]*:/*(?:$|[^/]*[$*%])")  # "https://...", "http://$HOST/"
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MONTHS: Final = 12
_MAX_PORT: Final = 65535
_MAX_HOST: Final = 253
_ARXIV_FIRST: Final = 704
"""Year and month from which arXiv numbers identifiers YYMM.NNNN."""
_ARXIV_FIVE: Final = 1501
"""Year and month from which these have five digits instead of four."""
_ARXIV_BEGAN: Final = 91
"""The year, in the last century, of arXiv's first identifiers."""


def isbn_is_valid(cited: str) -> bool:
    """Return whether `cited` holds 10 or 13 digits with a right check digit (ISO 2108)."""
    digits = _bare(cited)
    if re.fullmatch(r"[0-9]{9}[0-9X]", digits):
        return sum(_value(char) * (10 - place) for place, char in enumerate(digits)) % 11 == 0
    if re.fullmatch(r"97[89][0-9]{10}", digits):
        return sum(int(char) * (1, 3)[place % 2] for place, char in enumerate(digits)) % 10 == 0
    return False


def issn_is_valid(cited: str) -> bool:
    """Return whether `cited` holds 8 digits with a right check digit (ISO 3297)."""
    digits = _bare(cited)
    if not re.fullmatch(r"[0-9]{7}[0-9X]", digits):
        return False
    return sum(_value(char) * (8 - place) for place, char in enumerate(digits)) % 11 == 0


def doi_is_well_formed(cited: str) -> bool:
    """Return whether `cited` is "10.", a registrant of four digits or more, a slash, a suffix."""
    name = _DOI_LABEL.sub("", cited.strip())
    return _DOI.fullmatch(name) is not None and _FILLER.search(name) is None


def arxiv_is_possible(cited: str) -> bool:
    """Return whether the month exists and the number has the length of its time."""
    new = _ARXIV_NEW.search(cited)
    if new is not None:
        when = int(new[1] + new[2])
        right_length = len(new[3]) == (5 if when >= _ARXIV_FIVE else 4)
        return _is_month(new[2]) and when >= _ARXIV_FIRST and right_length and int(new[3]) > 0
    old = _ARXIV_OLD.search(cited)
    if old is None:
        return False
    early = int(old[1]) >= _ARXIV_BEGAN or int(old[1] + old[2]) < _ARXIV_FIRST
    return early and _is_month(old[2])


def pmid_is_possible(cited: str) -> bool:
    """Return whether `cited` holds one to eight digits that begin with no zero."""
    return re.fullmatch(r"[1-9][0-9]{0,7}", _LABEL.sub("", cited)) is not None


def url_is_well_formed(cited: str) -> bool:
    """Return whether `cited` has a scheme, a host that can exist, a port in range, and escapes."""
    found = _URL.fullmatch(cited)
    if found is None or _ESCAPE.search(cited):
        return False
    host, port = _authority(found[2])
    return (not port or (port.isdecimal() and int(port) <= _MAX_PORT)) and _is_host(host)


def _authority(authority: str) -> tuple[str, str]:
    """Return host and port; user and password, if any, are left out."""
    place = authority.rpartition("@")[2]
    if place.startswith("["):
        host, _, rest = place.partition("]")
        return host + "]", rest.removeprefix(":")
    host, _, port = place.partition(":")
    return host, port


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            return bool(IPv6Address(host[1:-1]))
        if _NUMERIC_HOST.fullmatch(host):
            return bool(IPv4Address(host))
    except AddressValueError:
        return False
    labels = host.removesuffix(".").split(".")
    return 0 < len(host) <= _MAX_HOST and all(map(_HOST_LABEL.fullmatch, labels))


def _bare(cited: str) -> str:
    return re.sub(r"[-\s\u2010-\u2013]", "", _LABEL.sub("", cited)).upper()


def _value(digit: str) -> int:
    return 10 if digit == "X" else int(digit)


def _is_month(month: str) -> bool:
    return 1 <= int(month) <= _MONTHS


def trimmed(text: str, span: Span) -> Span:
    """Return `span` without the punctuation of the sentence that it stands in."""
    start, end = span
    while end > start and text[end - 1] in _TRAILING:
        if text[end - 1] == ")" and "(" in text[start:end]:
            break
        end -= 1
    return start, end


def where(test: Callable[[str], bool], *, wanted: bool) -> Check:
    """Return a check that accepts what `test` calls well formed, or malformed if not `wanted`."""

    def check(text: str, span: Span) -> Span | None:
        start, end = trimmed(text, span)
        return (start, end) if test(text[start:end]) is wanted else None

    return check


def impossible_url(text: str, span: Span) -> Span | None:
    """Accept a malformed URL, unless its host is left open, as in a template."""
    start, end = trimmed(text, span)
    if _TEMPLATE.match(text[start:end]) or url_is_well_formed(text[start:end]):
        return None
    return start, end


_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "arxiv": arxiv_is_possible,
    "doi": doi_is_well_formed,
    "isbn": isbn_is_valid,
    "issn": issn_is_valid,
    "pmid": pmid_is_possible,
    "url": url_is_well_formed,
}
CHECKS: Final[dict[str, Check]] = {
    **{name: where(test, wanted=True) for name, test in _TESTS.items()},
    **{f"malformed_{name}": where(test, wanted=False) for name, test in _TESTS.items()},
    "malformed_url": impossible_url,
}


@hookimpl
def eleanor_register_detectors() -> Iterable[DetectorDeclaration]:
    """Declare the detector `citations`."""
    summary = "DOI, ISBN, ISSN, arXiv, PubMed identifiers and URLs: well formed, or impossible."
    return [declared("citations", rule_book("citations"), by_checks(CHECKS), summary)]
