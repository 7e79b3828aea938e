"""What a product of each kind must be able to do.

A factory yields an object with one of these shapes. Small extra protocols (`EvidenceVerifier`, ...)
are capabilities: a plugin has one by implementing it, and `isinstance` decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from eleanor_core.model import (
    Case,
    CriticResult,
    DetectorResult,
    Embedding,
    ExecutionRequest,
    PolicyVerdict,
    PrecedentCase,
    PrecedentDrift,
    PrecedentImport,
    PrecedentMatch,
    PrecedentQuery,
    Receipt,
    SealedRecord,
    SecretRef,
    SecretsHealth,
    SecretValue,
    StoredRecord,
    VerifyReport,
)


class Critic(Protocol):
    """Declared `execution="task"`: whatever waits. It must let cancellation through."""

    async def __call__(self, case: Case, /) -> CriticResult: ...


class InlineCritic(Protocol):
    """Declared `inline`, `thread` or `process`. Inline work is pure and linear in the text."""

    def __call__(self, case: Case, /) -> CriticResult: ...


class Detector(Protocol):
    """As `Critic`, for testimony."""

    async def __call__(self, case: Case, /) -> DetectorResult: ...


class InlineDetector(Protocol):
    """As `InlineCritic`, for testimony."""

    def __call__(self, case: Case, /) -> DetectorResult: ...


AnyCritic: TypeAlias = Critic | InlineCritic
AnyDetector: TypeAlias = Detector | InlineDetector


class SecretsProvider(Protocol):
    """Resolves the path and key of a reference. Raises `SecretUnavailable`; never logs a value.

    `get` is asked before every use, so it answers from memory where it can.
    """

    async def get(self, ref: SecretRef, /) -> SecretValue: ...


@runtime_checkable
class RotatingSecrets(Protocol):
    """A provider that follows a secret through its rotation.

    `candidates` returns every value that may be valid now, the current one first. `refresh` asks
    the store now, and returns the current value. `changed` waits until the current value is another
    than `known`, and returns it; while the store cannot be asked it goes on waiting.
    """

    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]: ...
    async def refresh(self, ref: SecretRef, /) -> SecretValue: ...
    async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue: ...


@runtime_checkable
class SecretsReporter(Protocol):
    """A provider that says how it fares. It waits for nothing and holds no value."""

    def health(self) -> SecretsHealth: ...


@runtime_checkable
class SecretsRotator(Protocol):
    """A provider that can change what its store holds.

    `put` makes `value` the current one and returns the store's name for this version; the value
    before it stays a candidate where the store keeps versions. `retire` ends all but the current
    one, and returns how many it ended. Both raise `SecretUnavailable`.
    """

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str: ...
    async def retire(self, ref: SecretRef, /) -> int: ...


class SecretResolver(Protocol):
    """What plugins see of all providers: the reference names the one that is asked.

    Call `resolve` before each use rather than keeping a value: that costs next to nothing, and a
    rotation is picked up. Who must hold a value (an open connection) awaits `changed` in a task.
    Who was refused with a value asks `refresh` once, and then tries the other `candidates`; who
    checks what others present accepts all of those. A provider that does not follow rotations is
    asked again every 30 seconds for `changed`, and has one candidate.
    """

    async def resolve(self, ref: SecretRef, /) -> SecretValue: ...
    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]: ...
    async def refresh(self, ref: SecretRef, /) -> SecretValue: ...
    async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue: ...


@runtime_checkable
class EvidenceSink(Protocol):
    """An append-only log of sealed records.

    `append` returns only when the record is on stable storage; a record id that is there already
    with the same leaf returns its first receipt. It raises `EvidenceUnavailable` when it cannot.
    `read` yields records in order of their index, from `start`.
    """

    async def append(self, record: SealedRecord, /) -> Receipt: ...
    async def get(self, record_id: str, /) -> StoredRecord | None: ...
    def read(self, start: int = 0, /) -> AsyncIterator[StoredRecord]: ...
    async def count(self) -> int: ...


@runtime_checkable
class EvidenceReplica(EvidenceSink, Protocol):
    """A sink that takes many records of another log at once, each to the place that it has there.

    `replicate` gets records that follow one another, and returns once all of them are on stable
    storage; those that are there already are passed over. A payload that is None was erased, and is
    kept as that. Raises `EvidenceDiffers`, and keeps none of them, where one would come to stand at
    another index than it has, or another leaf is there under its id; `EvidenceUnavailable` when it
    cannot now. A sink without it gets them one by one through `append`.
    """

    async def replicate(self, records: Sequence[StoredRecord], /) -> None: ...


@runtime_checkable
class EvidenceVerifier(Protocol):
    """A sink that can check all of its own storage."""

    async def verify(self) -> VerifyReport: ...


@runtime_checkable
class ErasableLog(EvidenceSink, Protocol):
    """A sink that destroys a payload when it takes the erasure of it.

    An erasure is a record like any other, which `api.erased_by` tells by its leaf. `append` of one
    returns once it is on stable storage and neither payload nor salt of the record that it names
    can be read any more. Where the payload cannot be destroyed, `append` raises
    `EvidenceUnavailable`, though the record stays; the sink then tries again by itself, at its next
    start at the latest, and whenever the erasure is appended again. From then on `get` and `read`
    have None for the payload. One that is appended again, or for the first time after its erasure,
    does not bring it back. `unfinished` returns the ids of records whose erasure stands in the log,
    and whose payload still does.
    """

    async def unfinished(self) -> Sequence[str]: ...


@runtime_checkable
class TransparencyLog(EvidenceVerifier, EvidenceSink, Protocol):
    """A sink whose records are the leaves of one Merkle tree (RFC 6962), with signed checkpoints.

    `checkpoint` signs the tree over all records that are on stable storage, and returns the note
    (C2SP `tlog-checkpoint`); a process that may not write returns the newest that is stored. With
    `new_key` the log signs with a new key from then on, and this note with the old one too.
    `checkpoints` yields all that are stored, oldest first; `keys` are the verifier keys (C2SP
    `signed-note`), oldest first. `inclusion(index, size)` and `consistency(old, size)` return
    hashes as `api.inclusion_proof` and `api.consistency_proof` do, for sizes up to the newest
    checkpoint's. `verify` holds what is stored against every checkpoint, and against the notes in
    `known`, which somebody has kept elsewhere. All but `verify` raise `EvidenceUnavailable` where
    they cannot, and `EvidenceCorrupt` where the log is not what was signed.
    """

    async def checkpoint(self, *, new_key: bool = False) -> str: ...
    def checkpoints(self) -> AsyncIterator[str]: ...
    async def keys(self) -> Sequence[str]: ...
    async def inclusion(self, index: int, size: int, /) -> Sequence[bytes]: ...
    async def consistency(self, old: int, size: int, /) -> Sequence[bytes]: ...
    async def verify(self, *, known: Sequence[str] = ()) -> VerifyReport: ...


class Signer(Protocol):
    """One Ed25519 key that signs. What it does to reach the key is its own.

    `name`: as it stands in signature lines; not empty, without space or plus. `public`: 32 bytes.
    `sign` returns 64 bytes (RFC 8032); it is called in a thread, may take its time, and raises
    where it cannot.
    """

    name: str
    public: bytes

    def sign(self, message: bytes, /) -> bytes: ...


class Witness(Protocol):
    """Somebody else, who signs that a checkpoint goes on from the last one that they signed.

    `key`: its verifier key (C2SP `signed-note`). `cosign` gets a checkpoint as a note, a number of
    records, and the hashes that prove that the checkpoint goes on from those. It returns signature
    lines (C2SP `tlog-cosignature`); or, where the witness knows the log with another number of
    records than `old`, that number. It is called in a thread, may take its time, and raises where
    it cannot. Nothing that it returns is believed before it is checked.
    """

    key: str

    def cosign(
        self, checkpoint: str, old: int, proof: Sequence[bytes], /
    ) -> Sequence[str] | int: ...


@runtime_checkable
class WitnessedLog(TransparencyLog, Protocol):
    """A log that asks witnesses. Their signatures stand in the notes that it returns.

    `witnesses` returns, by the verifier key of each, how many records the newest checkpoint has
    that it signed; 0 for none.
    """

    async def witnesses(self) -> Mapping[str, int]: ...


class ExecutionPolicy(Protocol):
    """Is asked before every execution, after the gate, and answers from what the log holds.

    Whatever it raises, answers late or answers in another form refuses. It never opens a gate.
    """

    async def decide(self, request: ExecutionRequest, /) -> PolicyVerdict: ...


class Embedder(Protocol):
    """Text to vectors. `encoder_id` holds the encoder's name and its weights' hash."""

    encoder_id: str
    dim: int

    async def embed(self, texts: Sequence[str], /) -> Sequence[Embedding]: ...


class PrecedentStore(Protocol):
    """Decided cases. `nearest` returns at most `k` matches, most similar first, ties by id."""

    async def count(self) -> int: ...
    async def add(self, case: PrecedentCase, /) -> None: ...
    async def nearest(self, query: Embedding, k: int, /) -> Sequence[PrecedentMatch]: ...


@runtime_checkable
class PrecedentSearch(Protocol):
    """A store that is searched by words as well as by vectors, and among some of its cases.

    `search` takes what is wanted and the embedding of its text, and returns at most `k` matches,
    best first. By vectors they stand as in `nearest`; where two cases rank alike they go by id.
    """

    async def search(
        self, wanted: PrecedentQuery, query: Embedding, k: int, /
    ) -> Sequence[PrecedentMatch]: ...


@runtime_checkable
class PrecedentArchive(Protocol):
    """A store that keeps every version of every case, and takes and gives all of them as lines.

    `newest` yields each case in its newest version, by id, those no longer in force too; `versions`
    returns one case's, oldest first, empty if there is none. `retire` adds a version that is not in
    force, and returns it. `import_lines` takes JSON Lines, one version a line, all of them or none;
    a version that is there already counts as known. `export_lines` yields such lines by id and
    version, without the line end: imported, they give the same store. What cannot be taken raises
    EleanorError, an import's with the number of the line.
    """

    def newest(self) -> AsyncIterator[PrecedentCase]: ...
    async def versions(self, case_id: str, /) -> Sequence[PrecedentCase]: ...
    async def retire(
        self, case_id: str, /, *, decided_by: str, reason: str, overruled_by: str = ""
    ) -> PrecedentCase: ...
    async def import_lines(self, lines: Iterable[str], /) -> PrecedentImport: ...
    def export_lines(self) -> AsyncIterator[str]: ...
    async def drift(self) -> PrecedentDrift: ...


class Model(Protocol):
    """A language model: one prompt in, one text out. Time-outs and retries are the caller's."""

    async def complete(self, prompt: str, /, *, max_tokens: int) -> str: ...
