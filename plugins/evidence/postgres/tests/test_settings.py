"""What can be said without a server."""

from __future__ import annotations

import sys

import eleanor_evidence_postgres
import pytest
from eleanor_evidence_postgres import PostgresSettings
from pydantic import ValidationError


def test_a_password_is_a_reference_and_nothing_else() -> None:
    assert PostgresSettings(password="vault:kv/app#key").password == "vault:kv/app#key"
    with pytest.raises(ValidationError, match="given as a reference") as caught:
        PostgresSettings.model_validate({"password": "hunter2"})
    assert "hunter2" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("name", ["", "a-b", 'x"; DROP TABLE records; --', "1st", "A"])
def test_a_schema_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        PostgresSettings(schema_name=name)


def test_the_hook_declares_the_log_without_the_driver() -> None:
    (declared,) = eleanor_evidence_postgres.eleanor_register_evidence()
    assert (declared.name, declared.settings) == ("postgres", PostgresSettings)
    assert "eleanor_evidence_postgres.store" not in sys.modules or "psycopg" in sys.modules
