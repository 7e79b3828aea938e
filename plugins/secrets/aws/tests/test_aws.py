"""What of the provider `aws` needs no server: its settings, and a service that is not there."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from eleanor_secrets_aws.plugin import AwsSettings
from pydantic import ValidationError

from eleanor_core import load_settings, open_secrets
from eleanor_core.api import SecretRef, SecretUnavailable


@pytest.mark.parametrize("url", ["http://vpce.example.org", "ftp://127.0.0.1", "vpce.example.org"])
def test_an_unencrypted_address_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="https://"):
        AwsSettings(endpoint_url=url)


def test_addresses_that_may_stand() -> None:
    for url in (None, "https://vpce.example.org", "http://127.0.0.1:5000", "http://[::1]:5000"):
        assert AwsSettings(endpoint_url=url).endpoint_url == url


@pytest.mark.anyio
async def test_a_service_that_cannot_be_reached_is_told_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "an example, not a secret")
    own = {"region": "us-west-2", "endpoint_url": "http://127.0.0.1:9", "timeout": 2}
    settings = load_settings(
        {"home": str(tmp_path), "plugins.exact": ["secrets/aws"], "security.aws": own}, env={}
    ).settings
    async with open_secrets(settings) as secrets:
        with pytest.raises(SecretUnavailable, match=r"secret aws:app#key: .*cannot be reached"):
            await secrets.resolver.resolve(SecretRef.parse("aws:app#key"))
        assert not secrets.resolver.health()["aws"].ok
    assert not logging.getLogger("botocore.parsers").isEnabledFor(logging.DEBUG)


def test_the_module_imports_light() -> None:
    said = "import sys, eleanor_secrets_aws.plugin; print({'boto3', 'botocore'} & {*sys.modules})"
    ran = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
