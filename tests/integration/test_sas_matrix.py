"""What each grant may do, asked of the real emulator: every operation under every grant, with its exact answer.

The emulator differs from Azure in two of these answers: an overwrite under CREATE is AuthorizationPermissionMismatch
here (Azure: UnauthorizedBlobOverwrite), a bad or expired signature AuthorizationFailure (Azure: AuthenticationFailed).
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import pytest
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings

from broker import names
from broker.config import SERVICE_VERSION
from broker.ids import new_id
from broker.names import IntakeBlob, Rendition
from broker.sas import probe
from broker.sas.grants import (
    AccountKey,
    DelegationKey,
    Grant,
    Key,
    mint_blocks,
    mint_create,
    mint_original,
    mint_rendition,
)
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer
from tests.azurite import Azurite
from tests.unit.sas.reference import emulator_delegation_value

BODY = b"0123456789"
BLOCK = quote(base64.b64encode(b"\0\0\0\0" + b"d" * 32).decode(), safe="")
BLOCK_LIST = f"<BlockList><Latest>{unquote(BLOCK)}</Latest></BlockList>".encode()


@dataclass(frozen=True)
class Answer:
    status: int
    code: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def send(method: str, url: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """One raw request: no client that might add, encode or retry anything."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers or {}))
        response = connection.getresponse()
        read = response.read()
        return Answer(
            response.status, response.headers.get("x-ms-error-code", ""), dict(response.headers.items()), read
        )
    finally:
        connection.close()


class Bench:
    """An emulator with both containers, and the four grants, each for a blob of its own."""

    def __init__(self, azurite: Azurite, key: Key, now: datetime) -> None:
        self.azurite, self.key, self.now = azurite, key, now
        self.upload = new_id(now)
        self.service = BlobServiceClient.from_connection_string(azurite.connection_string, api_version=SERVICE_VERSION)
        self.thumbnail = names.rendition(self.upload, Rendition.THUMBNAIL, "image/webp")

    def close(self) -> None:
        self.service.close()

    def prepare(self, *, present: bool = True) -> None:
        """Put something under every name: vault blobs with a hostile type, the intake blob only if ``present``."""
        hostile = ContentSettings(content_type="text/html", content_disposition="inline")
        for name in (names.original(self.upload).name, self.thumbnail.name):
            self.service.get_blob_client("vault", name).upload_blob(BODY, overwrite=True, content_settings=hostile)
        if present:
            self.intake.upload_blob(BODY)

    @property
    def intake(self) -> BlobClient:
        return self.service.get_blob_client("intake", IntakeBlob(self.upload).name)

    def grant(self, kind: str, now: datetime | None = None) -> Grant:
        now, base, blob = now or self.now, self.azurite.url, IntakeBlob(self.upload)
        if kind == "create":
            return mint_create(self.key, base, blob, now=now)
        if kind == "write":
            return mint_blocks(self.key, base, blob, now=now, create_is_enough=False)
        if kind == "original":
            return mint_original(self.key, base, names.original(self.upload), filename="OD_oct_1.dcm", now=now)
        name = "OD_oct_1.webp"
        return mint_rendition(
            self.key, base, self.thumbnail, filename=name, media_type="image/webp", now=now, cache=kind == "rendition"
        )


@pytest.fixture(params=["account key", "delegation key"])
def key(request: pytest.FixtureRequest, azurite: Azurite) -> Key:
    if request.param == "account key":
        return AccountKey(azurite.account, base64.b64decode(azurite.key))
    now = datetime.now(UTC)
    start, expiry = (f"{now + delta:%Y-%m-%dT%H:%M:%SZ}" for delta in (-timedelta(hours=9), timedelta(hours=24)))
    value = emulator_delegation_value("oid", "tid", start, expiry, SERVICE_VERSION)
    return DelegationKey(azurite.account, "oid", "tid", start, expiry, "b", SERVICE_VERSION, value)


@pytest.fixture
def bench(azurite: Azurite, key: Key) -> Iterator[Bench]:
    bench = Bench(azurite, key, datetime.now(UTC))
    try:
        have = {container.name for container in bench.service.list_containers()}
        for container in {"intake", "vault"} - have:
            bench.service.create_container(container)
        yield bench
    finally:
        bench.close()


