"""Two patients of whom one is to be erased."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from broker import names
from broker.catalog import tables
from broker.catalog.patients import Patient
from broker.catalog.uploads import Upload
from broker.ids import scan_id
from broker.ops import erase as erasing
from broker.ops.rebuild import index
from broker.words import Rejection
from tests import catalogs, people
from tests.lanes import JPEG, Rig, dump, rejected


class Case:
    """Two patients; one has a file of two volumes, another file and a rejected one; the outbox holds a new version."""

    def __init__(self, folder: Path) -> None:
        self.rig = rig = Rig(folder)
        self.lines: list[str] = []
        self.other: Patient = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
        rig.fake.verdict = replace(JPEG, scans=JPEG.scans * 2)
        self.volumes: Upload = rig.send(b"volumes")
        rig.run()
        rig.fake.verdict = JPEG
        self.single = rig.send(b"single")
        self.kept = rig.send(b"kept", patient_id=self.other.id)
        rig.run()
        rig.fake.verdict = rejected(Rejection.DECODE)
        self.bad = rig.send(b"bad")
        rig.run()
        rig.publisher.publish()
        rig.vault.put(names.record(scan_id(self.volumes.id, 0), 1), b"{}", "application/json")
        rig.patients.change(people.actor(), rig.patient.id, {"name": "Ada Newname"}, now=people.NOW)

    def scan(self, **changes: object) -> int:
        """Erase the file of two volumes by its second scan."""
        return self.run(scan=scan_id(self.volumes.id, 1), patient=None, **changes)

    def patient(self, **changes: object) -> int:
        """Erase the first patient."""
        return self.run(scan=None, patient=self.rig.patient.id, **changes)

    def run(self, **changes: object) -> int:
        values: dict[str, object] = {"reason": "asked for", "sure": True} | changes
        ask = values.pop("ask", self.unasked)
        return erasing.run(self.rig.catalog, self.rig.store, self.lines.append, ask, **values)  # type: ignore[arg-type]

    @staticmethod
    def unasked(question: str) -> str:
        raise AssertionError(question)

    def named(self, *uploads: Upload) -> set[str]:
        """What lies in vault and intake of these uploads, but tombstones."""
        ids = [upload.id for upload in uploads] + [scan_id(one.id, index) for one in uploads for index in range(2)]
        everything = {*self.rig.store.vault.blobs, *self.rig.store.intake.blobs}
        return {name for name in everything if any(one in name for one in ids) and "tombstone" not in name}

    def rebuilt(self, folder: Path) -> None:
        """A rebuild into an empty catalog gives what this one holds."""
        self.rig.publisher.publish()
        empty = catalogs.fresh(folder)
        assert index(empty, self.rig.vault, lambda line: None).faults == []
        assert dump(empty) == dump(self.rig.catalog)
        empty.close()

    def acts(self) -> list[str]:
        return [row["outcome"] for row in self.rig.rows(tables.audit) if row["act"] == "erase"]
