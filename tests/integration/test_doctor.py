"""The doctor as people run it, on a real deployment: nothing to do, then something, then each with its exit code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from broker import names
from broker.catalog import leases
from broker.config import SERVICE_VERSION, Config
from broker.names import INTAKE, VAULT
from broker.ops import rights, stages
from broker.storage.azure import AzureStore
from tests import catalogs
from tests.azurite import Azurite
from tests.lanes import Rig
from tests.stack import ROOT, run_command


class Place:
    """An emulator that was set up, a catalog, and a stored file."""

    def __init__(self, folder: Path, emulator: Azurite, service: BlobServiceClient) -> None:
        self.service = service
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
            "PUBLIC_URL": "http://localhost:8080",
            "DATA_DIR": str(folder / "data"),
        }
        self.config = Config.from_env(self.environ)
        self.store = AzureStore(self.config)
        catalog = catalogs.fresh(self.config.data_dir)
        self.rig = Rig(folder / "rig", catalog=catalog, intake=self.store.intake, vault=self.store.vault)
        self.rig.arrive = lambda blob, data: service.get_blob_client(INTAKE, blob.name).upload_blob(data)
        self.rig.clock.now = datetime.now(UTC)

    def run(self, command: str) -> tuple[int, str]:
        """Run one command; its exit code and what it printed."""
        done = run_command(command, self.environ)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with (
        Azurite() as emulator,
        BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION) as service,
    ):
        made = Place(tmp_path, emulator, service)
        yield made
        made.rig.catalog.close()
        made.store.close()


def test_from_an_empty_account_to_nothing_left_to_do(place: Place) -> None:
    code, text = place.run("doctor")
    assert code == 1
    assert "Storage    PROBLEM" in text
    assert place.run("setup")[0] == 0
    upload = place.rig.send(b"a picture")
    place.rig.run()
    place.rig.publisher.publish()
    with place.rig.catalog.write() as tx:
        leases.mark(tx, "worker", place.rig.catalog.now(tx))
        leases.mark(tx, "vault_indexed", place.rig.catalog.now(tx))
    code, text = place.run("doctor --scrub 5")
    assert "PROBLEM" not in text, text
    assert code == 0
    for part in ("both containers answer", "CORS       right", "emulator has none", "decoders run with", "1 of 1"):
        assert part in text
    original = place.service.get_blob_client(VAULT, names.original(upload.id).name)
    original.upload_blob(b"a pictuRe", overwrite=True)
    code, text = place.run("doctor --scrub 5")
    assert code == 1
    assert f"{names.original(upload.id).name} does not have the bytes" in text
    original.delete_blob()
    code, text = place.run("doctor")
    assert code == 1
    assert f"{names.original(upload.id).name} is missing" in text


def test_erasing_on_a_real_store(place: Place) -> None:
    assert place.run("setup")[0] == 0
    upload = place.rig.send(b"a picture")
    place.rig.run()
    place.rig.publisher.publish()
    scan = place.rig.manifest(upload).scans[0].id
    assert place.run(f"erase --scan {scan} --reason because --yes")[0] == 0
    left = {listed.name for listed in place.store.vault.list("")}
    assert left == {names.tombstone(upload.id).name, names.patient(place.rig.patient.id, 1).name}
    code, text = place.run(f"erase --patient {place.rig.patient.id} --reason because --yes")
    assert code == 0, text
    assert "untouched" in text
    assert place.run("rebuild --check")[0] == 0


def test_a_container_that_anybody_may_list_is_found(place: Place) -> None:
    assert place.run("setup")[0] == 0
    assert list(stages.strangers(place.config)) == []
    place.service.get_container_client(VAULT).set_container_access_policy({}, public_access="container")
    (finding,) = stages.strangers(place.config)
    assert not finding.good
    assert "list the container vault" in finding.text
    assert "--allow-blob-public-access false" in finding.remedy


def test_trying_rights_changes_nothing(place: Place) -> None:
    assert place.run("setup")[0] == 0
    has = rights.held(place.store.tried, datetime.now(UTC))
    assert has >= rights.BOTH.rights - {rights.KEY} | {"write in vault", "delete in vault"}
    assert not list(place.store.vault.list(""))
    assert not list(place.store.intake.list(uncommitted=True))
