"""Witnesses: asked to sign each checkpoint, once it stands, and waited for by nobody.

Each is asked in a thread of its own, so that one who is away or slow keeps back no other, no append
and no checkpoint. What they sign is kept beside the checkpoints, a file for each key.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import evolve

from eleanor_core.api import (
    COSIGNATURE,
    Log,
    Note,
    Signature,
    VerifierKey,
    Witness,
    check_note,
    consistency_proof,
    read_note,
    read_verifier_key,
)
from eleanor_evidence_local.checkpoints import Checkpoints, Stored, parsed
from eleanor_evidence_local.disk import make_folder
from eleanor_evidence_local.keys import is_right
from eleanor_evidence_local.layout import COSIGNED
from eleanor_evidence_local.tiles import Tiles

_NAME: Final = "eleanor-evidence-witness"


class Witnesses:
    """Those who are asked to sign the checkpoints of one log."""

    def __init__(
        self, folder: Path, witnesses: Iterable[Witness], seconds: float, log: Log
    ) -> None:
        """Take the log's folder and who is asked. `seconds`: how long `settle` waits for them.

        Raises ValueError if a key is none.
        """
        self._seconds = seconds
        self._changed = threading.Condition()
        self._asked = [_Asked(folder, witness, log) for witness in witnesses]
        self._round = 0
        self._closed = False

    def ask(self) -> None:
        """Have everybody asked to sign the newest checkpoint, from now on."""
        with self._changed:
            self._round += 1
            if self._round == 1:
                for one in self._asked:
                    threading.Thread(target=self._run, args=(one,), name=_NAME, daemon=True).start()
            self._changed.notify_all()

    def settle(self) -> None:
        """Return once all have answered, or their time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: all(one.done == self._round for one in self._asked), self._seconds
            )

    def close(self) -> None:
        """Settle; who answers later is not heard."""
        self.settle()
        with self._changed:
            self._closed = True
            for one in self._asked:
                one.close()
            self._changed.notify_all()

    def _run(self, one: _Asked) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or one.done != self._round)
                if self._closed:
                    return
                now = self._round
            note = one.answer()
            with self._changed:
                if not self._closed:
                    one.keep(note)
                one.done = now
                self._changed.notify_all()


class _Asked:
    """One witness: what it is asked, what it signed, and why not, as that was told last."""

    def __init__(self, folder: Path, witness: Witness, log: Log) -> None:
        self.key = _key_of(witness)
        self.done = 0
        self._folder = folder
        self._witness = witness
        self._log = log
        self._kept = _kept(folder, self.key)
        self._told = ""

    def answer(self) -> Note | None:
        """Ask for a signature under the newest checkpoint; None if it has one, or gets none."""
        try:
            last = Checkpoints(self._folder).last()
            known = _size(self._kept)
            if last is None or last.checkpoint.size <= known:
                return None
            note = self._signed(last, known)
        except KeyError as missing:
            self._tell(f"{missing.args[0]} is missing")
        except Exception as error:  # noqa: BLE001 -- a witness may be anybody's code
            self._tell(str(error) or type(error).__name__)
        else:
            return note
        return None

    def keep(self, note: Note | None) -> None:
        """Keep what it signed on stable storage."""
        if note is None:
            return
        try:
            make_folder(self._kept.path.parent)
            self._kept.add(note)
        except OSError as error:
            self._tell(f"its signature cannot be kept: {error}")
            return
        if self._told:
            self._log.info("evidence witness signs again", witness=self.key.name)
        self._told = ""

    def close(self) -> None:
        self._kept.close()

    def _signed(self, last: Stored, old: int) -> Note:
        size = last.checkpoint.size
        node = Tiles(self._folder).node(size)
        for _ in range(2):
            proof = consistency_proof(old, size, node)
            answer = self._witness.cosign(str(last.note), old, proof)
            if not isinstance(answer, int):
                return self._checked(last.note.text, answer)
            if not 0 <= answer <= size:
                raise ValueError(
                    f"it knows this log with {answer} records, and there are {size}: records were "
                    "taken from its end, or another log signs with this key"
                )
            if answer == old:
                break
            old = answer
        raise ValueError(
            f"it knows this log with {old} records, and does not take the proof that it goes on "
            "from them"
        )

    def _checked(self, text: str, lines: Sequence[str]) -> Note:
        """Return the note with the signature of the witness alone, which is right."""
        answered = read_note(f"{text}\n" + "".join(f"{line}\n" for line in lines))
        named = (self.key.name, self.key.key_id)
        own = tuple(line for line in answered.signatures if (line.name, line.key_id) == named)
        note = Note(text=answered.text, signatures=own[:1])
        if answered.text != text or not check_note(note, [self.key], is_right):
            raise ValueError(f"its answer has no signature of {self.key}")
        return note

    def _tell(self, reason: str) -> None:
        """Say so, but not with each checkpoint again."""
        if reason != self._told:
            self._told = reason
            self._log.warning(
                "evidence checkpoint not witnessed", witness=self.key.name, reason=reason
            )


def signed_by(folder: Path, witnesses: Iterable[Witness]) -> Mapping[str, int]:
    """Return how many records the newest checkpoint has that each signed, by verifier key.

    Raises EvidenceCorrupt.
    """
    keys = map(_key_of, witnesses)
    return {str(key): _size(_kept(folder, key)) for key in keys}


class Cosigned:
    """What witnesses signed, read along with the checkpoints, oldest first."""

    def __init__(self, folder: Path) -> None:
        """Read what is in `folder` of any witness, also of one who is asked no more."""
        self._files = [*map(_Along, kept_of_all(folder))]

    def added(self, stored: Stored) -> Note:
        """Return the checkpoint with the signatures of witnesses. Raises EvidenceCorrupt."""
        lines = [line for file in self._files for line in file.of(stored)]
        return evolve(stored.note, signatures=(*stored.note.signatures, *lines))


class _Along:
    def __init__(self, file: Checkpoints) -> None:
        self._rest: Iterator[Stored] = (parsed(file.path, *line) for line in file.lines())
        self._next = next(self._rest, None)

    def of(self, stored: Stored) -> Sequence[Signature]:
        while self._next and self._next.checkpoint.size < stored.checkpoint.size:
            self._next = next(self._rest, None)
        found = self._next
        return found.note.signatures if found and found.note.text == stored.note.text else ()


def newest_with(folder: Path, note: Note) -> Note:
    """Return the newest checkpoint with the signatures of witnesses under it."""
    lasts = [last.note for file in kept_of_all(folder) if (last := file.last())]
    lines = [line for last in lasts if last.text == note.text for line in last.signatures]
    return evolve(note, signatures=(*note.signatures, *lines))


def _key_of(witness: Witness) -> VerifierKey:
    return evolve(read_verifier_key(witness.key), kind=COSIGNATURE)


def _kept(folder: Path, key: VerifierKey) -> Checkpoints:
    return Checkpoints(folder, f"{COSIGNED}/{key.key_id.hex()}")


def _size(kept: Checkpoints) -> int:
    last = kept.last()
    return last.checkpoint.size if last else 0


def kept_of_all(folder: Path) -> list[Checkpoints]:
    """Return the files of all witnesses that there ever were."""
    paths = sorted((folder / COSIGNED).glob("*"))
    return [Checkpoints(folder, f"{COSIGNED}/{path.name}") for path in paths]
