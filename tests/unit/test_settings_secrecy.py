"""What of settings and environment is a secret to be looked for, and what is not."""

from __future__ import annotations

import pytest

from eleanor_core.settings import Settings
from eleanor_core.settings.secrecy import (
    looks_random,
    secrets_in_environment,
    secrets_in_settings,
)

VALUE = "x7Kq93mZpT4vW"


def test_values_under_a_secret_name_and_logins_in_urls_are_found() -> None:
    settings = Settings.model_validate(
        {
            "critics": {
                "judge": {
                    "settings": {
                        "api_key": VALUE + "1",
                        "inner": {"passwords": [VALUE + "2", VALUE + "3"]},
                        "url": f"https://me:{VALUE}%2F4@host/",
                        "token_file": "/run/secrets/" + VALUE,
                        "model": VALUE,
                        "max_tokens": 12345678,
                    }
                }
            },
            "secrets": {"vault": {"settings": {"token": "vault:kv/app#key"}}},
            "security": {"secret_provider": "vault"},
        }
    )
    found = set(secrets_in_settings(settings).values())
    assert found == {*(VALUE + end for end in ("1", "2", "3", "%2F4", "/4"))}


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("OPENAI_API_KEY", VALUE, 1),
        ("PGPASSWORD", VALUE, 1),
        ("DATABASE_URL", f"postgresql://app:{VALUE}@db/app", 1),
        ("ELEANOR_SECRETS__VAULT__SETTINGS__TOKEN", VALUE, 1),
        ("ELEANOR_SECRETS__VAULT__SETTINGS__ADDRESS", "https://vault:8200", 0),
        ("SSH_AUTH_SOCK", "/tmp/ssh-a1b2c3d4/agent.77", 0),
        ("GIT_AUTHOR_NAME", "Somebody Or Other 1", 0),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "run/secrets/token1234", 0),
        ("HOME", VALUE, 0),
    ],
)
def test_of_the_environment_a_name_says_what_is_secret(name: str, value: str, count: int) -> None:
    assert list(secrets_in_environment({name: value}).values()) == [VALUE] * count


def test_a_bad_value_that_looks_like_a_key_is_not_repeated() -> None:
    assert looks_random("sk_live_" + VALUE)
    assert not any(map(looks_random, ("a plain word", "a-long-word-of-letters", "/a/path/of/1", 7)))
