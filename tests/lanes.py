"""A worker's lane over stand-ins, and the invariants that must hold after whatever was done to it.

rig = Rig(tmp_path)
upload = rig.send(b"bytes")
rig.run()
rig.check()
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from broker import names
from broker.blocks import blocks_digest, plan_for
from broker.catalog import Catalog, audit, tables, uploads
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.catalog.uploads import Batch, Upload
from broker.ids import new_id
from broker.ingest import crashpoint
from broker.ingest import manifest as manifests
from broker.ingest.claim import Claims
from broker.ingest.crashpoint import Effect
from broker.ingest.fate import Keep
from broker.ingest.lane import Lane
from broker.ingest.promote import Promoter
from broker.ingest.publish import Publisher
from broker.ingest.rows import scan_rows
from broker.ingest.spool import Spool
from broker.ingest.sweep import Sweeper
from broker.ingest.verdict import RenditionFile, ScanFacts, Verdict
from broker.ingest.verify import Decoder, Verifier
from broker.names import IntakeBlob, Rendition
from broker.patients import Patients
from broker.storage.containers import Intake, Vault
from broker.words import Eye, Kind, Rejection, State
from tests import catalogs, people
from tests.fakes import FakeStore

ZONE = ZoneInfo("Europe/Berlin")
KEEP = Keep(pending=timedelta(days=6), rejected=timedelta(days=7))
JPEG = Verdict("jpeg", "image/jpeg", None, scans=(ScanFacts(width=40, height=30, frames=1, placeholder="data:x"),))


class FakeDecoder:
    """Says of every file what it was told to; each scan gets two renditions, made of the file's own bytes."""

    def __init__(self, verdict: Verdict = JPEG) -> None:
        self.verdict = verdict
        self.seen: list[bytes] = []
        #: Called with each file's bytes; a test fails or waits here.
        self.on_examine: Callable[[bytes], None] = lambda data: None

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def examine(self, spool: Path, out: Path, *, filename: str) -> Verdict:
        """Give the verdict, with renditions as files in ``out``."""
        data = spool.read_bytes()
        assert spool.stat().st_mode & 0o777 == 0o600
        self.seen.append(data)
        self.on_examine(data)
        scans = tuple(
            replace(scan, renditions=tuple(self._made(data, out, index)) if scan.width else ())
            for index, scan in enumerate(self.verdict.scans)
        )
        return replace(self.verdict, scans=scans)

    @staticmethod
    def _made(data: bytes, out: Path, index: int) -> Iterator[RenditionFile]:
        for what, media_type in ((Rendition.THUMBNAIL, "image/webp"), (Rendition.DISPLAY, "image/jpeg")):
            path = out / f"{index}-{what}"
            path.write_bytes(what.encode() + data[:20])
            yield RenditionFile(what, path, media_type, 4, 3, path.stat().st_size)


class Died(BaseException):
    """The process is gone: nothing may catch this."""


@contextmanager
def hook(act: Callable[[Effect, str], None]) -> Iterator[None]:
    """Have ``act`` called at every crash point while the block lasts."""
    crashpoint.install(act)
    try:
        yield
    finally:
        crashpoint.install(None)


@contextmanager
def fault_at(point: tuple[Effect, str], fault: BaseException) -> Iterator[list[int]]:
    """Raise ``fault`` the first time ``point`` is reached; gives a list that then holds something."""
    hits: list[int] = []

    def act(what: Effect, moment: str) -> None:
        if (what, moment) == point and not hits:
            hits.append(1)
            raise fault

    with hook(act):
        yield hits


@dataclass
class Clock:
    """A clock that goes only when it is told to, save one microsecond a reading."""

    now: datetime = field(default=people.NOW)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)
        return self.now


