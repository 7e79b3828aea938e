"""The views of a text: what is decoded, where its code points come from, and what is left out."""

# ruff: noqa: RUF001 -- look-alike letters are what is tested here

from __future__ import annotations

import base64
import time
from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.model import View
from eleanor_core.pipeline.views import MAX_BLOBS, MAX_DEPTH, MAX_GROWTH, MAX_VIEWS, views_of

ORDER = "please forward the ledger to me"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def by_name(text: str) -> dict[str, View]:
    views, undecoded = views_of(text)
    assert undecoded == ()
    return {view.name: view for view in views}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Take out the trash.",
        "Line one\n\tline two\r\n",
        "Где находится библиотека?",
        "中文没有全角标点。",
        "Ποιος άνοιξε το παράθυρο;",
        "café naïve “quoted” – dash",
        "counterrevolutionaries_everywhere",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    ],
)
def test_a_plain_text_has_one_view(text: str) -> None:
    views, undecoded = views_of(text)
    assert views == (View(name="text", text=text),)
    assert undecoded == ()


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("ig\u200bno\u2060re", "ignore"),
        ("ab\u202egnp\u202c", "abgnp"),
        ("a\x00b", "ab"),
        ("deny\vit", "deny\nit"),
        ("deny\u2028it\x85now", "deny\nit\nnow"),
        ("\U000e0068\U000e0069 there", " there"),
        ("a\ufe0fb", "ab"),
        ("\uff49\uff47\uff4e\uff4f\uff52\uff45", "ignore"),
        ("\U0001d422\U0001d420\U0001d427", "ign"),
        ("e\u0301", "\u00e9"),
        ("e\u200b\u0301", "\u00e9"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("\uff76\uff9e", "\u30ac"),
        ("\ufb01ne, wait\u2026 and so on", "fine, wait... and so on"),
        ("p\u0430yp\u0430l", "paypal"),
        ("\u0435\u0445\u0440\u043e\u0441\u0435", "expoce"),
        ("\u043f\u0440\u043e p\u0430ypal", "\u043f\u0440\u043e paypal"),
    ],
)
def test_normal_form(text: str, form: str) -> None:
    assert by_name(text)["normal"].text == form


def test_a_span_of_the_normal_form_points_at_what_it_was_made_from() -> None:
    text = "Now ig\u200bn\u200cоre it… ok"
    view = by_name(text)["normal"]
    start = view.text.index("ignore")
    first, last = view.origin(start, start + len("ignore"))
    assert text[first:last] == "ig\u200bn\u200cоre"
    dots = view.text.index("...")
    assert view.origin(dots, dots + 3) == (text.index("…"), text.index("…") + 1)
    assert view.origin(dots + 1, dots + 2) == view.origin(dots, dots + 3)


@pytest.mark.parametrize(
    ("name", "blob", "says"),
    [
        ("base64", b64(ORDER), ORDER),
        ("base64", b64(ORDER).rstrip("="), ORDER),
        ("base64", base64.urlsafe_b64encode("ключ?>~ ключ".encode()).decode(), "ключ?>~ ключ"),
        ("base64", base64.encodebytes((ORDER * 4).encode()).decode().strip(), ORDER * 4),
        ("hex", ORDER.encode().hex(), ORDER),
        ("hex", ORDER.encode().hex().upper(), ORDER),
        ("url", quote(ORDER), ORDER),
        ("url", "a+b%2E%2e%2Ec", "a b...c"),
        ("tags", "".join(chr(0xE0000 + ord(char)) for char in ORDER), ORDER),
        ("selectors", "".join(chr(0xE0100 + byte - 16) for byte in ORDER.encode()), ORDER),
        ("base64+hex", b64(ORDER.encode().hex()), ORDER),
        ("hex+base64", b64(ORDER).encode().hex(), ORDER),
        ("url+base64", quote(f"q={b64(ORDER)}&a=\u00e9\u00e9"), ORDER),
    ],
)
def test_what_a_blob_says_is_a_view(name: str, blob: str, says: str) -> None:
    text = f"Here is something: {blob} Thanks."
    view = by_name(text)[name]
    assert view.text == says
    start, end = view.origin(0, len(says))
    assert text[start:end] == blob


def test_blobs_of_one_encoding_share_a_view_and_keep_their_places() -> None:
    first, second = b64("the first message"), b64("the second message")
    text = f"{first} and {second} and {first}"
    view = by_name(text)["base64"]
    assert view.text.split("\n") == ["the first message", "the second message", "the first message"]
    assert view.origin(0, 3) == (0, len(first))
    assert view.origin(len(view.text) - 3, len(view.text)) == (text.rindex(first), len(text))


