"""Promotion can die at any line, be late, or be raced, and still ends with exactly one of everything."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broker import names
from broker.catalog import outbox, tables, uploads
from broker.ids import new_id, scan_id
from broker.ingest.claim import LEASE, TRUSTED_SECONDS, Claim, ClaimLost
from broker.ingest.crashpoint import Effect
from broker.ingest.verdict import Verdict
from broker.names import IntakeBlob, Rendition
from broker.records import Records
from broker.words import Role, State
from tests import people
from tests.lanes import JPEG, Died, FakeDecoder, Rig, fault_at, hook


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("change", ["overwritten", "lost"])
@pytest.mark.parametrize("what", [Effect.ORIGINAL, Effect.RENDITION, Effect.MANIFEST])
def test_once_the_original_is_in_the_vault_the_intake_does_not_matter_any_more(
    rig: Rig, what: Effect, change: str
) -> None:
    upload = rig.send(b"a picture")
    with fault_at((what, "after"), Died()), pytest.raises(Died):
        rig.lane.step()
    if change == "lost":
        rig.store.intake.blobs.clear()
    else:
        rig.store.arrive(IntakeBlob(upload.id), b"another one")
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.sweeper.sweep()
    rig.check()


def test_whoever_comes_second_to_the_manifest_adopts_the_first_one(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    other = rig.new_lane(FakeDecoder())
    raced: list[bool] = []

    def race(what: Effect, moment: str) -> None:
        # Just before our manifest, another worker takes the claim over and finishes.
        if (what, moment) == (Effect.MANIFEST, "before") and not raced:
            raced.append(True)
            rig.forget_leases()
            assert other.step()

    with hook(race):
        rig.lane.step()
    assert rig.row(upload).fence == 2
    assert rig.acts(upload) == ["upload.stored"]
    rig.check()


def test_a_stale_worker_cannot_finish(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    with rig.claims.next() as stale:
        assert stale is not None
        rig.forget_leases()
        with rig.new_lane(FakeDecoder()).claims.next() as fresh:
            assert fresh is not None
            assert (stale.upload.fence, fresh.upload.fence) == (1, 2)
            with rig.catalog.write() as tx:
                assert not uploads.end(tx, stale.upload, State.STORED, now=rig.clock())
                assert not uploads.renew_lease(rig.catalog, tx, stale.upload, lease=LEASE)
                assert not uploads.release(rig.catalog, tx, stale.upload, delay=timedelta(0))
            stale.renew(rig.catalog)
            with pytest.raises(ClaimLost):
                stale.check()
            fresh.renew(rig.catalog)
            fresh.check()
    rig.run()
    assert rig.row(upload).state is State.STORED


def test_a_worker_that_lost_its_claim_writes_nothing_more(rig: Rig) -> None:
    upload = rig.send(b"a picture")

    def lose(data: bytes) -> None:
        rig.forget_leases()
        with rig.catalog.write() as tx:
            taken = uploads.claim(rig.catalog, tx, lease=LEASE)
            assert taken is not None
        rig.claims.renew()

    rig.fake.on_examine = lose
    assert rig.lane.step()
    assert rig.store.vault.blobs.keys() == set()
    rig.fake.on_examine = lambda data: None
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.check()


def test_a_claim_that_could_not_be_renewed_for_long_counts_as_lost(rig: Rig) -> None:
    upload = rig.send(b"x")
    now = [100.0]
    claim = Claim(rig.row(upload), since=100.0, clock=lambda: now[0])
    now[0] += TRUSTED_SECONDS
    claim.check()
    now[0] += 1
    with pytest.raises(ClaimLost):
        claim.check()


def test_the_patient_lies_in_the_vault_before_a_manifest_names_it(rig: Rig) -> None:
    rig.send(b"x")
    order: list[str] = []
    rig.store.before = lambda act, name: order.append(name) if act == "put" else None
    rig.run()
    kinds = [name.split("/")[0] + ("/manifest" if name.endswith("manifest.json") else "") for name in order]
    assert kinds == ["uploads", "scans", "scans", "patients", "uploads/manifest"]
    with rig.catalog.read() as tx:
        assert outbox.count(tx) == 0


def test_an_original_of_other_bytes_stops_everything_and_decides_nothing(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    rig.vault.put(names.original(upload.id), b"something", "application/octet-stream")
    for _ in range(6):
        rig.forget_leases()
        rig.lane.step()
    row = rig.row(upload)
    assert (row.state, row.attempts) == (State.RECEIVED, 0)
    assert set(rig.store.vault.blobs) == {names.original(upload.id).name}


def test_a_manifest_that_cannot_be_read_stops_everything_and_decides_nothing(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    rig.vault.put(names.manifest(upload.id), b"{}", "application/json")
    rig.lane.step()
    rig.forget_leases()
    rig.lane.step()
    assert rig.row(upload).state is State.RECEIVED


def test_a_rendition_that_another_version_made_is_kept_and_named_with_its_size(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    blob = names.rendition(scan_id(upload.id, 0), Rendition.THUMBNAIL, "image/webp")
    rig.vault.put(blob, b"made earlier, of another length", "image/webp")
    rig.run()
    assert rig.manifest(upload).scans[0].renditions[Rendition.THUMBNAIL].bytes == 31
    rig.check()


def test_a_file_of_several_volumes_gives_several_scans(rig: Rig) -> None:
    rig.fake.verdict = replace(JPEG, scans=JPEG.scans * 3)
    upload = rig.send(b"volumes")
    rig.run()
    with rig.catalog.read() as tx:
        assert uploads.scan_ids(tx, [upload.id]) == {upload.id: [scan_id(upload.id, index) for index in range(3)]}
    rig.check()


def test_a_file_without_preview_is_stored_with_one_scan_and_the_reason(rig: Rig) -> None:
    rig.fake.verdict = Verdict("dicom", "application/dicom", None, no_preview="There is no preview.")
    upload = rig.send(b"volumes", filename="volume.dcm")
    rig.run()
    manifest = rig.manifest(upload)
    assert [(scan.no_preview, scan.renditions) for scan in manifest.scans] == [("There is no preview.", {})]
    rig.check()


def test_the_same_bytes_stored_under_another_patient_are_flagged_and_audited(rig: Rig) -> None:
    other = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    first, again = rig.send(b"a picture"), rig.send(b"a picture")
    rig.run()
    second = rig.send(b"a picture", patient_id=other.id)
    rig.run()
    assert [rig.manifest(one).scans[0].attention for one in (first, again)] == [(), ()]
    (scan,) = rig.manifest(second).scans
    assert scan.attention == ("stored_elsewhere",)
    details = [row["detail"] for row in rig.rows(tables.audit) if row["act"] == "upload.stored"]
    assert [detail.get("attention") for detail in details] == [None, None, {scan.id: ["stored_elsewhere"]}]
    rig.check()


def test_whose_the_same_bytes_are_is_what_the_last_correction_says(rig: Rig) -> None:
    other = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    first = rig.send(b"a picture")
    rig.run()
    said, now = Records(catalog=rig.catalog, zone=ZoneInfo("UTC")), rig.clock.now
    whose = {"patient": other.id}
    said.correct(
        people.actor(Role.PHYSICIAN), new_id(now), [scan_id(first.id, 0)], changes=whose, reason="Mixed up.", now=now
    )
    with rig.catalog.read() as tx:
        assert list(uploads.stored_with(tx, [first.digest or ""]).values()) == [[(first.id, other.id)]]
    right = rig.send(b"a picture", patient_id=other.id)
    rig.run()
    wrong = rig.send(b"a picture")
    rig.run()
    assert rig.manifest(right).scans[0].attention == ()
    assert rig.manifest(wrong).scans[0].attention == ("stored_elsewhere",)


def merged(rig: Rig, *, old: str) -> None:
    """Merge a record into the rig's patient."""
    act = {"absorbed": old, "into": rig.patient.id, "reason": "One person.", "now": rig.clock.now}
    rig.patients.merge(people.actor(), new_id(rig.clock.now), **act)  # type: ignore[arg-type]