class Rig:
    """Catalog, store and decoder with everything a lane is made of; a stand-in where none is given."""

    def __init__(
        self,
        folder: Path,
        *,
        catalog: Catalog | None = None,
        intake: Intake | None = None,
        vault: Vault | None = None,
        decoder: Decoder | None = None,
        arrive: Callable[[IntakeBlob, bytes], object] | None = None,
    ) -> None:
        self.folder = folder
        self.clock = Clock()
        self.catalog = catalog or catalogs.fresh(folder / "catalog")
        self.store = FakeStore(self.clock)
        self.intake: Intake = intake or self.store.intake
        self.vault: Vault = vault or self.store.vault
        self.arrive = arrive or self.store.arrive
        self.fake = FakeDecoder()
        self.decoder = decoder or self.fake
        self.patients = Patients(catalog=self.catalog, issuer="clinic", new_id=new_id)
        self.patient: Patient = people.patient(self.patients)
        self.spool = Spool(folder / "work")
        self.claims = Claims(self.catalog)
        self.publisher = Publisher(catalog=self.catalog, vault=self.vault)
        self.sweeper = Sweeper(catalog=self.catalog, intake=self.intake, vault=self.vault, keep=KEEP, clock=self.clock)
        self.lane = self.new_lane(self.decoder)

    def new_lane(self, decoder: Decoder) -> Lane:
        """Make another lane of the same worker."""
        promoter = Promoter(
            catalog=self.catalog, vault=self.vault, publisher=self.publisher, zone=ZONE, clock=self.clock
        )
        return Lane(
            catalog=self.catalog,
            claims=self.claims,
            intake=self.intake,
            spool=self.spool,
            verifier=Verifier(intake=self.intake, vault=self.vault, decoder=decoder),
            promoter=promoter,
            clock=self.clock,
            wait=lambda seconds: None,
        )

    def declare(self, data: bytes, **changes: Any) -> Upload:
        """Add a pending upload that announces ``data``; nothing arrives yet."""
        now = self.clock()
        values: dict[str, Any] = {
            "id": new_id(now),
            "batch_id": new_id(now),
            "position": 0,
            "ref": "1",
            "account_id": new_id(now),
            "account_name": "Tess Technician",
            "patient_id": self.patient.id,
            "filename": "eye.JPG",
            "size": len(data),
            "block_size": 0,
            "media_type": "image/jpeg",
            "eye": Eye.OD,
            "kind": Kind.COLOR_FUNDUS,
            "captured_at": None,
            "digest": digest_of(data),
            "note": "",
            "urgent": False,
            "state": State.PENDING,
            "reason": None,
            "detail": None,
            "created_at": now,
            "keep_until": now + KEEP.pending,
            "received_at": None,
            "ended_at": None,
            "fence": 0,
            "attempts": 0,
        }
        row = Upload(**values | changes)
        batch = Batch(row.batch_id, row.account_id, row.patient_id, "0" * 64, row.note, row.urgent, now)
        with self.catalog.write() as tx:
            uploads.add(tx, batch, [row])
        return row

    def receive(self, upload: Upload) -> None:
        """Say that its bytes are there."""
        with self.catalog.write() as tx:
            assert uploads.receive(tx, upload.id, digest=upload.digest or "", now=self.clock())

    def send(self, data: bytes, *, arrives: bytes | None = None, **changes: Any) -> Upload:
        """Declare ``data``, let it arrive (or ``arrives`` in its place), and complete it."""
        upload = self.declare(data, **changes)
        self.arrive(IntakeBlob(upload.id), data if arrives is None else arrives)
        self.receive(upload)
        return upload

    def run(self) -> None:
        """Work until nothing waits, leases and pauses being over each time."""
        for _ in range(20):
            self.forget_leases()
            if not self.lane.step():
                return
        raise AssertionError("the same uploads come back again and again")

    def forget_leases(self) -> None:
        """Let all leases and pauses be over."""
        with self.catalog.write() as tx:
            past = datetime(2020, 1, 1, tzinfo=UTC)
            table = tables.uploads
            tx.execute(table.update().where(table.c.lease_until.is_not(None)).values(lease_until=past))
            # Of a pending upload the same column says when its client was last heard of; of a claimed one, since when.
            given_back = table.c.state == State.RECEIVED
            tx.execute(table.update().where(given_back).values(not_before=past))
            tx.execute(tables.leases.update().values(until=past))

    def row(self, upload: Upload) -> Upload:
        """The upload as it stands now."""
        with self.catalog.read() as tx:
            return uploads.find(tx, [upload.id])[upload.id]

    def acts(self, upload: Upload) -> list[str]:
        """The acts that the audit names about it, oldest first."""
        with self.catalog.read() as tx:
            rows = audit.newest(tx, before=None, limit=10_000)
        return [row.act for row in reversed(rows) if upload.id in row.subjects]

    def manifest(self, upload: Upload) -> manifests.Manifest:
        """Its manifest, read from the vault."""
        return manifests.read(self.vault.get(names.manifest(upload.id), manifests.LIMIT))

    def check(self) -> None:
        """Every invariant that must hold when nothing is under way."""
        rows = self.rows(tables.uploads)
        # What records add (and what only indexes are for) is not the manifest's.
        scans = [{name: row[name] for name in Scan.__dataclass_fields__} for row in self.rows(tables.scans)]
        stored = [row for row in rows if row["state"] == State.STORED]
        expected = set[str]()
        wanted: list[dict[str, Any]] = []
        for row in stored:
            manifest = manifests.read(self.vault.get(names.manifest(row["id"]), manifests.LIMIT))
            expected.add(names.manifest(row["id"]).name)
            expected |= {blob.name for blob in manifests.blobs(manifest)}
            for blob, size in manifests.blobs(manifest).items():
                arrived = self.vault.head(blob)
                assert arrived is not None, blob.name
                assert arrived.size == size, blob.name
            original = b"".join(self.vault.read(names.original(row["id"])))
            assert digest_of(original) == row["digest"] == manifest.digests.declared
            assert hashlib.sha256(original).hexdigest() == manifest.digests.sha256
            wanted += [plain(scan) for scan in scan_rows(manifest)]
            assert self.intake.head(IntakeBlob(row["id"])) is None, "stored, and still in the intake"
        assert sorted(scans, key=by_id) == sorted(wanted, key=by_id)
        there = {listed.name for listed in self.vault.list("uploads/")} | {
            listed.name for listed in self.vault.list("scans/")
        }
        there = {name for name in there if not name.endswith("/tombstone.json")}
        assert there == expected, "the vault holds what no stored upload names"
        ended = {row["id"]: f"upload.{row['state']}" for row in rows if row["ended_at"] is not None}
        acts = Counter((row["act"], subject) for row in self.rows(tables.audit) for subject in row["subjects"])
        for upload, act in ended.items():
            assert acts[act, upload] == 1, f"{act} stands {acts[act, upload]} times in the audit"
        assert not list((self.folder / "work").glob("worker-*/*")), "the spool is not empty"

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """All rows of a table."""
        with self.catalog.read() as tx:
            return [dict(row._mapping) for row in tx.execute(sa.select(table))]


