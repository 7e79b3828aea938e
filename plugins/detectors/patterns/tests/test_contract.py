"""The kit's contract for the detectors."""

from __future__ import annotations

from eleanor_detectors_patterns import (
    citations,
    disclosure,
    hidden_text,
    language,
    overclaim,
    personal_data,
    quantities,
    readability,
    secrets,
)

from eleanor_core.testing import DetectorContract

GERMAN = "Wie komme ich mit dem Bus in die Stadt, und was kostet das für die Kinder?"
HEAVY_PROSE = (
    "The implementation of the aforementioned organisational recommendations necessitates the "
    "participation of representatives of the administration and of the responsible authorities. "
) * 8


class Contract(DetectorContract):
    """The kit's rules. The rules' own texts run in `test_rules.py`; these here are a few more."""

    examples = 15


class TestCitations(Contract):
    """Identifiers of sources."""

    plugin = citations
    texts = ("See doi:10.1000/182 and ISBN 978-3-16-148410-1, at https://example.org:99999/.",)


class TestDisclosure(Contract):
    """Who speaks."""

    plugin = disclosure
    texts = ("As an AI I have no body. I am a real person, though.",)


class TestHiddenText(Contract):
    """What a reader does not see."""

    plugin = hidden_text
    texts = ("log in at p\u0430yp\u0430l",)


class TestLanguage(Contract):
    """Languages and scripts."""

    plugin = language
    texts = (
        GERMAN,
        "最近的图书馆在哪里?",
        f"It is in the house, and you can see it there. {GERMAN * 5}",
    )


class TestOverclaim(Contract):
    """How sure a text sounds."""

    plugin = overclaim
    texts = ("Studies show it might perhaps possibly work, guaranteed to cure all diseases.",)


class TestPersonalData(Contract):
    """Names, addresses, numbers."""

    plugin = personal_data
    texts = ("My name is Ilse Brandt, DOB 04/07/1985, 12 Elm Street, card 4111 1111 1111 1111.",)


class TestQuantities(Contract):
    """Figures."""

    plugin = quantities
    texts = ("On 31 April, 120% of all voters walked 10 km (20 miles) at -300 °C.",)


class TestReadability(Contract):
    """Length of sentences and words."""

    plugin = readability
    texts = (HEAVY_PROSE,)


class TestSecrets(Contract):
    """Credentials."""

    plugin = secrets
    texts = ("id AKIAIOSFODNN7EXAMPLE",)
