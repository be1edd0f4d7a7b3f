"""The worker on real bytes: the real emulator, the real sandbox, from the arrival of a file to its scan and back."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from PIL import Image

from broker import names
from broker.blocks import MIB, block_id, plan_for
from broker.catalog import Catalog, scans, unsettled
from broker.catalog.unsettled import Settlement
from broker.config import SERVICE_VERSION, Config
from broker.ingest.sandbox import Sandbox
from broker.ingest.worker import Worker
from broker.names import INTAKE, VAULT, IntakeBlob, Rendition
from broker.ops import rebuild as rebuilding
from broker.ops.rebuild import ensure_indexed, index
from broker.storage.azure import AzureStore
from broker.words import Eye, Rejection, Settled, State
from tests import catalogs, hostile
from tests.azurite import Azurite
from tests.lanes import KEEP, ZONE, Rig, dump
from tests.waiting import until

RETINA = (Path(__file__).parents[2] / "assets" / "samples" / "retina.jpg").read_bytes()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Azurite]:
    """One of our own: the invariants look at the whole vault."""
    with Azurite() as running:
        yield running


@pytest.fixture
def service(emulator: Azurite) -> Iterator[BlobServiceClient]:
    """The SDK's client with the account key, over two empty containers."""
    with BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION) as client:
        present = {container.name for container in client.list_containers()}
        for name in (INTAKE, VAULT):
            container = client.get_container_client(name)
            if name not in present:
                container.create_container()
            for blob in container.list_blobs():
                container.delete_blob(blob.name)
        yield client


@pytest.fixture
def store(emulator: Azurite, service: BlobServiceClient) -> Iterator[AzureStore]:
    settings = {
        "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
        "PUBLIC_URL": "http://localhost:8080",
    }
    made = AzureStore(Config.from_env(settings))
    yield made
    made.close()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def rig(tmp_path: Path, store: AzureStore, service: BlobServiceClient, sandbox: Sandbox) -> Iterator[Rig]:
    def arrive(blob: IntakeBlob, data: bytes) -> None:
        service.get_blob_client(INTAKE, blob.name).upload_blob(data, overwrite=True)

    made = Rig(tmp_path, intake=store.intake, vault=store.vault, decoder=sandbox, arrive=arrive)
    made.clock.now = datetime.now(UTC)
    yield made
    made.catalog.close()


def test_a_fundus_photo_becomes_a_scan(rig: Rig) -> None:
    upload = rig.send(RETINA, filename="retina.JPG", eye=Eye.OS, captured_at="2026-11-20T10:15")
    rig.run()
    with rig.catalog.read() as tx:
        ((scan, patient),) = scans.page(tx, scans.Filter(), after=None, limit=10)
    assert patient == rig.patient
    assert (scan.eye, scan.visit_day, scan.captured_source) == (Eye.OS, "2026-11-20", "declared")
    assert (scan.facts["format"], scan.facts["ending"]) == ("jpeg", "jpg")
    assert (scan.facts["width"], scan.facts["height"]) == (1411, 1411)
    assert scan.facts["sha256"] == hashlib.sha256(RETINA).hexdigest()
    assert scan.placeholder.startswith("data:image/webp;base64,")
    for what, longest in ((Rendition.THUMBNAIL, 384), (Rendition.DISPLAY, 1600)):
        facts = scan.facts["renditions"][what]
        data = rig.vault.get(names.rendition(scan.id, what, facts["media_type"]), 10 * MIB)
        with Image.open(io.BytesIO(data)) as image:
            assert (image.width, image.height) == (facts["width"], facts["height"])
            assert max(image.size) <= longest
    assert rig.row(upload).state is State.STORED
    rig.check()


