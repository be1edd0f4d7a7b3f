"""User delegation for real: a managed identity, the emulator over https, a key fetched, a grant used.

The identity endpoint is a small local one, as App Service offers it; the credential is azure-identity's own. The
emulator checks issuer, audience and times of the token, but neither its signature nor any role.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient

from broker import names
from broker.config import SERVICE_VERSION
from broker.errors import StorageUnavailable
from broker.ids import new_id
from broker.names import IntakeBlob, Rendition
from broker.sas.grants import DelegationKey, Grant
from broker.sas.keys import AzureFetch, DelegationKeys
from broker.sas.signer import Signer
from tests.azurite import Azurite

OBJECT_ID = "11111111-1111-1111-1111-111111111111"
TENANT_ID = "22222222-2222-2222-2222-222222222222"


class IdentityEndpoint:
    """Answers token requests of a managed identity as App Service does; ``asked`` holds the resources asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.secret = "header-secret"
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                resource = query.get("resource", [""])[0]
                endpoint.asked.append(resource)
                known = self.headers.get("X-IDENTITY-HEADER") == endpoint.secret and "api-version" in query
                body = endpoint.token(resource) if known else b'{"error": "unauthorized"}'
                self.send_response(200 if known else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing: tokens do not belong in test output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/msi/token"

    def token(self, resource: str) -> bytes:
        now = int(time.time())
        claims = {
            "aud": "https://storage.azure.com",
            "iss": f"https://sts.windows.net/{TENANT_ID}/",
            "iat": now,
            "nbf": now - 60,
            "exp": now + 3600,
            "oid": OBJECT_ID,
            "tid": TENANT_ID,
        }
        parts = [_part({"alg": "RS256", "typ": "JWT"}), _part(claims), _base64url(b"unchecked")]
        answer = {"access_token": ".".join(parts), "expires_on": str(now + 3600), "token_type": "Bearer"}
        return json.dumps({**answer, "resource": resource}).encode()

    def __enter__(self) -> IdentityEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def _part(claims: Mapping[str, object]) -> str:
    return _base64url(json.dumps(claims).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def secure() -> Iterator[Azurite]:
    with Azurite(oauth=True) as running:
        with BlobServiceClient.from_connection_string(
            running.connection_string, api_version=SERVICE_VERSION, connection_verify=str(running.ca_file)
        ) as service:
            service.create_container("intake")
            service.create_container("vault")
        yield running


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityEndpoint]:
    with IdentityEndpoint() as endpoint:
        # These two are how a managed identity is announced to a process; azure-identity reads nothing else.
        monkeypatch.setenv("IDENTITY_ENDPOINT", endpoint.url)
        monkeypatch.setenv("IDENTITY_HEADER", endpoint.secret)
        yield endpoint


@pytest.fixture
def keys(secure: Azurite, identity: IdentityEndpoint) -> Iterator[DelegationKeys]:
    with ManagedIdentityCredential() as credential:
        fetch = AzureFetch(secure.account, secure.url, credential, connection_verify=str(secure.ca_file))
        yield DelegationKeys(fetch)


@pytest.fixture
def signer(secure: Azurite, keys: DelegationKeys) -> Signer:
    return Signer(keys=keys, base_url=secure.url, rendition_cache=True, create_blocks=lambda _: False)


@pytest.fixture
def browser(secure: Azurite) -> Iterator[urllib3.PoolManager]:
    context = ssl.create_default_context(cafile=str(secure.ca_file))
    with urllib3.PoolManager(ssl_context=context, retries=False, timeout=20) as pool:
        yield pool


def use(browser: urllib3.PoolManager, grant: Grant, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
    return browser.request(grant.method, grant.url, body=body, headers=dict(grant.headers))


def test_a_managed_identity_signs_grants_that_the_store_honours(
    secure: Azurite, signer: Signer, browser: urllib3.PoolManager, identity: IdentityEndpoint
) -> None:
    now = datetime.now(UTC)
    upload = new_id(now)
    grant = signer.create(IntakeBlob(upload), now)
    assert use(browser, grant, b"picture").status == 201
    assert use(browser, grant, b"another").status == 403
    thumbnail = names.rendition(upload, Rendition.THUMBNAIL, "image/webp")
    with BlobServiceClient.from_connection_string(
        secure.connection_string, api_version=SERVICE_VERSION, connection_verify=str(secure.ca_file)
    ) as service:
        service.get_blob_client("vault", thumbnail.name).upload_blob(b"small picture")
        assert service.get_blob_client("intake", IntakeBlob(upload).name).download_blob().readall() == b"picture"
    read = use(browser, signer.rendition(thumbnail, "OD_color_fundus_1.webp", "image/webp", now))
    assert (read.status, read.data, read.headers["Content-Type"]) == (200, b"small picture", "image/webp")
    assert set(identity.asked) == {"https://storage.azure.com"}


def test_the_fetched_key_describes_the_identity_and_the_window(keys: DelegationKeys) -> None:
    now = datetime.now(UTC)
    key = keys.key_for(now)
    window = now.replace(hour=now.hour // 12 * 12, minute=0, second=0, microsecond=0)
    assert isinstance(key, DelegationKey)
    assert (key.object_id, key.tenant_id, key.service, key.version) == (OBJECT_ID, TENANT_ID, "b", SERVICE_VERSION)
    assert key.start == f"{window - timedelta(minutes=15):%Y-%m-%dT%H:%M:%SZ}"
    assert key.expiry == f"{window + timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}"


def test_two_processes_make_the_same_link_for_the_same_picture(
    secure: Azurite, signer: Signer, identity: IdentityEndpoint
) -> None:
    now = datetime.now(UTC)
    thumbnail = names.rendition(new_id(now), Rendition.THUMBNAIL, "image/webp")
    with ManagedIdentityCredential() as credential:
        fetch = AzureFetch(secure.account, secure.url, credential, connection_verify=str(secure.ca_file))
        other = Signer(
            keys=DelegationKeys(fetch), base_url=secure.url, rendition_cache=True, create_blocks=lambda _: False
        )
        links = {one.rendition(thumbnail, "OD_oct_1.webp", "image/webp", now).url for one in (signer, other)}
    assert len(links) == 1


def test_the_next_windows_key_can_be_fetched_ahead(keys: DelegationKeys) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=12)
    assert keys.key_for(ahead).start > keys.key_for(datetime.now(UTC)).start


def test_https_is_demanded_by_the_grant_itself(signer: Signer) -> None:
    assert "&spr=https&" in signer.create(IntakeBlob(new_id(datetime.now(UTC))), datetime.now(UTC)).url


def test_an_identity_that_is_refused_is_storage_unavailable(
    keys: DelegationKeys, identity: IdentityEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    identity.secret = "changed"
    with pytest.raises(StorageUnavailable) as caught:
        keys.key_for(datetime.now(UTC))
    assert "header-secret" not in f"{caught.value}{caplog.text}"
