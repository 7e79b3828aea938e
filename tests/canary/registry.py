"""The registry: where a canary is planted, what goes wrong meanwhile, and where bytes come out.

Whoever adds a way in or a way out adds its row here; `test_registry.py` fails until there is one.
"""

from __future__ import annotations

from collections.abc import Mapping

DEPTHS = range(1, 7)

ORIGINS: Mapping[str, str] = {
    "settings of a critic": "a value under a name that says token",
    "settings of a critic, nested": "the same, two tables down",
    "settings of a critic, a list": "one of several passwords",
    "settings, login in a URL": "the password in an address",
    "settings, in the wrong place": "a value that is refused under an innocent name",
    "settings of a provider": "what the secrets provider itself logs in with",
    "security.NAME": "the same, in the other place for it",
    "environment, token": "a variable whose name says token",
    "environment, password": "a variable whose name says password",
    "environment, login in a URL": "the password in an address",
    "environment, key": "a variable whose name says key",
    "provider, current": "what a secrets provider gave",
    "provider, before": "the value before the current one",
    "provider, refreshed": "what it gives when asked anew",
    "provider, stored": "a value that is put into the store",
    "provider, changed": "the value that a rotation brings",
}
"""Where the engine gets to know a secret."""

PLACES: Mapping[str, str] = {
    "text": "the text itself",
    "domain": "the domain that the context states",
    "trace id": "the caller's own id, which stands in the leaf",
    **{f"context, level {depth}": f"a value {depth} levels down" for depth in DEPTHS},
    **{f"context key, level {depth}": f"a key {depth} levels down" for depth in DEPTHS},
    "context, list": "an item of a list",
    "context, neighbours": "one value over several items",
    "refused key": "a key on the path of what is refused",
    "refused text": "a text that is refused",
    "registration": "what a hook raises",
    "plugin settings": "what a plugin's settings say of a bad value",
    "start": "what a factory raises",
    "start, cause": "what it was raised from",
    "critic raises": "the error of a critic",
    "critic raises, cause": "what it was raised from",
    "inline critic raises": "the error of a critic that is called in turn",
    "thread critic raises": "the error of a critic in a thread",
    "critic's name": "a name that a critic signs with and may not",
    "critic's gap reason": "a reason that it never declared",
    "justification": "what a critic says of its result",
    "violation": "the rationale of a violation",
    "escalation": "the rationale of an escalation",
    "critic's gap": "what a critic did not assess",
    "detector raises": "the error of a detector",
    "detector's note": "what a detector says of a signal",
    "detector's view": "the view that a signal names",
    "detector's category": "a category that it never declared",
    "detector's gap": "what a detector did not assess",
    "embedder raises": "the error of the embedder",
    "store raises": "the error of the precedent store",
    "precedent id": "the id of a like case",
    "precedent text": "its text",
    "precedent reason": "its reason",
    "precedent domain": "its domain",
    "precedent decided by": "who decided it",
    "precedent jurisdiction": "where it binds",
    "sink raises": "the error of the evidence log",
    "sink raises, cause": "what it was raised from",
    "sink cannot read": "the error when a record is asked for",
    "provider raises": "the error of a secrets provider",
    "run": "what ends a plugin while the engine runs",
    "stop": "what a plugin raises while it stops",
    "log, event": "the event of a plugin's log line",
    "log, field": "a field of it",
    "log, nested field": "a field within a field",
    "log, error": "an error that a plugin logs",
    "program's log, event": "the event of a log line of the program around the engine",
    "program's log, field": "a field of it",
    "program's log, traceback": "an error that it logs",
    "standard log, message": "a message in the standard library's logging",
    "standard log, arguments": "its arguments",
    "standard log, traceback": "an error that is logged there",
}
"""Where a secret that is known, or has a known shape, is planted again."""

