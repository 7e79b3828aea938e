"""What is shown of the settings: all of it with its source, and no secret."""

from __future__ import annotations

import json

import pytest

from eleanor_core.model import JsonValue
from eleanor_core.settings import describe, effective, load_settings, settings_schema

OWN: dict[str, JsonValue] = {
    "api_key": "vault:kv/app#key",
    "url": "https://example.org/v1",
    "max_tokens": 256,
    "author": "somebody",
    "verify": True,
}
HIDDEN: dict[str, JsonValue] = {
    "password": "open-sesame",
    "token": "user:open-sesame",
    "signing_key": "open-sesame",
    "client": {"Authorization": ["open-sesame"]},
    "pin_secret": 4711,
    "dsn": "postgresql://me:open-sesame@host/db",
}


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEANOR_ENV_FILE", "")
    monkeypatch.setenv("ELEANOR_SETTINGS_FILE", "")


def test_secrets_are_masked_and_references_shown() -> None:
    loaded = load_settings(
        {"plugins": {"require": ["secrets/vault"]}, "models": {"big": {"settings": OWN | HIDDEN}}}
    )
    record = effective(loaded)
    text = json.dumps(record)
    assert "open-sesame" not in text
    assert "4711" not in text
    rows = {row.key.removeprefix("models.big.settings."): row for row in describe(loaded)}
    assert {key: rows[key].value for key in OWN} == OWN
    assert {rows[key].value for key in HIDDEN if key != "client"} == {"***"}
    assert rows["client.Authorization"].value == ["***"]
    assert "open-sesame" not in repr(loaded)
    assert loaded.settings.models["big"].settings == OWN | HIDDEN


def test_a_reference_to_a_provider_that_nobody_enabled_is_masked() -> None:
    own: JsonValue = {"a": {"settings": {"token": "user:word"}}}
    rows = {row.key: row.value for row in describe(load_settings({"critics": own}))}
    assert rows["critics.a.settings.token"] == "***"
    configured = load_settings({"critics": own, "secrets": {"user": {}}})
    rows = {row.key: row.value for row in describe(configured)}
    assert rows["critics.a.settings.token"] == "user:word"


def test_a_plugin_named_like_a_secret_hides_nothing() -> None:
    loaded = load_settings({"detectors": {"secrets": {"deadline": 2, "settings": {"most": "x"}}}})
    rows = {row.key: row.value for row in describe(loaded)}
    assert rows["detectors.secrets.deadline"] == 2.0
    assert rows["detectors.secrets.settings.most"] == "x"


def test_every_row_has_its_source_and_its_meaning() -> None:
    loaded = load_settings({"critics.rights.settings.words.short.most": "few"}, env={})
    rows = describe(loaded)
    assert [row.key for row in rows] == list(loaded.origins)
    assert all(row.description for row in rows)
    assert {row.key for row in rows if row.origin != "default"} == {
        "critics.rights.settings.words.short.most"
    }


def test_the_record_of_a_start_is_plain_json_of_settings_and_origins() -> None:
    loaded = load_settings({"home": "/var/lib/eleanor", "plugins.enable": "critics/a"})
    record = effective(loaded)
    assert json.loads(json.dumps(record)) == record
    assert record["origins"] == dict(loaded.origins)
    settings = record["settings"]
    assert isinstance(settings, dict)
    assert load_settings(settings).settings == loaded.settings


def test_the_schema_knows_every_section_and_what_may_stand_there() -> None:
    schema = settings_schema()
    assert json.loads(json.dumps(schema)) == schema
    text = json.dumps(schema)
    assert schema["additionalProperties"] is False
    assert '"enum": ["high-impact", "escalate"]' in text
    assert '"enum": ["A1", "A2"' in text
    assert '"exclusiveMinimum": 0' in text
