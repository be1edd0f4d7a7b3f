"""The real store, on the real emulator: the contract, memory, races, and setting an account up."""

from __future__ import annotations

import base64
import hashlib
import secrets
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import urllib3
from azure.storage.blob import BlobClient, BlobServiceClient, ContentSettings, CorsRule, StandardBlobTier

from broker.config import SERVICE_VERSION, Config
from broker.errors import StorageUnavailable
from broker.names import INTAKE, VAULT, IntakeBlob, manifest, original
from broker.storage.azure import AzureStore
from broker.storage.containers import SetupRefused
from tests.azurite import Azurite
from tests.contract_storage import MIB, Browser, StorageContract, Store, at_once, upload

T = TypeVar("T")
OURS = "https://images.myclinic.example"


class SdkBrowser:
    """Acts on the intake with the account key: what a grant allows, and more."""

    def __init__(self, service: BlobServiceClient) -> None:
        self.service = service

    def blob(self, blob: IntakeBlob) -> BlobClient:
        return self.service.get_blob_client(INTAKE, blob.name)

    def put(self, blob: IntakeBlob, data: bytes, *, encoding: str | None = None) -> str:
        settings = ContentSettings(content_type="text/html", content_encoding=encoding)
        return str(self.blob(blob).upload_blob(data, overwrite=True, content_settings=settings)["etag"])

    def stage(self, blob: IntakeBlob, block_id: str, data: bytes) -> None:
        client = self.blob(blob)
        client._client.block_blob.stage_block(block_id=block_id, content_length=len(data), body=data)

    def append(self, blob: IntakeBlob) -> None:
        self.blob(blob).create_append_blob()

    def archive(self, blob: IntakeBlob) -> None:
        self.blob(blob).set_standard_blob_tier(StandardBlobTier.ARCHIVE)

    def lease(self, blob: IntakeBlob) -> None:
        self.blob(blob).acquire_lease(-1)

    def snapshot(self, blob: IntakeBlob) -> None:
        self.blob(blob).create_snapshot()


def config(emulator: Azurite) -> Config:
    return Config.from_env(
        {"AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string, "PUBLIC_URL": "http://localhost:8080"}
    )


def sdk(emulator: Azurite) -> BlobServiceClient:
    return BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION)


@pytest.fixture(scope="module")
def real_store(azurite: Azurite) -> Iterator[AzureStore]:
    store = AzureStore(config(azurite))
    store.ensure([OURS])
    yield store
    store.close()


@pytest.fixture(scope="module")
def service(azurite: Azurite) -> Iterator[BlobServiceClient]:
    with sdk(azurite) as client:
        yield client


class TestAzureStore(StorageContract):
    @pytest.fixture
    def store(self, real_store: AzureStore) -> Store:
        return real_store

    @pytest.fixture
    def browser(self, service: BlobServiceClient) -> Browser:
        return SdkBrowser(service)


# what the vault's blobs look like, and large ones


@pytest.mark.parametrize("size", [10, 65 * MIB])
def test_a_vault_blob_has_the_given_type_and_no_metadata(
    real_store: AzureStore, service: BlobServiceClient, size: int
) -> None:
    blob = original(upload())
    assert real_store.vault.put(blob, bytes(size), "image/webp")
    found = service.get_blob_client(VAULT, blob.name).get_blob_properties()
    assert (found.size, found.content_settings.content_type, found.metadata) == (size, "image/webp", {})
    assert found.content_settings.content_encoding is None


def test_a_committed_upload_has_no_type_of_the_clients_choice(
    real_store: AzureStore, service: BlobServiceClient
) -> None:
    blob, name = IntakeBlob(upload()), base64.b64encode(secrets.token_bytes(36)).decode()
    SdkBrowser(service).stage(blob, name, b"<script>")
    real_store.intake.commit(blob, [name])
    found = service.get_blob_client(INTAKE, blob.name).get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"


def test_a_large_file_goes_in_and_out_with_little_memory(real_store: AzureStore, tmp_path: Path) -> None:
    spool, blob = tmp_path / "spool", original(upload())
    digest = hashlib.sha256()
    with spool.open("wb") as file:
        for _ in range(100):
            piece = secrets.token_bytes(MIB)
            digest.update(piece)
            file.write(piece)

    put, put_peak = measured(lambda: real_store.vault.put(blob, spool, "application/octet-stream"))
    read, read_peak = measured(lambda: hashed(real_store.vault.read(blob)))

    assert put is True
    assert read == (100 * MIB, digest.hexdigest())
    # Putting streams the file; a piece read is 4 MiB, for which the SDK sets aside 8 times as many addresses.
    assert put_peak < 8 * MIB
    assert read_peak < 48 * MIB