FAILURES: Mapping[str, str] = {
    "none": "all goes well",
    "streamed": "all goes well, event by event",
    "critic raises": "an error",
    "critic raises from": "an error with a cause",
    "critic raises a group": "an exception group",
    "critic raises an exit": "SystemExit",
    "critic hangs": "beyond its deadline",
    "critic swallows": "its cancellation, and answers late",
    "critic returns garbage": "no result at all",
    "critic returns nothing": "None",
    "critic forges its name": "signs as another",
    "critic forges a gap": "with a reason that it never declared",
    "critic points outside": "a span beyond the text",
    "critic alters its result": "after it was checked by its own class",
    "inline critic raises": "in turn, on the loop",
    "thread critic raises": "in a thread",
    "detector raises": "an error",
    "detector hangs": "beyond its deadline",
    "detector returns garbage": "no testimony at all",
    "detector forges a category": "that it never declared",
    "all detectors raise": "nobody knows what is secret",
    "embedder raises": "an error",
    "embedder returns garbage": "no vector",
    "embedder hangs": "beyond the deadline of recall",
    "store cannot count": "an error before the first question",
    "store raises": "an error in answer to a question",
    "store returns garbage": "no cases",
    "store hangs": "beyond the deadline of recall",
    "sink raises": "an error",
    "sink raises from": "an error with a cause",
    "sink is full": "no space left",
    "sink hangs": "beyond the deadline of a record",
    "sink forges a receipt": "for another record",
    "sink cannot read": "what it recorded",
    "sink raises when abandoned": "no record, and nobody who waits",
    "critic does not start": "its factory raises",
    "critic does not start from": "its factory raises with a cause",
    "detector does not start": "its factory raises",
    "sink does not start": "its factory raises",
    "required critic does not start": "which refuses the start",
    "start hangs": "beyond the deadline of a start",
    "hook raises": "while it registers",
    "plugin settings are refused": "by the plugin's own check",
    "plugin fails while running": "in a task of its own",
    "stop raises": "an error",
    "stop hangs": "beyond the deadline of a stop",
    "provider raises": "an error of its own",
    "provider is down": "it says so",
    "secret is gone": "it says so",
    "cancelled before": "it was scanned",
    "cancelled meanwhile": "while critics deliberate",
    "abandoned": "by who reads the events",
    "refused: empty": "nothing to judge",
    "refused: type": "a text that is none",
    "refused: key": "a value that is no JSON, below a key",
    "refused: depth": "nested too deeply",
    "refused: trace id": "an id that is none",
    "settings are refused": "an unknown key",
    "no panel": "no critic is enabled",
    "not running": "the engine was stopped before",
}
"""What goes wrong, one at a time."""

SINKS: Mapping[str, str] = {
    "result": "repr of an assessment and of what is in it",
    "result as JSON": "its wire form",
    "result as HTML": "what a notebook shows",
    "events": "repr of every event",
    "events as JSON": "their wire form",
    "error": "text and repr of what was raised",
    "crash": "its traceback, as Python prints it",
    "leaf": "of every record",
    "payload": "of every record",
    "files": "whatever lies in the home: segments, index, write-ahead log, keys",
    "broken": "what the engine says of broken plugins",
    "log": "structlog, with the processor in front",
    "log without a processor": "what the engine and its plugins log into a chain that masks nothing",
    "standard log": "the standard library's, with the filter",
    "settings": "as they are shown and recorded, and their repr",
    "secrets": "repr of what knows them, and health",
    "output": "standard output",
    "errors": "standard error",
}
"""Where bytes come out of an engine in a process."""

MAY_HOLD_A_PERSON = frozenset({"payload", "files"})
"""Sinks that may hold what somebody wrote: it is erased with the payload."""

EVENTS = frozenset(
    {
        "CaseAccepted",
        "TextScanned",
        "DetectorReported",
        "CriticReported",
        "PrecedentRecalled",
        "UncertaintyAnalysed",
        "DecisionMade",
    }
)
"""Classes of events, all of which the surface `streamed` collects."""

EVIDENCE = frozenset({"evidence/local", "evidence/postgres"})
"""Sinks of evidence in this repository. What `local` writes is searched file by file; `postgres` is
handed the same sealed records, and its tables hold nothing else."""

