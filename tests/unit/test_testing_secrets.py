"""The contract of secrets providers: honest ones pass it, and each rule finds who breaks it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from eleanor_core.api import (
    CachedSecrets,
    CachingSettings,
    PluginSettings,
    SecretNotFound,
    SecretRef,
    SecretsDeclaration,
    SecretsHealth,
    SecretsProvider,
    SecretState,
    SecretUnavailable,
    SecretValue,
    SecretVersions,
    Services,
    hookimpl,
    in_threads,
    value_of,
)
from eleanor_core.testing import SecretsProviderContract
from eleanor_core.testing.rules import OF_SECRETS, RULES

FIRST, SECOND = "an example value, not a secret", "another-example-value"
KNOWN = {"file:app": FIRST, "file:table#key": SECOND}
CACHING = CachingSettings(ttl=0.05, timeout=2.0)


class FileSecrets(CachedSecrets):
    """A provider over one JSON file: name -> all values, the current one first."""

    def __init__(self, file: Path, services: Services) -> None:
        super().__init__(in_threads(self._read), CACHING, services.log)
        self.file = file

    def _read(self, ref: SecretRef) -> SecretVersions:
        try:
            values = json.loads(self.file.read_text()).get(ref.path)
        except OSError as error:
            raise SecretUnavailable(f"{ref}: the file cannot be read") from error
        if not values:
            raise SecretNotFound(f"{ref}: the file has no such name")
        return SecretVersions(values=tuple(value_of(ref, SecretValue(text)) for text in values))

    async def put(self, ref: SecretRef, value: SecretValue, /) -> str:
        stored = json.loads(self.file.read_text())
        stored[ref.path] = [value.reveal(), *stored[ref.path]]
        self.file.write_text(json.dumps(stored))
        return str(len(stored[ref.path]))

    async def retire(self, ref: SecretRef, /) -> int:
        return 0 if ref else 1


class FilePlugin:
    """The plugin around a provider, whose type a test chooses."""

    def __init__(self, make: Callable[[Path, Services], SecretsProvider]) -> None:
        self.make = make

    @hookimpl
    def eleanor_register_secrets(self) -> Iterable[SecretsDeclaration]:
        yield SecretsDeclaration(name="file", factory=self.open)

    @asynccontextmanager
    async def open(
        self, _settings: PluginSettings, services: Services
    ) -> AsyncIterator[SecretsProvider]:
        yield self.make(services.data_dir.parent.parent / "store.json", services)


class FileContract(SecretsProviderContract):
    """The contract, with a file as the store and its absence as the outage."""

    known = KNOWN
    unknown = "file:unknown"

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        table = json.dumps({"key": SECOND})
        (self.home / "store.json").write_text(json.dumps({"app": [FIRST], "table": [table]}))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        file = self.home / "store.json"
        file.rename(file.with_suffix(".away"))
        yield
        file.with_suffix(".away").rename(file)


class TestFile(FileContract):
    """A stranger's provider that stands on the shared cache."""

    plugin = FilePlugin(FileSecrets)


class Plain:
    """The least that is a provider: no rotation, no health, no cache."""

    def __init__(self, file: Path, _services: Services | None = None) -> None:
        self.file = file

    async def get(self, ref: SecretRef, /) -> SecretValue:
        await anyio.lowlevel.checkpoint()
        whole = self._read(ref.path)
        if whole is None:
            raise SecretNotFound(f"secret {ref}: the file has no such name")
        return value_of(ref, whole)

    def _read(self, name: str) -> SecretValue | None:
        values = json.loads(self.file.read_text()).get(name)
        return SecretValue(values[0]) if values else None


class TestPlain(FileContract):
    """A provider with nothing beside `get`."""

    plugin = FilePlugin(Plain)

    def outage(self) -> AbstractAsyncContextManager[None] | None:
        return None


# -- who breaks a rule ----------------------------------------------------------------------------