#: Operation -> method, what follows the grant's URL, headers, body.
BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}
OPERATIONS: dict[str, tuple[str, str, dict[str, str], bytes]] = {
    "put blob": ("PUT", "", BLOCK_BLOB, BODY),
    "put blob if none": ("PUT", "", BLOCK_BLOB | {"If-None-Match": "*"}, BODY),
    "put page blob": ("PUT", "", {"x-ms-blob-type": "PageBlob", "x-ms-blob-content-length": "512"}, b""),
    "put append blob": ("PUT", "", {"x-ms-blob-type": "AppendBlob"}, b""),
    "put block": ("PUT", f"&comp=block&blockid={BLOCK}", {}, BODY),
    "put block list": ("PUT", "&comp=blocklist", {}, BLOCK_LIST),
    "get block list": ("GET", "&comp=blocklist&blocklisttype=all", {}, b""),
    "get": ("GET", "", {}, b""),
    "get range": ("GET", "", {"Range": "bytes=2-4"}, b""),
    "head": ("HEAD", "", {}, b""),
    "get metadata": ("GET", "&comp=metadata", {}, b""),
    "set metadata": ("PUT", "&comp=metadata", {"x-ms-meta-a": "b"}, b""),
    "set headers": ("PUT", "&comp=properties", {"x-ms-blob-content-type": "text/html"}, b""),
    "set tier": ("PUT", "&comp=tier", {"x-ms-access-tier": "Cool"}, b""),
    "get tags": ("GET", "&comp=tags", {}, b""),
    "set tags": ("PUT", "&comp=tags", {}, b"<Tags><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tags>"),
    "snapshot": ("PUT", "&comp=snapshot", {}, b""),
    "lease": ("PUT", "&comp=lease", {"x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1"}, b""),
    "delete": ("DELETE", "", {}, b""),
}
KINDS = ["create", "write", "original", "rendition"]
NO = (403, "AuthorizationPermissionMismatch")
_READS = dict.fromkeys(["get", "head", "get metadata", "get block list"], (200, "")) | {"get range": (206, "")}
#: What a grant may do to the blob it names, when that blob exists. Whatever is not listed is refused with ``NO``.
ALLOWED: dict[str, dict[str, tuple[int, str]]] = {
    # A snapshot adds a copy and changes nothing; deleting a blob takes its snapshots along.
    "create": {"snapshot": (201, "")},
    "write": {
        "put blob": (201, ""),
        "put blob if none": (409, "BlobAlreadyExists"),
        "put page blob": (201, ""),
        "put append blob": (201, ""),
        "put block": (201, ""),
        "put block list": (400, "InvalidBlockList"),
        "set metadata": (200, ""),
        "set headers": (200, ""),
        "set tier": (200, ""),
        "snapshot": (201, ""),
        "lease": (201, ""),
    },
    "original": _READS,
    "rendition": _READS,
}
_CREATIONS = ["put blob", "put blob if none", "put page blob", "put append blob"]
#: The same where the name is still free: a write-once grant is for this.
ALLOWED_WHEN_FREE: dict[str, dict[str, tuple[int, str]]] = {
    "create": dict.fromkeys(_CREATIONS, (201, "")),
    "write": dict.fromkeys([*_CREATIONS, "put block"], (201, "")),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_operation_on_the_granted_blob_gets_its_exact_answer(bench: Bench, operation: str, kind: str) -> None:
    bench.prepare()
    answer = perform(operation, bench.grant(kind).url)
    assert (answer.status, answer.code) == ALLOWED[kind].get(operation, NO)


@pytest.mark.parametrize("kind", ["create", "write"])
@pytest.mark.parametrize("operation", [*_CREATIONS, "put block"])
def test_each_creation_under_a_free_name_gets_its_exact_answer(bench: Bench, operation: str, kind: str) -> None:
    answer = perform(operation, bench.grant(kind).url)
    assert (answer.status, answer.code) == ALLOWED_WHEN_FREE[kind].get(operation, NO)


def use(grant: Grant, url: str = "") -> Answer:
    """What the grant is for: read, or put a whole blob; at ``url`` if that is another than its own."""
    return perform("get" if grant.method == "GET" else "put blob", url or grant.url)


def perform(operation: str, url: str) -> Answer:
    method, tail, headers, body = OPERATIONS[operation]
    return send(method, url + tail, body=body, headers=headers)


def test_second_put_with_the_same_grant_is_refused_and_the_first_bytes_stay(bench: Bench) -> None:
    grant = bench.grant("create")
    assert send(grant.method, grant.url, body=b"first", headers=grant.headers).status == 201
    second = send(grant.method, grant.url, body=b"second", headers=grant.headers)
    assert (second.status, second.code) == NO
    assert bench.intake.download_blob().readall() == b"first"


def test_of_eight_puts_at_once_with_one_grant_exactly_one_creates_the_blob(bench: Bench) -> None:
    grant = bench.grant("create")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send("PUT", grant.url, body=bytes([n]), headers=grant.headers), range(8)))
    assert [answer.status for answer in answers].count(201) == 1
    assert {(answer.status, answer.code) for answer in answers} <= {(201, ""), NO, (409, "BlobAlreadyExists")}


