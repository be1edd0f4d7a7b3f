"""The manifest: written, read back strictly, and turned into the catalog's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker import names
from broker.catalog.patients import Patient
from broker.catalog.uploads import Upload
from broker.ids import new_id, scan_id
from broker.ingest import manifest as manifests
from broker.ingest.describe import Found, describe
from broker.ingest.facts import instant
from broker.ingest.identity import another
from broker.ingest.manifest import Made, Manifest, Misfit
from broker.ingest.rows import scan_rows, upload_row
from broker.ingest.verdict import ScanFacts, Verdict
from broker.names import Rendition
from broker.words import Eye, Kind, State
from tests.lanes import JPEG, ZONE
from tests.people import NOW

STORED_AT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
MADE = {Rendition.THUMBNAIL: Made(media_type="image/webp", bytes=900, width=40, height=30)}
PATIENT = Patient(new_id(NOW), "clinic", "0012345", "Ada Example", "1957-03-21", "F", 1)


def upload(**changes: Any) -> Upload:
    values: dict[str, Any] = {
        "id": new_id(NOW),
        "batch_id": new_id(NOW),
        "position": 3,
        "ref": "a/1",
        "account_id": new_id(NOW),
        "account_name": "Tess",
        "patient_id": PATIENT.id,
        "filename": "Lösung – 眼.JPG",
        "size": 1234,
        "block_size": 0,
        "media_type": None,
        "eye": Eye.OD,
        "kind": Kind.UNKNOWN,
        "captured_at": None,
        "digest": "sha256:" + "a" * 64,
        "note": "a “note”",
        "urgent": True,
        "state": State.VERIFYING,
        "reason": None,
        "detail": None,
        "created_at": NOW,
        "keep_until": NOW,
        "received_at": NOW,
        "ended_at": None,
        "fence": 1,
        "attempts": 1,
    }
    return Upload(**values | changes)


def described(row: Upload, *facts: ScanFacts, patient: Patient | None = PATIENT) -> Manifest:
    verdict = replace(JPEG, scans=facts or JPEG.scans)
    found = Found(sha256="b" * 64, verdict=verdict, renditions=[MADE for _ in verdict.scans])
    return describe(row, patient, found, zone=ZONE, stored_at=STORED_AT)


def facts(**changes: Any) -> ScanFacts:
    return replace(JPEG.scans[0], **changes)


def test_what_is_written_is_read_back_equal() -> None:
    full = facts(
        eye=Eye.OS,
        kind=Kind.OCT,
        captured_at="2026-11-20T08:00:00+01:00",
        captured_source="exif",
        device="Maker Model",
        spacing_mm=(0.01, 2.0),
        patient_hint={"id": "77"},
    )
    made = described(upload(), full, facts())
    assert manifests.read(manifests.write(made)) == made
    assert b"\n" not in manifests.write(made)[:-1]


def change(path: str, value: object) -> Callable[[Any], None]:
    def act(document: Any) -> None:
        *way, last = path.split(".")
        for step in way:
            document = document[int(step) if step.isdigit() else step]
        if value is KeyError:
            del document[last]
        else:
            document[last] = value

    return act


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 3),
        ("version", 0),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("version", True),
        ("extra", 1),
        ("upload.note", KeyError),
        ("upload.size", "1234"),
        ("upload.size", 1234.0),
        ("upload.size", 0),
        ("upload.id", "../../../etc/passwd"),
        ("upload.patient", "nobody"),
        ("upload.eye", "left"),
        ("upload.urgent", 1),
        ("upload.stored_at", "2026-11-22T10:00:00"),
        ("upload.stored_at", "yesterday"),
        ("digests.declared", "md5:00"),
        ("digests.sha256", "A" * 64),
        ("scans", []),
        ("scans", {}),
        ("scans.0.id", "00000000-0000-7000-8000-000000000000"),
        ("scans.0.position", 1),
        ("scans.0.visit_day", "22.11.2026"),
        ("scans.0.width", -1),
        ("scans.0.renditions.poster", {"media_type": "image/webp", "bytes": 1, "width": 1, "height": 1}),
        ("scans.0.renditions.thumbnail.media_type", "text/html"),
        ("scans.0.renditions.thumbnail.bytes", 0),
        ("scans.0.attention", ["eye", 3]),
        ("scans.0.detected.spacing_mm", ["1"]),
    ],
)
def test_a_document_that_does_not_fit_is_refused_whole(path: str, value: object) -> None:
    document = json.loads(manifests.write(described(upload())))
    change(path, value)(document)
    with pytest.raises(Misfit):
        manifests.read(json.dumps(document).encode())


@pytest.mark.parametrize("data", [b"", b"\0", b"{", b"[]", b"null", b'{"version":NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(Misfit):
        manifests.read(data)


def test_a_key_that_stands_twice_is_refused() -> None:
    data = manifests.write(described(upload())).replace(b'"version":2', b'"version":2,"version":2')
    with pytest.raises(Misfit):
        manifests.read(data)


def test_the_names_of_all_blobs_follow_from_it() -> None:
    row = upload()
    assert manifests.blobs(described(row)) == {
        names.original(row.id): 1234,
        names.rendition(scan_id(row.id, 0), Rendition.THUMBNAIL, "image/webp"): 900,
    }


def test_declared_beats_detected_and_both_are_kept() -> None:
    row = upload(eye=Eye.OD, kind=Kind.UNKNOWN, captured_at="2026-11-21T09:00")
    found = facts(eye=Eye.OS, kind=Kind.OCT, captured_at="2020-01-02T03:04:05", captured_source="exif")
    scan = scan_rows(described(row, found))[0]
    assert (scan.eye, scan.kind) == (Eye.OD, Kind.OCT)
    assert (scan.captured_at, scan.captured_source) == (datetime(2026, 11, 21, 8, tzinfo=UTC), "declared")
    assert scan.facts["detected"]["eye"] == "OS"
    assert scan.facts["declared"]["eye"] == "OD"
    assert scan.facts["declared"]["kind"] is None
    assert scan.attention == ["eye"]


def test_a_time_that_may_be_that_of_an_export_asks_for_attention_unless_one_was_declared() -> None:
    found = facts(captured_at="2023-03-07T17:53:34", captured_source="dicom:0008,0021", captured_doubtful=True)
    assert scan_rows(described(upload(captured_at=None), found))[0].attention == ["captured_at"]
    assert scan_rows(described(upload(captured_at="2023-03-06T10:00"), found))[0].attention == []


def test_nothing_declared_takes_what_was_detected_without_alarm() -> None:
    row = upload(eye=Eye.UNKNOWN)
    scan = scan_rows(described(row, facts(eye=Eye.OS, captured_at="2026-07-01T00:30:00", captured_source="exif")))[0]
    assert (scan.eye, scan.attention, scan.captured_source) == (Eye.OS, [], "exif")
    # Half past midnight in Berlin's summer is the evening before in UTC, and still that day's visit.
    assert (scan.captured_at, scan.visit_day) == (datetime(2026, 6, 30, 22, 30, tzinfo=UTC), "2026-07-01")


def test_without_any_capture_time_the_time_of_receipt_stands_in() -> None:
    scan = scan_rows(described(upload(captured_at="soon")))[0]
    assert (scan.captured_at, scan.captured_source, scan.eye, scan.kind) == (NOW, "upload", Eye.OD, Kind.UNKNOWN)


@pytest.mark.parametrize(
    ("hint", "attention"),
    [
        ({"id": "0012345"}, []),
        ({"id": " 0012345 ", "birth_date": "1957-03-21"}, []),
        ({"id": "12345"}, ["patient"]),
        ({"id": "99", "issuer": "elsewhere"}, []),
        ({"id": "99", "issuer": "CLINIC"}, ["patient"]),
        ({"birth_date": "1957-03-22"}, ["patient"]),
        ({"name": "Somebody Else"}, ["patient"]),
        ({"name": "EXAMPLE^ADA^^Dr"}, []),
        ({"name": "Example-Müller^Ada Maria"}, []),
        ({"name": "unknown"}, []),
        ({"name": "Anonymous", "id": "UNKNOWN", "birth_date": "1900-01-01"}, []),
        ({"id": "000000"}, []),
        ({"id": "n/a", "name": "Bob^Beispiel"}, ["patient"]),
        ({"id": "0012345", "name": "Bob^Beispiel"}, ["patient"]),
        ({"id": "0012345", "birth_date": "1957-03-21", "name": "Bob^Beispiel"}, []),
        ({"id": "0012345", "birth_date": "1957-12-03"}, ["patient"]),
        ({}, []),
    ],
)
def test_a_file_that_names_another_patient_asks_for_attention(hint: dict[str, str], attention: list[str]) -> None:
    assert scan_rows(described(upload(), facts(patient_hint=hint)))[0].attention == attention


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("Jörg Müller", "MUELLER^JOERG"),
        ("Jörg Müller", "MULLER^JORG"),
        ("Łukasz Åberg", "Aberg, Lukasz"),
        ("O'Neil", "oneil"),
    ],
)
def test_the_same_name_written_otherwise_is_the_same(known: str, said: str) -> None:
    assert not another(replace(PATIENT, name=known), {"name": said})


def test_the_same_bytes_under_another_patient_ask_for_attention() -> None:
    found = Found(sha256="b" * 64, verdict=JPEG, renditions=[MADE], elsewhere=True)
    scan = scan_rows(describe(upload(), PATIENT, found, zone=ZONE, stored_at=STORED_AT))[0]
    assert scan.attention == ["stored_elsewhere"]


def test_a_file_without_preview_still_is_one_scan() -> None:
    verdict = Verdict("dicom", "application/dicom", None, no_preview="No preview yet.")
    found = Found(sha256="b" * 64, verdict=verdict, renditions=[{}])
    scan = scan_rows(describe(upload(), PATIENT, found, zone=ZONE, stored_at=STORED_AT))[0]
    assert scan.facts["no_preview"] == "No preview yet."
    assert (scan.facts["renditions"], scan.facts["width"], scan.placeholder) == ({}, 0, "")


def test_the_upload_row_comes_back_from_the_manifest() -> None:
    before = upload(digest=f"sha256-blocks-{8 << 20}:" + "c" * 64, block_size=8 << 20, size=40 << 20)
    after = upload_row(manifests.read(manifests.write(described(before))))
    expected = replace(before, state=State.STORED, ended_at=STORED_AT, fence=0, attempts=0, keep_until=NOW)
    assert after == expected


@pytest.mark.parametrize(
    ("filename", "ending"), [("eye.JPG", "jpg"), ("eye", ""), ("eye.exe", ""), ("a.b/c", ""), ("1.2.840", "")]
)
def test_only_an_ending_that_we_take_is_handed_on(filename: str, ending: str) -> None:
    assert scan_rows(described(upload(filename=filename)))[0].facts["ending"] == ending


@pytest.mark.parametrize("text", ["", None, "0001-01-01T00:00:00", "9999-12-31T23:59:59-12:00", "2026-02-30"])
def test_a_time_that_cannot_be_is_none(text: str | None) -> None:
    assert instant(text, ZONE) is None


def test_describing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    row = upload()
    assert manifests.write(described(row)) == manifests.write(described(row))