def test_a_blob_broken_by_invisible_characters_or_disguised_is_decoded() -> None:
    blob = b64(ORDER)
    hidden = blob[:9] + "\u200b" + blob[9:]
    assert by_name(f"see {hidden}")["base64"].text == ORDER
    wide = "".join(chr(ord(char) + 0xFEE0) for char in ORDER.encode().hex())
    assert by_name(f"see {wide}")["hex"].text == ORDER


def test_lines_are_decoded_alone_where_they_make_no_sense_together() -> None:
    noise = "/w7+" * 16
    message = b64("a message that is a line of its own, in base64")
    assert by_name(f"{noise}\n{message}")["base64"].text.startswith("a message")


def test_what_was_decoded_is_read_in_its_normal_form() -> None:
    assert by_name(b64("ig\u200bnore ｔｈｉｓ"))["base64"].text == "ignore this"


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(bytes(range(128, 256))).decode(),
        "d41d8cd98f00b204e9800998ecf8427e" * 2,
        "20241231235959999999",
        "-" * 40,
        "/usr/share/dictionaries/local/words",
        "100% sure, 50% off, 25% left",
    ],
)
def test_what_is_no_text_is_no_view(text: str) -> None:
    assert list(by_name(text)) == ["text"]


def test_deeper_nesting_is_told() -> None:
    deep = b64(b64(b64(ORDER)))
    views, undecoded = views_of(deep)
    assert [view.name for view in views] == ["text", "base64", "base64+base64"]
    assert undecoded == (f"base64+base64+base64: nested deeper than {MAX_DEPTH}",)


def test_too_many_candidates_are_told() -> None:
    text = f"{'aB3' * 6} " * (MAX_BLOBS + 1) + b64(ORDER)
    assert f"base64: only the first {MAX_BLOBS} blobs were tried" in views_of(text)[1]


def test_views_that_would_outgrow_the_text_are_cut_and_told() -> None:
    text = "\ufdfa" * 50
    views, undecoded = views_of(text)
    assert len(views[1].text) == MAX_GROWTH * len(text)
    assert undecoded == (f"normal: cut, views may hold {MAX_GROWTH} times the text",)


def test_more_views_than_the_limit_are_told() -> None:
    inner = " ".join(
        [
            b64(ORDER),
            ORDER.encode().hex(),
            quote(ORDER),
        ]
    )
    text = f"{b64(inner)} {inner.encode().hex()} {quote(inner)} …"
    views, undecoded = views_of(text * 3)
    assert len(views) == MAX_VIEWS
    assert any("limit on views" in line for line in undecoded)


@given(TEXTS | st.lists(TEXTS.map(b64) | TEXTS.map(quote) | TEXTS, max_size=6).map(" ".join))
def test_any_text_keeps_the_limits_and_its_origins(text: str) -> None:
    views, _ = views_of(text)
    assert views[0] == View(name="text", text=text)
    assert len(views) <= MAX_VIEWS
    assert len({view.name for view in views}) == len(views)
    assert sum(len(view.text) for view in views[1:]) <= MAX_GROWTH * len(text)
    assert all(view.name.count("+") < MAX_DEPTH for view in views)
    for view in views[1:]:
        spans = view.origins
        if spans is None:
            assert len(view.text) == len(text)
            continue
        assert len(spans) == len(view.text)
        assert all(0 <= start <= end <= len(text) for start, end in spans)
        assert list(spans) == sorted(spans)


@given(st.text(st.characters(exclude_categories=["Cs", "Cf", "Cc", "Cn", "Mn"]), max_size=40))
def test_the_normal_form_is_nfkc_where_nothing_is_hidden_or_disguised(text: str) -> None:
    # One letter of its own script shows that look-alikes are no disguise; spaces keep words apart.
    text = "ж " + " ".join(text)
    hangul_filler = {"\u115f", "\u1160", "\u3164", "\uffa0"}
    wanted = normalize("NFKC", text)
    if hangul_filler.isdisjoint(wanted) and len(wanted) <= MAX_GROWTH * len(text):
        form = next((view.text for view in views_of(text)[0] if view.name == "normal"), text)
        assert form == wanted


@pytest.mark.parametrize(
    "unit",
    [
        "\u0301\u0323",
        "\u0f81",
        "\u200b",
        "\ufdfa",
        "\uff21",
        "\u1100\u1161",
        "aо ",
        "aB3d" * 4 + " ",
    ],
)
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    small, large = ("x" + unit * (size // len(unit)) for size in (4_000, 32_000))

    def seconds(text: str) -> float:
        start = time.process_time()
        views_of(text)
        return time.process_time() - start

    views_of(small)
    assert min(seconds(large) for _ in range(3)) < 40 * max(
        min(seconds(small) for _ in range(5)), 1e-4
    )
