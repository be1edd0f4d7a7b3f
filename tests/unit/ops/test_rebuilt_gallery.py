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
from broker.words import Attention, CaptureSource, Eye, Kind, Review, Role
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
    assert {code for scan in before for code in scan["attention"]} == {"eye", "patient", "stored_elsewhere", "moved"}
    assert after == before


def correct_and_review(rig: Rig) -> None:
    """Let clinicians speak about the scans: everything that they can say, and two records of one person merged."""
    doctor, kept = people.actor(Role.PHYSICIAN), Records(catalog=rig.catalog, zone=ZoneInfo("Europe/Berlin"))
    with rig.catalog.read() as tx:
        shown = [scan for scan, _ in scans.page(tx, scans.Filter(), after=None, limit=10)]
    ids = [new_id(rig.clock.now) for _ in range(16)]
    now, act = rig.clock.now, iter(ids)
    # The last one keeps its question.
    first, second, third, fourth = (scan.id for scan in sorted(shown, key=lambda scan: Attention.EYE in scan.attention))
    whose = {scan.id: scan.patient_id for scan in shown}
    elsewhere = people.patient(rig.patients, mrn="0078", name="Cleo Beispiel").id
    kept.correct(doctor, next(act), [first], changes={"eye": "OS"}, reason="Mixed up.", now=now)
    for scan in (second, third):
        kept.correct(doctor, next(act), [scan], changes={"patient": whose[scan]}, reason="Seen.", now=now)
    kept.review(doctor, next(act), {second: 1}, status=Review.REPEAT, note="Blurred.", now=now, unopened=True)
    kept.answer(doctor, next(act), second, possible=False, reason="She has left.", now=now)
    kept.retract(doctor, next(act), ids[4], now=now)
    kept.add(doctor, next(act), [second], note="Patient has left.", closes=True, now=now)
    kept.open(doctor, [(third, 1)], now=now)
    kept.review(doctor, next(act), {third: 1}, status=Review.REVIEWED, note="", now=now)
    kept.correct(doctor, next(act), [third], changes={"patient": elsewhere}, reason="Another's.", now=now)
    for restore in (False, True):
        kept.withdraw(doctor, next(act), [fourth], restore=restore, reason="Wrong file?", now=now)
    rig.patients.merge(doctor, next(act), absorbed=whose[fourth], into=elsewhere, reason="One person.", now=now)


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
