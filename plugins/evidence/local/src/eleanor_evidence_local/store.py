"""The log on disk, without threads or event loops: opened, appended to, read and counted.

One process writes, and any number read beside it. A store that may not be written says why in
`closed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from attrs import evolve

from eleanor_core.api import (
    EvidenceCorrupt,
    EvidenceUnavailable,
    Frontier,
    Log,
    Receipt,
    StoredRecord,
    VerifyReport,
)
from eleanor_evidence_local.catalog import Catalog
from eleanor_evidence_local.checkpoints import Checkpoints
from eleanor_evidence_local.disk import (
    Lock,
    free_space,
    holder,
    make_folder,
)
from eleanor_evidence_local.erasing import Erasing, targets
from eleanor_evidence_local.index import Row, entry_of, row_of, row_of_entry, searched, stored
from eleanor_evidence_local.journal import Journal, Pair, next_pair, pair_at
from eleanor_evidence_local.layout import (
    JOURNAL,
    LOCK,
    PAYLOADS,
    SEGMENTS,
    Entry,
    Place,
    locate,
    records,
)
from eleanor_evidence_local.lines import leaf_line, payload_line
from eleanor_evidence_local.notary import Notary, Signing
from eleanor_evidence_local.recovery import (
    EMPTY,
    Cut,
    Head,
    cut_off,
    examine,
    put_back,
    read_journal,
)
from eleanor_evidence_local.submission import (
    CLOSED,
    Refusal,
    Submission,
    differing,
    held_by,
    receipt,
    unwritable,
    without_erasures,
)
from eleanor_evidence_local.verify import Scope, verify


class Store:
    """The files of one log.

    `notes`: what was found in them and put right. `held`: another process has the lock.
    """

    def __init__(
        self, folder: Path, segment_bytes: int, log: Log, signing: Signing, lock: Lock | None = None
    ) -> None:
        """Open the log in `folder`, for writing unless another process does or it is damaged.

        `lock`: its lock, if it has been taken already.
        """
        self.signing = signing
        self.notary: Notary | None = None
        self.folder = folder
        self.head = EMPTY
        self.notes: list[str] = []
        self.closed: Refusal | None = None
        self.held = False
        self._segment_bytes = segment_bytes
        self._log = log
        self._lock = lock
        self._journal = Journal(folder / JOURNAL)
        self._pair: Pair | None = None
        self._catalog: Catalog | None = None
        self._erasing: Erasing | None = None
        try:
            self._take_lock()
            self._open()
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> None:
        try:
            for folder in (self.folder, self.folder / SEGMENTS, self.folder / PAYLOADS):
                make_folder(folder)
            self._lock = self._lock or Lock(self.folder / LOCK)
        except BlockingIOError as error:
            self._held_by_another(error)
        except OSError as error:
            if not self.folder.is_dir():
                raise EvidenceUnavailable(unwritable(self.folder, error)) from error
            self._refuse(unwritable(self.folder, error), error)

    def _open(self) -> None:
        try:
            if self.closed is None:
                self._erasing = Erasing(self.folder)
                self._erasing.mend()
            self.head, cuts = self._examined()
            self._catalog = Catalog(
                self.folder, lambda: self.head.count, self._note, writable=self.closed is None
            )
            if self.closed is None:
                for cut in cuts:
                    self._note(cut_off(cut))
                if self.head.next.leaf_at:
                    self._pair = pair_at(self.folder, self.head.next, self._journal)
                self._journal.remove()
                self.notary = Notary(
                    self.folder, self.signing, lambda: self.head, self._log, self._not_as_signed
                )
                self.notary.checkpoints.check(self.head.count)
                if done := self._erase():
                    self._note(f"{done} payloads were still to be destroyed; they were erased")
        except EvidenceCorrupt as error:
            self._not_as_signed(error)
        except OSError as error:
            self._refuse(unwritable(self.folder, error), error)

    def _examined(self) -> tuple[Head, tuple[Cut, ...]]:
        """Return where the log ends; what a writer finds in the journal alone is in its files."""
        if self.closed is None:
            head, losses, cuts = examine(self.folder, read_journal(self.folder))
            try:
                for loss in losses:
                    self._note(put_back(loss))
            except OSError as error:
                self._refuse(unwritable(self.folder, error), error)
            else:
                return head, cuts
        head, _, cuts = examine(self.folder)
        return head, cuts

    @property
    def waits(self) -> bool:
        """Whether it may be written later: the disk failed, or it was seen without the lock."""
        if self.closed is None or self.closed is CLOSED:
            return False
        return self._lock is None or isinstance(self.closed.cause, OSError)

    def reopened(self) -> Store | None:
        """Return the log opened for writing, if that can be done by now.

        This one can be read as before. None while another process has it, or the disk still fails.
        """
        try:
            lock = self._lock or Lock(self.folder / LOCK)
        except BlockingIOError as error:
            if not self.held:
                self._held_by_another(error)
            return None
        except OSError:
            return None
        self._let_go()
        store = Store(self.folder, self._segment_bytes, self._log, self.signing, lock)
        if not store.waits:
            return store
        store.close()
        return None

    def _let_go(self) -> None:
        """Keep nothing of what a start opened that failed half-way: it is another's to write."""
        for held in (self.notary, self._pair):
            if held:
                held.close()
        self._lock = self._pair = self.notary = self._erasing = None

    def _held_by_another(self, error: BlockingIOError) -> None:
        self.held = True
        self._refuse(held_by(holder(self.folder / LOCK), self.folder), error)

    def _not_as_signed(self, error: EvidenceCorrupt) -> None:
        self._refuse(f"the evidence log is damaged: {error}", error)

    def _refuse(self, message: str, cause: Exception) -> None:
        self.closed = Refusal(message, cause)
        tell = self._log.info if self.held else self._log.warning
        tell("evidence log is read-only", reason=message)

    def _note(self, note: str) -> None:
        self.notes.append(note)
        self._log.warning("evidence log put right", folder=str(self.folder), note=note)

    def close(self) -> None:
        """Let go of everything. All that was acknowledged is durable already."""
        if self.notary:
            self.notary.close()
        self.closed = self.closed or CLOSED
        if self._pair:
            # Where the files cannot be made durable by themselves, the journal stays for them.
            with suppress(OSError):
                self._pair.sync()
                self._journal.remove()
        for held in (self._pair, self._journal, self._catalog):
            if held:
                held.close()
        if self._lock:
            self._lock.release()
        self._pair = self._catalog = self._lock = self.notary = None

    # -- appending: by one thread -------------------------------------------------------------

    def commit(self, batch: Sequence[Submission], at: int | None = None) -> list[Receipt | Refusal]:
        """Append what is new in `batch`, with one sync for all of it; never raises.

        An outcome for each, in order. `at`: the position where the first must come to stand, and
        the others behind it; else none is appended, and the cause is EvidenceDiffers.
        """
        try:
            return self._commit(batch, at)
        except Exception as error:  # noqa: BLE001 -- whatever it is, those who wait must hear of it
            reason = str(error) or type(error).__name__
            self._log.error("evidence not recorded", folder=str(self.folder), reason=reason)
            message = (
                f"the evidence log in {self.folder} did not record: {reason} "
                f"({free_space(self.folder)}). It goes on by itself once that is put right"
            )
            return [Refusal(message, error)] * len(batch)

    def _commit(self, batch: Sequence[Submission], at: int | None) -> list[Receipt | Refusal]:
        catalog = self._catalog
        if self.closed or catalog is None:
            return [self.closed or CLOSED] * len(batch)
        pair, place = self._room()
        frontier = Frontier(self.head.count, self.head.peaks)
        outcomes: list[Receipt | Refusal] = []
        erased = targets(batch)
        rows: dict[str, Row] = {}
        digests: list[bytes] = []
        leaves: list[bytes] = []
        payloads: list[bytes] = []
        for number, (record, heading) in enumerate(batch):
            known = rows.get(record.record_id) or catalog.known(record.record_id)
            if at is not None and (differs := differing(record, at + number, known, place)):
                return [differs] * len(batch)
            if known:
                outcomes.append(receipt(known, record))
                continue
            gone = record.record_id in erased or catalog.erased(record.record_id)
            payload = None if gone else record.payload
            leaves.append(leaf_line(place.position, record.leaf, record.leaf_hash))
            payloads.append(payload_line(place.position, payload, record.leaf_hash))
            digests.append(bytes.fromhex(record.leaf_hash))
            frontier.append(digests[-1])
            rows[record.record_id] = row = row_of(place, record.leaf_hash, heading)
            outcomes.append(receipt(row, record))
            place = place.after(len(leaves[-1]), len(payloads[-1]))
        if erased and self._erasing:
            self._erasing.note(erased, catalog)
        if rows:
            start = self.head.next
            pair.append(start, frontier.peaks, leaves, payloads)
            with catalog.lock:
                self.head = Head(next=place, peaks=frontier.peaks)
                for row in rows.values():
                    catalog.add(row)
            if self.notary:
                self.notary.noticed(start.position, digests)
        try:
            self._erase()
        except OSError as error:
            return without_erasures(batch, outcomes, error)
        return outcomes

    def _erase(self) -> int:
        """Destroy the payloads that are to be; return how many. Raises OSError."""
        if self._erasing is None or not self._erasing.pending or self._catalog is None:
            return 0
        if self._pair:
            self._pair.wipe()
        known = self._catalog.known
        return self._erasing.finish(lambda record_id: known(record_id) is not None)

    def _room(self) -> tuple[Pair, Place]:
        """Return where the next record goes; begin new files where there are none or full ones."""
        place, peaks = self.head.next, self.head.peaks
        if self._pair is None or max(place.leaf_at, place.payload_at) >= self._segment_bytes:
            self._pair, place = next_pair(self._pair, self.folder, place, peaks, self._journal)
            self.head = Head(next=place, peaks=peaks)
        return self._pair, place

    def tidy(self, keep: int = 0) -> None:
        """Bring the index file up to date but for `keep` records; a failure is only logged."""
        try:
            if self._catalog and self._catalog.waiting > keep:
                self._catalog.flush(keep)
            self._erase()
        except Exception as error:  # noqa: BLE001 -- the thread that writes must outlive it
            self._log.warning("evidence log not tidied up", reason=str(error))

    @property
    def untidy(self) -> bool:
        """Whether there are records that the index file does not know of yet."""
        return self._catalog is not None and self._catalog.waiting > 0

    # -- reading: by any thread ---------------------------------------------------------------

    def count(self) -> int:
        """Return the number of records. Raises `EvidenceCorrupt` where that cannot be said."""
        self._refresh()
        if self._catalog is None:
            raise self.unreadable()
        return self.head.count

    def get(self, record_id: str) -> StoredRecord | None:
        """Return a record, read from its segment and checked; None if there is none."""
        self._refresh()
        catalog = self._catalog
        if catalog is None:
            return searched(self.folder, record_id)
        row = catalog.find(record_id)
        if row is None:
            return None
        entry = entry_of(self.folder, row)
        if entry is None:
            catalog.rebuild(f"led to a wrong place for record {record_id}")
            row = catalog.find(record_id)
            entry = entry_of(self.folder, row) if row else None
        return stored(entry) if entry else None

    def chunk(self, start: Place | int, size: int) -> tuple[list[StoredRecord], Place | int]:
        """Return at most `size` records from `start` on, and where the next ones start."""
        self._refresh()
        stop = self.head.count if self._catalog else None
        find = self._catalog.place if self._catalog else partial(locate, self.folder)
        place = find(start) if isinstance(start, int) else start
        if place is None or (isinstance(start, int) and place.position < start):
            return [], start
        entries: list[Entry] = []
        try:
            # What comes before a damaged record is handed out first; the next chunk then meets it.
            entries.extend(islice(records(self.folder, place, stop), size))
        except EvidenceCorrupt:
            if not entries:
                raise
        return [*map(stored, entries)], entries[-1].after if entries else place

    def verify(self, known: Sequence[str] = ()) -> VerifyReport:
        """Check everything that is stored, and compare index and tiles with it.

        `known`: checkpoints that were kept elsewhere.
        """
        # Asked before where the log ends: what was signed by then is there.
        kept = Checkpoints(self.folder)
        signed = kept.end()
        self._refresh()
        report = verify(
            Scope(
                folder=self.folder,
                end=(lambda: self.head.next) if self._catalog else None,
                catalog=self._catalog,
                verifiers=self.signing.keys.verifiers(),
                known=known,
                signed=signed,
                published=self.notary.is_published if self.notary else kept.is_published,
                get=self.get,
                rebuild=self.notary.rebuild if self.notary else None,
            )
        )
        return evolve(report, notes=(*self.notes, *report.notes))

    def _refresh(self) -> None:
        """Take in what another process has appended since."""
        catalog = self._catalog
        if self._lock or catalog is None:
            return
        with catalog.lock:
            place = self.head.next if self.head.next.leaf_at else locate(self.folder, 0)
            for entry in records(self.folder, place) if place else ():
                catalog.add(row_of_entry(entry))
                self.head = Head(next=entry.after)

    def unreadable(self) -> EvidenceCorrupt | EvidenceUnavailable:
        """Return the error that says why the log cannot be used."""
        message, cause = self.closed or CLOSED
        error = EvidenceCorrupt if isinstance(cause, EvidenceCorrupt) else EvidenceUnavailable
        return error(message)