def test_a_device_that_still_knows_the_old_number_of_a_patient_raises_nothing(rig: Rig) -> None:
    old, other = (people.patient(rig.patients, mrn=mrn, name="Maiden, Ada") for mrn in ("0001", "0002"))
    merged(rig, old=old.id)

    def flags(mrn: str, patient: str) -> tuple[str, ...]:
        hint = {"id": mrn, "name": "MAIDEN^ADA", "birth_date": "1957-03-21"}
        rig.fake.verdict = replace(JPEG, scans=tuple(replace(scan, patient_hint=hint) for scan in JPEG.scans))
        upload = rig.send(new_id(rig.clock.now).encode(), patient_id=patient)
        rig.run()
        return rig.manifest(upload).scans[0].attention

    for patient in (old.id, rig.patient.id):
        assert flags("0001", patient) == flags(rig.patient.mrn, patient) == ()
        assert flags(other.mrn, patient) == ("patient",)


def test_what_arrives_for_a_merged_record_is_the_patients_and_its_manifest_says_what_was_declared(rig: Rig) -> None:
    old = people.patient(rig.patients, mrn="0001", name="Maiden, Ada")
    upload = rig.send(b"on its way", patient_id=old.id)
    merged(rig, old=old.id)
    rig.run()
    assert rig.manifest(upload).upload.patient == old.id
    [row] = rig.rows(tables.scans)
    assert (row["patient_id"], row["filed_under"]) == (rig.patient.id, old.id)


def test_of_two_that_are_promoted_at_the_same_time_one_is_flagged(rig: Rig) -> None:
    other = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    sent = [rig.send(b"a picture"), rig.send(b"a picture", patient_id=other.id)]
    raced: list[bool] = []

    def race(what: Effect, moment: str) -> None:
        if (what, moment) == (Effect.MANIFEST, "before") and not raced:
            raced.append(True)
            assert rig.new_lane(FakeDecoder()).step()

    with hook(race):
        rig.lane.step()
    assert ("stored_elsewhere",) in [rig.manifest(one).scans[0].attention for one in sent]
    rig.check()


def test_many_lanes_on_many_uploads_do_none_twice(rig: Rig) -> None:
    sent = [rig.send(f"picture {number}".encode()) for number in range(60)]
    decoders = [FakeDecoder() for _ in range(4)]

    def work(decoder: FakeDecoder) -> None:
        lane = rig.new_lane(decoder)
        while lane.step():
            pass

    threads = [threading.Thread(target=work, args=(decoder,)) for decoder in decoders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = [data for decoder in decoders for data in decoder.seen]
    assert sorted(seen) == sorted(f"picture {number}".encode() for number in range(60))
    assert {rig.row(upload).fence for upload in sent} == {1}
    rig.check()


def test_no_patient_data_stands_in_a_name_or_in_the_audit(rig: Rig) -> None:
    rig.send(b"x", filename="Ada Example 0012345.jpg", note="Ada")
    rig.run()
    rows = [{**row, "account_name": ""} for row in rig.rows(tables.audit)]
    text = json.dumps([*rig.store.vault.blobs, *rows], default=str)
    assert "Ada" not in text
    assert "0012345" not in text