def test_puts_at_once_without_the_grants_condition_leave_one_of_them_whole_and_the_name_closed(bench: Bench) -> None:
    # The emulator looks whether the name is free before it reads the body, so PUTs that overlap can all succeed
    # under CREATE: only If-None-Match settles that. What counts holds: no mixture, and no PUT once it is over.
    grant = bench.grant("create")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: send("PUT", grant.url, body=bytes([n]) * 1000, headers=BLOCK_BLOB), range(8)))
    winners = [number for number, answer in enumerate(answers) if answer.status == 201]
    assert winners
    assert {(answer.status, answer.code) for answer in answers} <= {(201, ""), NO}
    stored = bench.intake.download_blob().readall()
    assert stored in [bytes([number]) * 1000 for number in winners]
    late = send("PUT", grant.url, body=b"late", headers=BLOCK_BLOB)
    assert (late.status, late.code) == NO
    assert bench.intake.download_blob().readall() == stored


def test_the_headers_of_a_create_grant_are_needed_and_enough(bench: Bench) -> None:
    grant = bench.grant("create")
    assert send("PUT", grant.url, body=BODY).status == 400
    assert send("PUT", grant.url, body=BODY, headers=grant.headers).status == 201


def test_blocks_sent_under_a_write_grant_wait_for_the_broker_to_commit(bench: Bench) -> None:
    assert perform("put block", bench.grant("write").url).status == 201
    assert not bench.intake.exists()
    committed, uncommitted = bench.intake.get_block_list("all")
    assert (len(committed), [block.size for block in uncommitted]) == (0, [len(BODY)])


@pytest.mark.parametrize("kind", ["original", "rendition", "uncached"])
def test_a_read_grant_forces_type_disposition_and_caching_whatever_is_stored(bench: Bench, kind: str) -> None:
    bench.prepare()
    answer = send("GET", bench.grant(kind).url)
    assert (answer.status, answer.body) == (200, BODY)
    answered = {name.lower(): value for name, value in answer.headers.items()}
    whole = kind == "original"
    assert answered["content-type"] == ("application/octet-stream" if whole else "image/webp")
    assert answered["content-disposition"] == (
        'attachment; filename="OD_oct_1.dcm"' if whole else 'inline; filename="OD_oct_1.webp"'
    )
    cached = "private, max-age=3600, immutable" if kind == "rendition" else "private, no-store"
    assert answered["cache-control"] == cached


@pytest.mark.parametrize("kind", KINDS)
def test_a_grant_opens_no_other_blob_and_no_other_container(bench: Bench, kind: str) -> None:
    bench.prepare()
    grant, neighbour = bench.grant(kind), new_id(bench.now)
    other_blob = grant.url.replace(bench.upload, neighbour)
    here, there = ("/vault/", "/intake/") if grant.method == "GET" else ("/intake/", "/vault/")
    other_container = grant.url.replace(here, there)
    below, sibling = grant.url.replace("?", "/x?"), grant.url.replace("?", "x?")
    for url in (other_blob, other_container, below, sibling):
        assert url != grant.url
        answer = use(grant, url)
        assert (answer.status, answer.code) == (403, "AuthorizationFailure")


