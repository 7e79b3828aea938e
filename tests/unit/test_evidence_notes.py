"""Notes, keys and checkpoints are C2SP's: published ones are read, whatever else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eleanor_core.api import (
    Checkpoint,
    VerifierKey,
    check_note,
    consistency_text,
    inclusion_text,
    is_key_name,
    read_checkpoint,
    read_note,
    read_verifier_key,
    sign_checkpoint,
)

# The example of Go's package golang.org/x/mod/sumdb/note.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
# The example of C2SP tlog-cosignature: a log's signature, and a witness's, with the time.
WITNESSED = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1g"
    "GzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oy"
    "in1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_a_published_key_has_its_published_id() -> None:
    key = read_verifier_key(KEY)
    assert (key.name, key.key_id.hex(), key.kind) == ("PeterNeumann", "c74f20a3", 1)
    assert str(key) == KEY


def test_no_character_of_a_key_can_change() -> None:
    for place in range(len(KEY)):
        with pytest.raises(ValueError, match="not a verifier key"):
            read_verifier_key(KEY[:place] + chr(ord(KEY[place]) + 1) + KEY[place + 1 :])
        with pytest.raises(ValueError, match="not a verifier key"):
            read_verifier_key(KEY[:place])


def test_a_published_note_is_read_and_written_again() -> None:
    note = read_note(NOTE)
    assert note.text.endswith("what your problem is.\n")
    (signature,) = note.signatures
    assert (signature.name, signature.key_id.hex()) == ("PeterNeumann", "c74f20a3")
    assert len(signature.value) == 64
    assert str(note) == NOTE


def test_a_published_checkpoint_with_a_witness_is_read() -> None:
    note = read_note(WITNESSED)
    checkpoint = read_checkpoint(note)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(checkpoint) == note.text
    assert [len(line.value) for line in note.signatures] == [64, 72]
    assert int.from_bytes(note.signatures[1].value[:8], "big") == 1679315147


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        NOTE.replace("\u2014", "-"),
        NOTE.replace("\n\n", "\n"),
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("AM=", "AM"),
        NOTE.replace("you ", "you\r", 1),
        NOTE.replace(" x08", "  x08"),
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a signed note"):
        read_note(text)


@pytest.mark.parametrize(
    ("old", "new"),
    [("\n20852163", "\n020852163"), ("\n20852163", "\n-1"), ("q2I=", "q2J="), ("2I=\n", "2I=\n\n")],
)
def test_what_is_no_checkpoint_is_refused(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        read_checkpoint(read_note(WITNESSED.replace(old, new)))


def test_extension_lines_are_passed_over() -> None:
    extended = WITNESSED.replace("q2I=\n", "q2I=\nextended\n")
    assert read_checkpoint(read_note(extended)) == read_checkpoint(read_note(WITNESSED))


class Xor:
    """Not Ed25519: what a signer and its check have to do with each other, and nothing more."""

    def __init__(self, name: str, secret: int) -> None:
        self.name = name
        self.public = bytes([secret]) * 32

    def sign(self, message: bytes, /) -> bytes:
        return (message[:32] + bytes(64))[:64]


def right(public: bytes, message: bytes, signature: bytes) -> bool:
    return signature == Xor("", 0).sign(message)


def key_of(signer: Xor) -> VerifierKey:
    return VerifierKey(name=signer.name, public=signer.public)


def test_a_checkpoint_is_signed_with_and_without_the_time_by_each() -> None:
    one, two, other = Xor("a.example", 1), Xor("a.example", 2), Xor("b.example", 1)
    note = sign_checkpoint(Checkpoint(origin="a.example", size=7, root=bytes(32)), 99, [one, two])
    assert read_note(str(note)) == note
    signed = check_note(note, [key_of(two), key_of(other)], right)
    assert [(item.key.public[0], item.key.kind, item.time) for item in signed] == [
        (2, 1, None),
        (2, 4, 99),
    ]
    assert check_note(note, [key_of(other)], right) == ()


def test_a_wrong_signature_of_a_known_key_is_not_passed_over() -> None:
    signer = Xor("a.example", 1)
    note = sign_checkpoint(Checkpoint(origin="a.example", size=7, root=bytes(32)), 99, [signer])
    changed = read_note(str(note).replace("\n7\n", "\n8\n"))
    with pytest.raises(ValueError, match=r"the signature of a\.example\+[0-9a-f]{8} is wrong"):
        check_note(changed, [key_of(signer)], right)


def test_proofs_are_written_as_published() -> None:
    note = read_note(WITNESSED)
    line = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    proof = [read_checkpoint(note).root]
    assert inclusion_text(73894, proof, note) == (
        f"c2sp.org/tlog-proof@v1\nindex 73894\n{line}\n\n{WITNESSED}"
    )
    assert consistency_text(0, [], note) == f"old 0\n\n{WITNESSED}"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\n"])
def test_what_is_no_name(name: str) -> None:
    assert not is_key_name(name)


@given(st.text(max_size=200))
def test_no_text_is_read_as_another(text: str) -> None:
    for read in (read_note, read_verifier_key):
        try:
            assert str(read(text)) == text
        except ValueError:
            continue