PAGES = frozenset({"_repr_html_", "page"})
"""Functions that make a page: of a result, of the quality report."""

SHORT = (
    "streamed",
    "critic raises from",
    "critic forges its name",
    "detector raises",
    "store raises",
    "sink raises from",
    "sink cannot read",
    "required critic does not start",
    "hook raises",
    "plugin fails while running",
    "provider raises",
    "cancelled meanwhile",
    "refused: key",
    "settings are refused",
)
"""Failures of the short form: one of each sort."""

NEVER_SHOWN = frozenset(
    {
        "refused text",
        "context, neighbours",  # in pieces, each of which is found
        "critic raises, cause",
        "settings, in the wrong place",
    }
)
"""What comes out nowhere even where nothing is masked: nobody repeats it."""

_MASKED = "every text goes through `safe`, `prose` or `dumps`, which mask"
_HANDED_OVER = "what it is handed over: the engine has masked it"

WRITERS: Mapping[str, str] = {
    "apps/cli/src/eleanor_cli/app.py": "the version: no value of anybody's",
    "apps/cli/src/eleanor_cli/batching/job.py": _MASKED,
    "apps/cli/src/eleanor_cli/batching/progress.py": _MASKED,
    "apps/cli/src/eleanor_cli/config.py": _MASKED,
    "apps/cli/src/eleanor_cli/crash.py": "tracebacks, masked here",
    "apps/cli/src/eleanor_cli/evaluate.py": _MASKED,
    "apps/cli/src/eleanor_cli/doctor/command.py": _MASKED,
    "apps/cli/src/eleanor_cli/evidence/checking.py": _MASKED,
    "apps/cli/src/eleanor_cli/evidence/keeping.py": _MASKED,
    "apps/cli/src/eleanor_cli/evidence/proofs.py": "hashes, ids and signed notes: no word of anybody",
    "apps/cli/src/eleanor_cli/evidence/records.py": _MASKED,
    "apps/cli/src/eleanor_cli/explain/page.py": _MASKED,
    "apps/cli/src/eleanor_cli/faults.py": _MASKED,
    "apps/cli/src/eleanor_cli/logs.py": "structlog, the processor first",
    "apps/cli/src/eleanor_cli/out.py": _MASKED,
    "apps/cli/src/eleanor_cli/plugins/listing.py": _MASKED,
    "apps/cli/src/eleanor_cli/plugins/locking.py": _MASKED,
    "apps/cli/src/eleanor_cli/precedents/moving.py": _MASKED,
    "apps/cli/src/eleanor_cli/precedents/reading.py": _MASKED,
    "apps/cli/src/eleanor_cli/precedents/show.py": _MASKED,
    "apps/cli/src/eleanor_cli/precedents/writing.py": _MASKED,
    "apps/cli/src/eleanor_cli/quality/command.py": _MASKED,
    "apps/cli/src/eleanor_cli/quality/progress.py": _MASKED,
    "apps/cli/src/eleanor_cli/quality/table.py": _MASKED,
    "apps/cli/src/eleanor_cli/retrieval/command.py": _MASKED,
    "apps/cli/src/eleanor_cli/retrieval/table.py": _MASKED,
    "apps/cli/src/eleanor_cli/review/keys.py": _MASKED,
    "apps/cli/src/eleanor_cli/review/show.py": _MASKED,
    "apps/cli/src/eleanor_cli/secrets/verbs.py": _MASKED,
    "apps/cli/src/eleanor_cli/show.py": _MASKED,
    "apps/cli/src/eleanor_cli/usage.py": _MASKED,
    "eleanor_core/_binding.py": "a key of the gate's own, for its owner alone",
    "eleanor_core/_signatures.py": "a reviewer's private key, for its owner alone",
    "eleanor_core/evidence/bundle.py": _HANDED_OVER,
    "eleanor_core/isolation/frames.py": "the pipe of a worker: it ends in the engine, which masks",
    "eleanor_core/isolation/probe.py": "a trial of what the system refuses, with words of its own",
    "eleanor_core/registry/child.py": "the pipe of a worker: it ends in the engine, which masks",
    "eleanor_core/registry/isolated.py": "the pipe to a worker, which gets no secret",
    "eleanor_core/registry/workers.py": "the pipe to a worker, which gets no secret",
    "eleanor_core/settings/samples.py": "samples for the repository, made of defaults",
    "eleanor_core/testing/contract.py": "the test kit: it stays with a test",
    "eleanor_core/testing/postgres.py": "the test kit: it stays with a test",
    "plugins/embedders/minilm/quantise.py": "the package's weights, made of published ones",
    "plugins/embedders/static/distill.py": "the package's table, made of published weights",
    "plugins/evidence/local/src/eleanor_evidence_local/disk.py": _HANDED_OVER,
    "plugins/evidence/local/src/eleanor_evidence_local/index.py": _HANDED_OVER,
    "plugins/evidence/local/src/eleanor_evidence_local/seen.py": "hashes of ids, while it verifies",
    "plugins/precedents/sqlite/src/eleanor_precedents_sqlite/__main__.py": "the starter's cases",
    "plugins/precedents/sqlite/src/eleanor_precedents_sqlite/files.py": "vectors: no word of anybody",
    "plugins/precedents/sqlite/src/eleanor_precedents_sqlite/session.py": _HANDED_OVER,
}
"""Modules that write somewhere, and what stands between a secret and that place."""