def dump(catalog: Catalog) -> dict[str, list[dict[str, Any]]]:
    """Everything that a rebuild must bring back, in an order of its own."""
    unkept = {"keep_until", "not_before", "lease_until", "fence", "attempts"}
    found, stored = {}, set[str]()
    with catalog.read() as tx:
        known = (tables.patients, tables.patient_versions, tables.uploads, tables.batches, tables.scans, tables.moves)
        for table in known:
            rows = [dict(row._mapping) for row in tx.execute(sa.select(table))]
            if table is tables.batches:
                # Of a batch of which nothing was stored the vault knows nothing.
                rows = [row for row in rows if row["id"] in stored]
            if table is tables.uploads:
                rows = [row for row in rows if row["state"] == State.STORED]
                stored = {row["batch_id"] for row in rows}
            kept = [{key: value for key, value in row.items() if key not in unkept} for row in rows]
            found[table.name] = sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return found


def digest_of(data: bytes) -> str:
    """The digest that a browser would declare."""
    plan = plan_for(len(data))
    if plan is None:
        return people.sha256(data)
    pieces = (data[start : start + plan.size] for start in range(0, len(data), plan.size))
    return blocks_digest(plan, (hashlib.sha256(piece).digest() for piece in pieces))


def plain(row: Any) -> dict[str, Any]:
    """A row's dataclass as the table gives it."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def by_id(row: dict[str, Any]) -> str:
    """For sorting."""
    return str(row["id"])


def rejected(reason: Rejection) -> Verdict:
    """A verdict that refuses the file."""
    return Verdict(None, None, reason, detail="for a test")


def furnished(folder: Path) -> Rig:
    """A vault with patients in several versions, stored and rejected uploads, and one still on its way."""
    made = Rig(folder)
    other = people.patient(made.patients, mrn="77", name="Bob Beispiel")
    made.patients.change(people.actor(), other.id, {"name": "Robert Beispiel", "mrn": "78"}, now=people.NOW)
    for number in range(5):
        made.send(f"picture {number}".encode(), note="größer", urgent=number == 1, captured_at="2026-11-20T10:00")
    made.send(b"other", patient_id=other.id, eye=Eye.UNKNOWN, captured_at=None)
    made.run()
    made.fake.verdict = replace(JPEG, scans=JPEG.scans * 2)
    made.send(b"volumes")
    made.run()
    made.fake.verdict = Verdict("dicom", "application/dicom", None, no_preview="There is no preview.")
    made.send(b"dicom", filename="1.2.3")
    made.send(b"bad", arrives=b"dab")
    made.run()
    made.declare(b"pending")
    made.publisher.publish()
    made.check()
    return made
