"""What can be said without a server."""

from __future__ import annotations

import sys

import eleanor_precedents_pgvector
import pytest
from eleanor_precedents_pgvector import PgvectorSettings
from pydantic import ValidationError


def test_a_password_is_a_reference_and_nothing_else() -> None:
    assert PgvectorSettings(password="vault:kv/app#key").password == "vault:kv/app#key"
    with pytest.raises(ValidationError, match="given as a reference") as caught:
        PgvectorSettings.model_validate({"password": "hunter2"})
    assert "hunter2" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize("name", ["", "a-b", 'x"; DROP TABLE versions; --', "1st", "A"])
def test_a_schema_is_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        PgvectorSettings(schema_name=name)


def test_the_hook_declares_the_store_without_the_driver() -> None:
    (declared,) = eleanor_precedents_pgvector.eleanor_register_precedents()
    assert (declared.name, declared.settings) == ("pgvector", PgvectorSettings)
    assert "eleanor_precedents_pgvector.server" not in sys.modules or "psycopg" in sys.modules