VERBS: Mapping[str, str] = {
    "evaluate": "test_canary.py: text, context, file, trace id, standard input, every form",
    "batch": "test_canary.py: lines, ids, bad lines, file names",
    "plugins list": "test_canary.py: a plugin that breaks in every way",
    "plugins explain": "test_canary.py: the same, and a name that nobody has",
    "plugins lock": "test_canary.py: a file that cannot be written",
    "plugins verify": "test_canary.py: a lock that nobody has",
    "doctor": "test_canary.py: after all others",
    "review list": "test_canary.py: after all others",
    "review show": "test_canary.py: an id that nobody has",
    "review decide": "test_canary.py: id and reason",
    "review submit": "test_canary.py: a file that holds no review",
    "review keys new": "test_canary.py: a folder that nobody has",
    "review keys add": "test_canary.py: key and person",
    "review keys revoke": "test_canary.py: a key that nobody has",
    "review keys list": "test_canary.py: after all others",
    "evidence checkpoint": "test_canary.py: after all others",
    "evidence prove": "test_canary.py: an id that nobody has",
    "evidence export": "test_canary.py: the bundle's files",
    "evidence list": "test_canary.py: after all others",
    "evidence show": "test_canary.py: after all others, and an id that nobody has",
    "evidence verify": "test_canary.py: after all others",
    "evidence erase": "test_canary.py: ground, reason and who, and an id that nobody has",
    "evidence retain": "test_canary.py: after all others",
    "evidence hold add": "test_canary.py: trace id, reason and who",
    "evidence hold release": "test_canary.py: an id that nobody has",
    "evidence hold list": "test_canary.py: after all others",
    "precedents list": "test_canary.py: ids and texts",
    "precedents show": "test_canary.py: an id that nobody has",
    "precedents add": "test_canary.py: id, text, reason, who",
    "precedents retire": "test_canary.py: reason, who",
    "precedents import": "test_canary.py: a bad line",
    "precedents export": "test_canary.py: to standard output",
    "precedents drift": "test_canary.py: after all others",
    "config show": "test_canary.py: settings and environment",
    "config schema": "of the model alone: no value of anybody's",
    "secrets check": "test_canary.py: a reference that is a value",
    "secrets rotate": "test_canary.py: the same",
    "bench quality": "test_canary.py: a set's name and a bad line; its page",
    "bench precedents": "test_canary.py: a set's name and a bad line",
}
"""Verbs of the command line, and where their output is searched."""