BAD: list[tuple[str, bytes, bytes | None, str, Rejection]] = [
    ("shorter than declared", RETINA, RETINA[:-1], "a.jpg", Rejection.SIZE),
    ("longer than declared", RETINA, RETINA + b"x", "a.jpg", Rejection.SIZE),
    ("another file of the same length", RETINA, RETINA[:-1] + b"\0", "a.jpg", Rejection.DIGEST),
    ("empty", RETINA, b"", "a.jpg", Rejection.EMPTY),
    ("a text named .jpg", b"Dear colleague, " * 99, None, "a.jpg", Rejection.TYPE),
    ("a JPEG cut short", RETINA[: len(RETINA) // 2], None, "a.jpg", Rejection.TRUNCATED),
    (
        "a PNG of 60,000 x 60,000",
        hostile.png(width=60_000, height=60_000, data=bytes(100)),
        None,
        "a.png",
        Rejection.PIXELS,
    ),
    ("a PNG named .jpg", hostile.png(width=8, height=8), None, "a.jpg", Rejection.MISMATCH),
]


@pytest.mark.parametrize(
    ("declared", "arrives", "filename", "reason"), [row[1:] for row in BAD], ids=[r[0] for r in BAD]
)
def test_what_must_not_be_stored_is_rejected_with_a_plain_reason(
    rig: Rig, declared: bytes, arrives: bytes | None, filename: str, reason: Rejection
) -> None:
    bad = rig.send(declared, arrives=arrives, filename=filename)
    rig.run()
    row = rig.row(bad)
    assert (row.state, row.reason) == (State.REJECTED, reason)
    assert Rejection(row.reason or "").sentence.endswith(".")
    assert not [listed.name for listed in rig.vault.list("") if not listed.name.startswith("patients/")]
    good = rig.send(RETINA)
    rig.run()
    assert rig.row(good).state is State.STORED, "the worker is alive"
    rig.check()


def test_a_large_file_in_blocks_is_stored_without_preview(rig: Rig, service: BlobServiceClient) -> None:
    data = hostile.sample("topcon_fda") + bytes(40 * MIB)
    plan = plan_for(len(data))
    assert plan is not None
    upload = rig.declare(data, filename="volume.fda", block_size=plan.size)
    client = service.get_blob_client(INTAKE, IntakeBlob(upload.id).name)._client.block_blob
    ids = []
    for number in range(plan.count):
        piece = data[number * plan.size : number * plan.size + plan.length(number)]
        ids.append(block_id(number, hashlib.sha256(piece).digest()))
        client.stage_block(block_id=ids[-1], content_length=len(piece), body=piece)
    rig.intake.commit(IntakeBlob(upload.id), ids)
    rig.receive(upload)
    rig.run()
    assert rig.row(upload).state is State.STORED
    assert rig.manifest(upload).scans[0].no_preview
    rig.check()


def test_rebuilding_an_empty_catalog_gives_an_equal_one(rig: Rig, tmp_path: Path) -> None:
    for name, data in (("a.jpg", RETINA), ("b.png", hostile.png()), ("c.dcm", hostile.dicom())):
        rig.send(data, filename=name)
    rig.send(b"no picture", filename="d.jpg")
    rig.run()
    empty = catalogs.fresh(tmp_path / "empty")
    ensure_indexed(empty, rig.vault, lambda line: None)
    assert dump(empty) == dump(rig.catalog)
    assert len(dump(empty)["scans"]) == 3
    again = index(empty, rig.vault, lambda line: None)
    assert (again.different, again.faults) == (0, [])
    empty.close()


def test_the_command_rebuilds_compares_and_says_what_does_not_count(
    rig: Rig, tmp_path: Path, emulator: Azurite, service: BlobServiceClient
) -> None:
    first, second = rig.send(RETINA), rig.send(hostile.jpeg())
    rig.run()
    environ = {
        "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
        "PUBLIC_URL": "http://localhost:8080",
        "DATA_DIR": str(tmp_path / "data"),
    }
    config = Config.from_env(environ)
    lines: list[str] = []
    assert rebuilding.rebuild(config, lines.append) == 0
    expected = "Done: 1 patient versions, 2 uploads, 2 scans, 0 records, 0 erased, 3 new or different, 0 faults"
    assert lines[-1].startswith(expected)
    assert rebuilding.rebuild(config, lines.append, check_only=True) == 0
    blob = names.rendition(rig.manifest(first).scans[0].id, Rendition.THUMBNAIL, "image/webp")
    service.get_blob_client(VAULT, blob.name).delete_blob()
    assert rebuilding.rebuild(config, lines.append) == 1
    assert lines[-2].startswith(f"Does not count: {names.manifest(first.id).name}: missing")
    assert "1 uploads" in lines[-1]
    assert rig.row(second).state is State.STORED
    catalog = Catalog(config.database_url)
    assert dump(catalog) == dump(rig.catalog), "what was known stays known"
    catalog.close()


def test_the_whole_worker_stores_a_silent_upload_and_a_spoken_one(rig: Rig) -> None:
    silent = rig.declare(RETINA)
    rig.arrive(IntakeBlob(silent.id), RETINA)
    spoken = rig.send(hostile.jpeg())
    rig.spool.close()
    worker = Worker(
        catalog=rig.catalog,
        intake=rig.intake,
        vault=rig.vault,
        work_dir=rig.folder / "work",
        zone=ZONE,
        keep=KEEP,
        clock=lambda: datetime.now(UTC),
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        until(lambda: {rig.row(silent).state, rig.row(spoken).state} == {State.STORED}, 20.0)
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    rig.check()


def test_the_same_worker_on_a_real_postgresql(
    request: pytest.FixtureRequest, tmp_path: Path, store: AzureStore, sandbox: Sandbox, service: BlobServiceClient
) -> None:
    catalog = Catalog(request.getfixturevalue("postgres_url"))

    def arrive(blob: IntakeBlob, data: bytes) -> None:
        service.get_blob_client(INTAKE, blob.name).upload_blob(data)

    rig = Rig(tmp_path, catalog=catalog, intake=store.intake, vault=store.vault, decoder=sandbox, arrive=arrive)
    sent = [rig.send(RETINA), rig.send(hostile.png(), filename="b.png"), rig.send(b"text")]
    rig.run()
    assert [rig.row(upload).state for upload in sent] == [State.STORED, State.STORED, State.REJECTED]
    rig.check()
    catalog.close()


def test_no_sweep_deletes_what_arrived_of_a_file_that_was_not_stored_before_somebody_has_settled_it(
    rig: Rig, service: BlobServiceClient
) -> None:
    def there() -> set[str]:
        return {blob.name.rpartition("/")[2] for blob in service.get_container_client(INTAKE).list_blobs()}

    bad = rig.send(b"Dear colleague", filename="a.jpg")
    rig.run()
    short = rig.declare(RETINA)
    rig.arrive(IntakeBlob(short.id), RETINA[:-1])
    long = rig.declare(RETINA)
    rig.arrive(IntakeBlob(long.id), RETINA + b"x")
    late = rig.declare(RETINA, digest=None)
    rig.arrive(IntakeBlob(late.id), RETINA)
    rig.clock.now += timedelta(days=400)
    for _ in range(2):
        rig.sweeper.sweep()
    assert [rig.row(one).state for one in (bad, short, long)] == [State.REJECTED] * 3
    assert rig.row(late).state is State.EXPIRED
    assert there() == {bad.id, short.id, long.id, late.id}
    with rig.catalog.write() as tx:
        for one in (bad, late, long):
            given_up = Settlement(how=Settled.GIVEN_UP, at=rig.clock(), name="Tess", reason="Blurred.")
            assert unsettled.settle(tx, one.id, given_up)
    rig.sweeper.sweep()
    assert there() == {bad.id, short.id, late.id}
    rig.clock.now += KEEP.rejected
    rig.sweeper.sweep()
    assert there() == {short.id}
    # The same file, sent again and stored, settles the one that came short.
    whole = rig.send(RETINA, filename="retina.jpg")
    rig.run()
    assert rig.row(short).settled_twin == whole.id
    rig.clock.now += KEEP.rejected
    rig.sweeper.sweep()
    assert there() == set()
