"""The rules that the contract classes test, in the words of `docs/plugins/testing.md`.

A failure names its rule, so that its author reads what is wrong and not where the kit noticed. A
test holds the page and this table together.
"""

from __future__ import annotations

from typing import Final, NoReturn

import pytest

PAGE: Final = "docs/plugins/testing.md"

OF_SECRETS: Final = {
    "resolves": "A reference that the store holds gets its value, as a `SecretValue`.",
    "refuses": "A reference that the store does not hold raises SecretNotFound, which names it.",
    "shows-nothing": "No error, log line or report shows a value, a part of it or a form of it.",
    "free-store": "Asking the store never holds up the event loop.",
    "cancelled-get": "A cancelled `get` ends at once, and the next one gets the value.",
    "rotates": "After a rotation who waits is told, `refresh` and `get` return the new value, and "
    "`candidates` begins with it.",
    "outlives": "While the store is cut off the last value is served and `health` says so; "
    "otherwise `health` says that all is well.",
}
"""The rules of secrets providers."""

RULES: Final = {
    # -- every kind
    "registers": "The hook of the kind is there, marked `@hookimpl`, and the core accepts all that "
    "it declares: names, settings with a description for every field, API version.",
    "starts": "The factory gives an async context manager, which yields a product of the declared "
    "kind and can be entered and left more than once.",
    "one-name": "An entry point bears the name of a declaration that its module returns.",
    "light-import": "Importing the module and calling its hook loads nothing heavy; that is for "
    "the factory.",
    # -- critics and detectors
    "own-result": "A voice returns a well-formed result of its own kind, under its declared name.",
    "declared-words": "A result holds no clause, category or gap reason that its declaration does "
    "not list.",
    "same-answer": "The same case gets the same result.",
    "case-untouched": "A voice changes nothing in the case.",
    "independence": "Other voices change no byte of a voice's result.",
    "cancellation": "A `task` voice lets cancellation through, at once.",
    "deadline": "A voice answers within the deadline that it declares.",
    "free-loop": "A `task` voice never holds up the event loop.",
    "cpu-budget": "An `inline` voice stays within its budget of CPU time: 5 ms and 50 us for each "
    "1,000 characters.",
    "concurrency": "Calls that overlap get the results that they would get one by one.",
    "any-text": "Every text gets a well-formed result: empty, huge, in any script.",
    "patterns": "A declared pattern finds its example and leaves its near miss alone.",
    "signals-only-add": "A signal never lowers a critic's score.",
    "no-echo": "A signal does not repeat what it found in its note.",
    # -- evidence sinks
    "acknowledges": "An appended record is there, byte for byte, under the index of its receipt.",
    "append-once": "Appending a record again returns its first receipt and adds nothing.",
    "no-overwrite": "Another record under a known id is refused, and the first one stays, also of "
    "two at once.",
    "read-order": "`read` yields the records in order of their index, from `start`.",
    "survives-restart": "What was acknowledged is there after a sink was closed and opened again.",
    "replicates": "A sink that takes another log's records keeps each in its place, and none that "
    "does not belong there.",
    "verifies": "A sink that can verify itself finds nothing wrong with what it just wrote.",
    "erases": "A log that takes an erasure destroys that payload, changes nothing else, and never"
    " brings it back.",
    "proves": "A log's proofs lead to its checkpoints, and it believes no other checkpoint.",
    **OF_SECRETS,
    # -- embedders, backends, precedent stores
    "vector-shape": "One embedding a text, in order, each with the embedder's id and dimension.",
    "unit-length": "An embedding has length 1, or is all zero.",
    "batching": "Batching changes no component of an embedding by more than 1e-4.",
    "like-reference": "`topk` agrees with plain arithmetic: best first, ties by row number.",
    "arithmetic": "Every operation agrees with plain arithmetic, within the tolerance.",
    "signature": "Methods take what the protocol says, and the backend runs where it was told to.",
    "many-callers": "Callers from several threads get their own answers, whoever is cancelled.",
    "keeps-account": "`report` counts the memory held, until it is let go, and the batches.",
    "one-encoder": "Embeddings of two encoders or dimensions are refused with ValueError.",
    "nearest": "`nearest` returns at most k cases, most similar first, ties by id.",
    "keeps-versions": "An archive keeps and exports every version of every case; only the newest "
    "that are in force are found.",
    "admits": "An archive takes no version that `precedent_objection` objects to, and none whose "
    "successor is not there.",
    "imports-whole": "An import adds the versions of all lines or none, and names the line that it "
    "refuses.",
    "searches-within": "`search` returns at most k cases, and only such as were wanted.",
}


def broken(whose: str, rule: str, found: str) -> NoReturn:
    """Fail the test: say whose plugin breaks which rule, what was found, and where to read on."""
    __tracebackhide__ = True
    pytest.fail(
        f"{whose} breaks the rule '{rule}': {RULES[rule]}\nFound: {found}\nSee {PAGE}#{rule}",
        pytrace=False,
    )
