"""What the Azure store makes of answers the emulator never gives, without a socket."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import requests
import responses
import urllib3

from broker.config import SERVICE_VERSION, Config
from broker.errors import StorageUnavailable
from broker.ids import made_at, new_id
from broker.names import IntakeBlob, manifest
from broker.storage.azure import AzureStore
from broker.storage.containers import BlobExists, BlobGone, BlobUnreadable

MIB = 1 << 20
KEY = "c2VjcmV0LWFjY291bnQta2V5LW9mLXRoaXMtdGVzdA=="
ACCOUNT = "https://myclinic.blob.core.windows.net"
ANYTHING = re.compile(re.escape(ACCOUNT) + ".*")
UPLOAD = IntakeBlob(new_id(datetime(2026, 11, 1, 12, 0, tzinfo=UTC)))
MANIFEST = manifest(UPLOAD.upload)
HEADERS = {"ETag": '"0x1"', "Last-Modified": "Sun, 01 Nov 2026 12:00:00 GMT"}

ACTS: dict[str, Callable[[AzureStore], object]] = {
    "ready": lambda store: store.ready(),
    "server_time": lambda store: store.server_time(),
    "head": lambda store: store.intake.head(UPLOAD),
    "blocks": lambda store: store.intake.blocks(UPLOAD),
    "commit": lambda store: store.intake.commit(UPLOAD, ["AAAA"]),
    "read": lambda store: list(store.intake.read(UPLOAD, '"0x1"')),
    "delete": lambda store: store.intake.delete(UPLOAD, None),
    "list": lambda store: list(store.intake.list(uncommitted=True)),
    "put": lambda store: store.vault.put(MANIFEST, b"{}", "application/json"),
    "put large": lambda store: store.vault.put(MANIFEST, bytes(2 * MIB), "application/json"),
    "get": lambda store: store.vault.get(MANIFEST, 10),
    "ensure": lambda store: store.ensure(["https://images.myclinic.example"]),
}


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def store(http: responses.RequestsMock) -> Iterator[AzureStore]:
    text = f"DefaultEndpointsProtocol=https;AccountName=myclinic;AccountKey={KEY};EndpointSuffix=core.windows.net"
    config = Config.from_env({"AZURE_STORAGE_CONNECTION_STRING": text, "PUBLIC_URL": "http://localhost:8080"})
    store = AzureStore(config)
    yield store
    store.close()


def refuse(http: responses.RequestsMock, status: int, code: str, *methods: str) -> None:
    """Let every call, or every call by these methods, be refused."""
    text = f"<Error><Code>{code}</Code><Message>sig=SECRET in {ACCOUNT}/a?sig=SECRET</Message></Error>"
    headers = {"x-ms-error-code": code, "x-ms-request-id": "11-22"} if code else {}
    for method in methods or ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        body = "" if method == "HEAD" else text
        http.add(method, ANYTHING, body=body, status=status, headers=headers, content_type="application/xml")


# temporary troubles


@pytest.mark.parametrize(
    ("act", "status", "code"),
    [
        # These are not repeated, so they cost no waiting and can be tried with every act.
        *((act, 429, "TooManyRequests") for act in ACTS),
        *((act, 404, "ContainerNotFound") for act in ACTS if act != "ensure"),
        ("commit", 503, "ServerBusy"),
        ("put large", 500, "OperationTimedOut"),
        ("ensure", 409, "ContainerBeingDeleted"),
    ],
)
def test_an_answer_that_may_pass_is_storage_unavailable(
    store: AzureStore, http: responses.RequestsMock, act: str, status: int, code: str
) -> None:
    refuse(http, status, code)
    with pytest.raises(StorageUnavailable, match=f"{status} {code}, request 11-22") as raised:
        ACTS[act](store)
    assert_clean(raised.value)


@pytest.mark.parametrize("act", [act for act in ACTS if act != "ensure"])
def test_a_refused_credential_is_storage_unavailable(store: AzureStore, http: responses.RequestsMock, act: str) -> None:
    refuse(http, 403, "AuthenticationFailed")
    with pytest.raises(StorageUnavailable, match="403 AuthenticationFailed") as raised:
        ACTS[act](store)
    assert_clean(raised.value)


@pytest.mark.parametrize("act", ["ready", "commit"])
@pytest.mark.parametrize(
    "error",
    [
        requests.ConnectTimeout(f"{ACCOUNT}/a?sig=SECRET timed out"),
        requests.ReadTimeout(f"{ACCOUNT}/a?sig=SECRET timed out"),
        requests.ConnectionError(f"Max retries exceeded with url: {ACCOUNT}/a?comp=block&sig=SECRET"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_answer_is_storage_unavailable(
    store: AzureStore, http: responses.RequestsMock, act: str, error: Exception
) -> None:
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        http.add(method, ANYTHING, body=error)
    with pytest.raises(StorageUnavailable) as raised:
        ACTS[act](store)
    assert_clean(raised.value)


def test_a_body_that_breaks_off_is_storage_unavailable(store: AzureStore, http: responses.RequestsMock) -> None:
    http.add("GET", ANYTHING, body=urllib3.exceptions.SSLError(f"{ACCOUNT}?sig=SECRET"))
    with pytest.raises(StorageUnavailable) as raised:
        store.vault.get(MANIFEST, 10)
    assert_clean(raised.value)


def test_a_short_trouble_is_survived(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 503, "ServerBusy", "HEAD")
    http.add("HEAD", ANYTHING, headers={**HEADERS, "Content-Length": "5", "x-ms-blob-type": "BlockBlob"})
    arrived = store.intake.head(UPLOAD)
    assert arrived is not None
    assert (arrived.size, arrived.etag, arrived.block_blob) == (5, '"0x1"', True)


def test_readiness_asks_only_once(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 503, "ServerBusy")
    with pytest.raises(StorageUnavailable):
        store.ready()
    assert len(http.calls) == 1


# answers that decide about a file


def test_only_the_stores_own_word_means_gone(store: AzureStore, http: responses.RequestsMock) -> None:
    http.add("HEAD", ANYTHING, status=404)
    with pytest.raises(StorageUnavailable, match="404 without a code"):
        store.intake.head(UPLOAD)
    http.replace("HEAD", ANYTHING, status=404, headers={"x-ms-error-code": "BlobNotFound"})
    assert store.intake.head(UPLOAD) is None


def test_a_blob_encrypted_with_its_senders_key_is_unreadable(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 409, "BlobUsesCustomerSpecifiedEncryption")
    with pytest.raises(BlobUnreadable):
        list(store.intake.read(UPLOAD, '"0x1"'))
    with pytest.raises(BlobUnreadable):
        store.intake.head(UPLOAD)


def test_a_failed_condition_where_nothing_is_means_gone(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 412, "ConditionNotMet", "GET", "DELETE")
    refuse(http, 404, "BlobNotFound", "HEAD")
    with pytest.raises(BlobGone):
        list(store.intake.read(UPLOAD, '"0x1"'))
    assert not store.intake.delete(UPLOAD, '"0x1"')


@pytest.mark.parametrize("code", ["BlobAlreadyExists", "UnauthorizedBlobOverwrite", "LeaseIdMissing"])
def test_a_commit_over_a_blob_is_told_that_it_exists(
    store: AzureStore, http: responses.RequestsMock, code: str
) -> None:
    refuse(http, 409, code, "PUT")
    with pytest.raises(BlobExists):
        store.intake.commit(UPLOAD, ["AAAA"])


def test_staged_blocks_alone_give_way_to_an_empty_blob_that_is_deleted(
    store: AzureStore, http: responses.RequestsMock
) -> None:
    # Azure answers 404 to a delete of such a name; the emulator deletes it.
    refuse(http, 404, "BlobNotFound", "DELETE")
    blocks = "<UncommittedBlocks><Block><Name>AAAA</Name><Size>3</Size></Block></UncommittedBlocks>"
    body = f"<BlockList><CommittedBlocks/>{blocks}</BlockList>"
    http.add("GET", ANYTHING, body=body, content_type="application/xml")
    http.add("PUT", ANYTHING, status=201, headers=HEADERS)
    http.add("DELETE", ANYTHING, status=202)
    assert store.intake.delete(UPLOAD, None)
    assert [call.request.method for call in http.calls] == ["DELETE", "GET", "PUT", "DELETE"]
    commit = http.calls[2].request
    assert commit.headers["If-None-Match"] == "*"
    assert "<Latest>" not in (commit.body.decode() if isinstance(commit.body, bytes) else str(commit.body))


def test_deleting_a_known_content_leaves_staged_blocks_alone(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 404, "BlobNotFound", "DELETE")
    assert not store.intake.delete(UPLOAD, '"0x1"')
    assert len(http.calls) == 1


@pytest.mark.parametrize(
    "code", ["UnauthorizedBlobOverwrite", "AuthorizationPermissionMismatch", "BlobImmutableDueToPolicy"]
)
def test_a_put_refused_over_an_existing_name_is_false(
    store: AzureStore, http: responses.RequestsMock, code: str
) -> None:
    refuse(http, 403, code, "PUT")
    http.add("HEAD", ANYTHING, headers={**HEADERS, "Content-Length": "5", "x-ms-blob-type": "BlockBlob"})
    assert store.vault.put(MANIFEST, b"{}", "application/json") is False


def test_a_put_refused_over_nothing_is_no_success(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 403, "AuthorizationPermissionMismatch", "PUT")
    refuse(http, 404, "BlobNotFound", "HEAD")
    with pytest.raises(StorageUnavailable, match="AuthorizationPermissionMismatch"):
        store.vault.put(MANIFEST, b"{}", "application/json")


def test_a_listed_name_without_etag_holds_only_staged_blocks(store: AzureStore, http: responses.RequestsMock) -> None:
    # Azure leaves ETag and Last-Modified out of such an entry ("List Blobs", uncommitted blobs in the response).
    http.add("GET", ANYTHING, content_type="application/xml", body=LISTING)
    staged, whole = store.intake.list(uncommitted=True)
    assert (staged.name, staged.size, staged.etag, staged.committed) == (UPLOAD.name, 0, "", False)
    assert staged.modified == made_at(UPLOAD.upload)
    assert (whole.name, whole.size, whole.etag, whole.committed) == ("00/foreign", 7, '"0x8D"', True)
    assert len(http.calls) == 1


LISTING = f"""<?xml version="1.0" encoding="utf-8"?>
<EnumerationResults ServiceEndpoint="{ACCOUNT}/" ContainerName="intake"><Blobs>
<Blob><Name>{UPLOAD.name}</Name><Properties><Content-Length>0</Content-Length><BlobType>BlockBlob</BlobType>
</Properties></Blob>
<Blob><Name>00/foreign</Name><Properties><Last-Modified>Sun, 01 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x8D</Etag>
<Content-Length>7</Content-Length><BlobType>BlockBlob</BlobType></Properties></Blob>
</Blobs><NextMarker/></EnumerationResults>"""


# the client


def test_every_call_names_the_pinned_version(store: AzureStore, http: responses.RequestsMock) -> None:
    refuse(http, 404, "BlobNotFound")
    store.intake.head(UPLOAD)
    store.intake.blocks(UPLOAD)
    assert {call.request.headers["x-ms-version"] for call in http.calls} == {SERVICE_VERSION}


def test_the_key_is_in_no_representation(store: AzureStore) -> None:
    assert KEY not in repr(store) + repr(vars(store)) + repr(store.intake) + str(store.vault)


def test_a_forked_process_builds_its_own_client(store: AzureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    client = store._client
    before = client.service
    assert client.service is before
    monkeypatch.setattr("os.getpid", lambda: 4_000_000)
    after = client.service
    assert after is not before
    assert client.service is after
    before.close()


def assert_clean(error: BaseException) -> None:
    """Neither the text nor a printed traceback may carry a secret or an address with a query."""
    shown = str(error) + repr(error) + "".join(traceback.format_exception(error, limit=0))
    for secret in ("sig=", "SECRET", KEY, "?", "://"):
        assert secret not in shown