def test_two_workers_at_one_large_name_leave_one_whole_blob(real_store: AzureStore) -> None:
    blob = original(upload())
    contents = [bytes([number]) * (65 * MIB) for number in (1, 2)]
    outcomes = at_once(2, lambda number: real_store.vault.put(blob, contents[number], "application/octet-stream"))
    assert sorted(map(repr, outcomes)) == ["False", "True"]
    winner = contents[outcomes.index(True)]
    assert hashed(real_store.vault.read(blob)) == (len(winner), hashlib.sha256(winner).hexdigest())


def test_a_leased_vault_blob_counts_as_existing(real_store: AzureStore, service: BlobServiceClient) -> None:
    blob = manifest(upload())
    assert real_store.vault.put(blob, b"{}", "application/json")
    service.get_blob_client(VAULT, blob.name).acquire_lease(-1)
    assert not real_store.vault.put(blob, b"other", "application/json")


# setting an account up


@pytest.fixture(scope="module")
def bare() -> Iterator[Azurite]:
    """An emulator that nobody has set up."""
    with Azurite() as running:
        yield running


def test_an_account_without_containers_is_not_ready_and_says_which(bare: Azurite) -> None:
    store = AzureStore(config(bare))
    with pytest.raises(StorageUnavailable, match="ContainerNotFound"):
        store.ready()
    store.close()


def test_ensure_makes_private_containers_and_can_be_repeated(bare: Azurite) -> None:
    store = AzureStore(config(bare))
    for _ in range(2):
        store.ensure([OURS])
    store.ready()
    store.close()
    with sdk(bare) as service:
        assert {found.name for found in service.list_containers()} == {INTAKE, VAULT}
        for name in (INTAKE, VAULT):
            assert service.get_container_client(name).get_container_properties().public_access is None


def test_our_rule_stands_beside_others_and_replaces_only_our_old_one(bare: Azurite) -> None:
    foreign = CorsRule(["https://elsewhere.example"], ["GET"])
    old = CorsRule([OURS], ["GET"], allowed_headers=["x-ms-old"], max_age_in_seconds=1)
    with sdk(bare) as service:
        service.set_service_properties(cors=[foreign, old])
        store = AzureStore(config(bare))
        for _ in range(2):
            store.ensure([OURS])
        store.close()
        rules = {rule.allowed_origins: rule for rule in service.get_service_properties()["cors"]}
    assert set(rules) == {"https://elsewhere.example", OURS}
    assert rules["https://elsewhere.example"].allowed_methods == "GET"
    assert rules[OURS].max_age_in_seconds == 7200


def test_the_store_answers_a_preflight_of_our_pages_and_of_no_other(bare: Azurite) -> None:
    store = AzureStore(config(bare))
    store.ensure([OURS])
    store.close()
    assert preflight(bare, OURS) == (200, OURS)
    assert preflight(bare, "https://evil.example") == (403, None)


def test_a_sixth_rule_is_never_written(bare: Azurite) -> None:
    with sdk(bare) as service:
        before = service.get_service_properties()["cors"]
        service.set_service_properties(cors=[CorsRule([f"https://{n}.example"], ["GET"]) for n in range(5)])
        store = AzureStore(config(bare))
        with pytest.raises(SetupRefused, match="remove one"):
            store.ensure([OURS])
        store.close()
        assert len(service.get_service_properties()["cors"]) == 5
        service.set_service_properties(cors=before)


def test_a_public_container_is_refused(bare: Azurite) -> None:
    store = AzureStore(config(bare))
    store.ensure([OURS])
    with sdk(bare) as service:
        container = service.get_container_client(VAULT)
        container.set_container_access_policy({}, public_access="blob")
        with pytest.raises(SetupRefused, match="--public-access off"):
            store.ensure([OURS])
        container.set_container_access_policy({})
    store.ensure([OURS])
    store.close()


def preflight(emulator: Azurite, origin: str) -> tuple[int, str | None]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-ms-blob-type",
    }
    with urllib3.PoolManager() as pool:
        answer = pool.request("OPTIONS", f"{emulator.url}/{INTAKE}/00/x", headers=headers)
        return answer.status, answer.headers.get("Access-Control-Allow-Origin")


def hashed(pieces: Iterator[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return size, digest.hexdigest()


def measured(act: Callable[[], T]) -> tuple[T, int]:
    """Do it, and give the most bytes it held at once."""
    tracemalloc.start()
    try:
        return act(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