class Bare(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        return (await super().get(ref)).reveal()  # type: ignore[return-value] # the fault


class Wrong(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        await super().get(ref)
        return SecretValue("something else")


class Vague(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        try:
            return await super().get(ref)
        except SecretNotFound:
            raise SecretNotFound("not found") from None


class Unkind(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        try:
            return await super().get(ref)
        except SecretNotFound:
            raise KeyError(str(ref)) from None


class Inventive(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        try:
            return await super().get(ref)
        except SecretNotFound:
            return SecretValue("")


class Talkative(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        value = await super().get(ref)
        logging.getLogger("stranger").debug("read %s", value.reveal())
        return value


class Quoting(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        value = await super().get(SecretRef(ref.provider, ref.path, "key" if ref.key else ""))
        if ref.key == "no-such-key":
            raise SecretNotFound(f"secret {ref}: {value.reveal()[:9]}... has no such key")
        return value


class Chained(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        text = json.loads(self.file.read_text()).get(ref.path, [""])[0]
        if ref.key == "no-such-key" or not text:
            raise SecretNotFound(f"secret {ref}: the file has no such name")
        return value_of(ref, SecretValue(text))


class Remembering(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        value = await super().get(ref)
        self.last = value.reveal()
        return value


class Blocking(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        time.sleep(0.08)  # noqa: ASYNC251 -- the fault that the kit is to find
        return await super().get(ref)


class Deaf(Plain):
    async def get(self, ref: SecretRef, /) -> SecretValue:
        try:
            return await super().get(ref)
        except anyio.get_cancelled_exc_class():
            return SecretValue(FIRST)


class Slack(FileSecrets):
    async def refresh(self, ref: SecretRef, /) -> SecretValue:
        return await self.get(ref)


class Backwards(FileSecrets):
    async def candidates(self, ref: SecretRef, /) -> Sequence[SecretValue]:
        return tuple(reversed(await super().candidates(ref)))


class Complacent(FileSecrets):
    def health(self) -> SecretsHealth:
        known = (SecretState(ref=SecretRef.parse(text)) for text in KNOWN)
        return SecretsHealth(secrets=tuple(known))


class Anxious(FileSecrets):
    def health(self) -> SecretsHealth:
        return SecretsHealth(problem="who knows")


class Silent(FileSecrets):
    def health(self) -> SecretsHealth:
        return SecretsHealth()


FAULTS: tuple[tuple[str, str, type[object]], ...] = (
    ("resolves", "resolves_what_it_knows", Bare),
    ("resolves", "resolves_what_it_knows", Wrong),
    ("refuses", "refuses_what_it_does_not_know", Vague),
    ("refuses", "refuses_what_it_does_not_know", Unkind),
    ("refuses", "refuses_what_it_does_not_know", Inventive),
    ("shows-nothing", "shows_no_value", Talkative),
    ("shows-nothing", "shows_no_value", Quoting),
    ("shows-nothing", "shows_no_value", Chained),
    ("shows-nothing", "shows_no_value", Remembering),
    ("free-store", "leaves_the_loop_free", Blocking),
    ("cancelled-get", "lets_cancellation_through", Deaf),
    ("rotates", "follows_a_rotation", Slack),
    ("rotates", "follows_a_rotation", Backwards),
    ("outlives", "outlives_an_outage", Complacent),
    ("outlives", "reports_its_health", Anxious),
    ("outlives", "reports_its_health", Silent),
)


@pytest.mark.anyio
@pytest.mark.parametrize(("rule", "test", "provider"), FAULTS)
async def test_a_broken_rule_is_named(rule: str, test: str, provider, tmp_path: Path) -> None:
    contract = type("Bad", (FileContract,), {"plugin": FilePlugin(provider)})()
    contract.take(tmp_path)
    with pytest.raises(pytest.fail.Exception) as failure:
        await getattr(contract, f"test_{test}")()
    assert f"breaks the rule '{rule}': {RULES[rule]}" in str(failure.value)
    assert FIRST not in str(failure.value)


def test_every_rule_has_a_fault_that_breaks_it() -> None:
    assert {rule for rule, *_ in FAULTS} == set(OF_SECRETS)


@pytest.mark.anyio
async def test_nobody_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(FileSecrets):
        async def changed(self, ref: SecretRef, known: SecretValue, /) -> SecretValue:
            await anyio.sleep_forever()
            return known

    monkeypatch.setattr("eleanor_core.testing.secrets.TOLD_WITHIN", 0.2)
    contract = type("Bad", (FileContract,), {"plugin": FilePlugin(Mute)})()
    contract.take(tmp_path)
    with pytest.raises(pytest.fail.Exception, match=r"nobody was told within 0.2 s"):
        await contract.test_follows_a_rotation()