@pytest.mark.parametrize("kind", KINDS)
def test_no_grant_lists_or_touches_a_container_or_the_account(bench: Bench, kind: str) -> None:
    bench.prepare()
    token, base = bench.grant(kind).url.split("?", 1)[1], bench.azurite.url
    for method, url in [
        ("GET", f"{base}/intake?restype=container&comp=list&{token}"),
        ("GET", f"{base}/vault?restype=container&comp=list&{token}"),
        ("DELETE", f"{base}/intake?restype=container&{token}"),
        ("GET", f"{base}/?comp=list&{token}"),
        ("GET", f"{base}/?restype=service&comp=properties&{token}"),
    ]:
        assert send(method, url).status == 403, (method, url.split("?")[0])


@pytest.mark.parametrize("kind", KINDS)
def test_an_expired_grant_is_refused(bench: Bench, kind: str) -> None:
    bench.prepare(present=kind != "create")
    grant = bench.grant(kind, bench.now - timedelta(hours=3))
    assert grant.expires_at < datetime.now(UTC)
    answer = use(grant)
    assert (answer.status, answer.code) == (403, "AuthorizationFailure")


#: Field -> what a holder of the link might want there.
TAMPERED = {
    "sp": "racwdxytmei",
    "se": "2099-01-01T00:00:00Z",
    "sv": "2026-04-06",
    "sr": "c",
    "sig": base64.b64encode(b"x" * 32).decode(),
    "rscc": "public",
    "rscd": "inline",
    "rsct": "text/html",
    "skoid": "someone-else",
    "sktid": "elsewhere",
    "skt": "2020-01-01T00:00:00Z",
    "ske": "2099-01-01T00:00:00Z",
    "skv": "2020-12-06",
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_grants_that_are_tampered_with_below_are_good_untouched(bench: Bench, kind: str) -> None:
    bench.prepare(present=kind != "create")
    assert use(bench.grant(kind)).status == (200 if kind in ("original", "rendition") else 201)


@pytest.mark.parametrize("name", TAMPERED)
@pytest.mark.parametrize("kind", KINDS)
def test_a_tampered_field_is_refused(bench: Bench, kind: str, name: str) -> None:
    bench.prepare(present=kind != "create")
    grant = bench.grant(kind)
    base, _, token = grant.url.partition("?")
    fields = dict(parse_qsl(token, strict_parsing=True))
    # A field the grant does not have is slipped in; one it has is also taken out.
    changes = [{**fields, name: TAMPERED[name]}]
    if name in fields:
        changes.append({field: value for field, value in fields.items() if field != name})
    for changed in changes:
        answer = use(grant, f"{base}?{urlencode(changed)}")
        assert answer.status == 403, (sorted(changed), answer.code)


def test_a_grant_of_another_key_is_refused(bench: Bench) -> None:
    bench.key = replace(bench.key, value=b"another" * 8)
    grant = bench.grant("create")
    answer = send("PUT", grant.url, body=BODY, headers=grant.headers)
    assert (answer.status, answer.code) == (403, "AuthorizationFailure")


def test_a_name_is_free_again_once_its_blob_is_deleted_so_names_are_never_used_twice(bench: Bench) -> None:
    # No store offers a grant for one use only: this is why the worker reaps what reappears.
    grant = bench.grant("create")
    assert send("PUT", grant.url, body=BODY, headers=grant.headers).status == 201
    bench.intake.delete_blob()
    assert send("PUT", grant.url, body=BODY, headers=grant.headers).status == 201


def test_the_emulator_knows_the_version_we_sign_with_and_not_the_sdks_newest(bench: Bench) -> None:
    bench.prepare()
    url = bench.grant("original").url
    assert send("GET", url, headers={"x-ms-version": SERVICE_VERSION}).status == 200
    assert send("GET", url, headers={"x-ms-version": "2026-10-06"}).status == 400


def test_create_is_not_enough_for_blocks_on_the_emulator(bench: Bench) -> None:
    def measured() -> bool:
        return probe.create_blocks(bench.azurite.url)(signer)

    signer = Signer(
        keys=FixedKey(bench.key), base_url=bench.azurite.url, rendition_cache=True, create_blocks=lambda _: measured()
    )
    assert measured() is False
    assert "sp=w" in signer.blocks(IntakeBlob(bench.upload), bench.now).url
