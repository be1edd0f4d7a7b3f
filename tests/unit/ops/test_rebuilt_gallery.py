"""Lose the catalog, rebuild it from the vault, and GET /scans answers as before in every field but the links."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from broker import create_app
from broker.catalog import Catalog, leases, scans
from broker.ids import new_id
from broker.ingest.verdict import ScanFacts
from broker.ops.rebuild import index
from broker.records import Records
from broker.words import CaptureSource, Eye, Kind, Review, Role
from tests import catalogs, people
from tests.lanes import JPEG, Rig
from tests.unit.conftest import Clock, make_config, make_parts


def test_every_field_of_the_gallery_comes_back(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig")
    other = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    rig.patients.change(people.actor(), other.id, {"name": "Robert Beispiel", "sex": "M"}, now=people.NOW)
    facts = ScanFacts(
        width=40,
        height=30,
        frames=3,
        eye=Eye.OS,
        kind=Kind.OCT,
        captured_at="2026-11-20T10:15:00",
        captured_source=CaptureSource.EXIF,
        device="Maker One",
        spacing_mm=(0.01, 0.02),
        patient_hint={"name": "Somebody^Else", "birth_date": "1930-01-02"},
        placeholder="data:x",
    )
    rig.fake.verdict = replace(JPEG, scans=(facts, *JPEG.scans))
    rig.send(b"volumes", note="größer – 眼", urgent=True, filename="Lösung.JPG")
    rig.send(b"volumes", patient_id=other.id, eye=Eye.UNKNOWN, kind=Kind.UNKNOWN, captured_at="2026-11-19T23:30")
    rig.run()
    rig.publisher.publish()
    correct_and_review(rig)
    rig.publisher.publish()
    before = gallery(tmp_path / "before", rig.catalog, rig)
    rebuilt = catalogs.fresh(tmp_path / "rebuilt")
    index(rebuilt, rig.vault, lambda line: None)
    after = gallery(tmp_path / "after", rebuilt, rig)
    assert len(before) == 4
    assert {code for scan in before for code in scan["attention"]} == {"eye", "patient", "stored_elsewhere"}
    assert after == before


def correct_and_review(rig: Rig) -> None:
    """Let clinicians speak about the scans: a correction, a review with an addendum, a withdrawal taken back."""
    doctor, kept = people.actor(Role.PHYSICIAN), Records(catalog=rig.catalog, zone=ZoneInfo("Europe/Berlin"))
    with rig.catalog.read() as tx:
        shown = [scan for scan, _ in scans.page(tx, scans.Filter(), after=None, limit=10)]
    ids = [new_id(rig.clock.now) for _ in range(5)]
    now = rig.clock.now
    kept.correct(doctor, ids[0], [shown[0].id], changes={"eye": "OS"}, reason="Mixed up.", now=now)
    kept.review(doctor, ids[1], {shown[1].id: 0}, status=Review.REPEAT, note="Blurred.", now=now, unopened=True)
    kept.add(doctor, ids[2], [shown[1].id], note="Patient has left.", closes=True, now=now)
    for place, restore in ((3, False), (4, True)):
        kept.withdraw(doctor, ids[place], [shown[2].id], restore=restore, reason="Wrong file?", now=now)


def gallery(folder: Path, catalog: Catalog, rig: Rig) -> list[dict[str, Any]]:
    """What ``GET /scans`` and ``GET /scans/<id>`` answer over ``catalog``, without links."""
    folder.mkdir()
    parts = make_parts(make_config(folder), Clock(rig.clock.now), rig.store)
    parts = replace(parts, catalog=catalog, gallery=replace(parts.gallery, catalog=catalog))
    parts = replace(parts, access=replace(parts.access, catalog=catalog))
    with catalog.write() as tx:
        leases.mark(tx, "vault_indexed", rig.clock.now)
    client = create_app(parts.config, parts).test_client()
    token = parts.access.create_token(
        people.actor(Role.ADMIN), name=new_id(rig.clock.now), role=Role.PHYSICIAN, now=rig.clock.now
    )[1]
    headers = {"Authorization": f"Bearer {token}"}
    listed: list[dict[str, Any]] = client.get("/api/v1/scans?limit=100", headers=headers).get_json()["scans"]
    alone = [client.get(f"/api/v1/scans/{scan['id']}", headers=headers).get_json() for scan in listed]
    for scan in (*listed, *alone):
        assert scan.pop("links")
    assert [{name: scan[name] for name in scan if name != "records"} for scan in alone] == listed
    return alone
