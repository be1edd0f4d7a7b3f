"""What raises attention, what counts, and that correctly assigned files are left in peace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.catalog import tables
from broker.catalog.patients import Patient
from broker.ids import new_id
from broker.ingest.facts import Facts
from broker.ingest.manifest import ScanPart
from broker.ingest.rows import scan_rows
from broker.records import Records
from broker.words import Attention, CaptureSource, Eye, Kind, Role
from tests import corpus, headers, people
from tests.lanes import JPEG, ZONE, Rig
from tests.people import NOW
from tests.unit.ingest.test_headers import described, read_dicom
from tests.unit.ingest.test_manifest import PATIENT, upload
from tests.unit.ingest.test_manifest import described as manifest_of

BABY = replace(PATIENT, birth_date="2020-05-04")


def part(whose: Patient = PATIENT, declared: dict[str, Any] | None = None, **found: Any) -> ScanPart:
    if "captured_at" in found:
        found.setdefault("captured_source", CaptureSource.EXIF)
    return described(Facts(**found), whose, **declared or {})


def test_right_against_left_in_one_file_raises_eye_whatever_was_declared() -> None:
    for declared in (Eye.UNKNOWN, Eye.OD, Eye.OS, Eye.OU):
        made = part(declared={"eye": declared}, eye=Eye.UNKNOWN, eye_contradicts=True)
        assert (made.attention, made.eye) == ((Attention.EYE,), declared)


def test_an_eye_that_a_person_said_is_compared_with_the_files() -> None:
    assert part(declared={"eye": Eye.OD}, eye=Eye.OS).attention == (Attention.EYE,)
    assert part(declared={"eye": Eye.OD}, eye=Eye.OD).attention == ()
    assert part(declared={"eye": Eye.OD}, eye=None).attention == ()
    assert part(declared={"eye": Eye.OD}, eye=Eye.UNKNOWN).attention == ()
    assert part(eye=Eye.OS).attention == ()


def test_contradicting_eyes_ask_until_a_correction_settles_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.fake.verdict = replace(JPEG, scans=(replace(JPEG.scans[0], eye=Eye.UNKNOWN, eye_contradicts=True),))
    rig.send(b"picture", eye=Eye.OD)
    rig.run()
    (row,) = rig.rows(tables.scans)
    assert row["attention"] == ["eye"]
    records = Records(catalog=rig.catalog, zone=ZONE)
    records.correct(
        people.actor(Role.TECHNICIAN), new_id(NOW), [row["id"]], changes={"eye": "OS"}, reason="Looked", now=NOW
    )
    assert rig.rows(tables.scans)[0]["attention"] == []


def test_a_time_before_the_chosen_patients_birth_is_not_believed_and_raises_patient() -> None:
    made = part(BABY, captured_at="2019-05-04T10:00:00")
    assert made.attention == (Attention.PATIENT,)
    assert (made.captured_at, made.captured_source) == (headers.NOW, CaptureSource.UPLOAD)
    # What the file says is kept all the same: it may be right for whoever it is of.
    assert made.detected.captured_at == "2019-05-04T10:00:00"


def test_a_time_on_the_day_of_birth_is_not_believed_and_says_nothing_of_the_patient() -> None:
    made = part(BABY, captured_at="2020-05-04T10:00:00")
    assert (made.attention, made.captured_source) == ((), CaptureSource.UPLOAD)


def test_a_time_after_the_birth_is_believed() -> None:
    made = part(BABY, captured_at="2020-05-05T00:30:00")
    assert (made.attention, made.visit_day) == ((), "2020-05-05")


def test_a_file_that_was_taken_before_its_own_birth_date_raises_patient() -> None:
    assert part(before_birth=True).attention == (Attention.PATIENT,)


@pytest.mark.parametrize(
    ("captured_at", "attention"),
    [
        ("2026-11-22T11:00:00", ()),
        ("2026-11-22T11:05:00", ()),
        ("2026-11-22T11:05:01", (Attention.CAPTURED_AT,)),
        ("2026-11-22T10:05:01+00:00", (Attention.CAPTURED_AT,)),
        ("2026-11-23T12:00:00", (Attention.CAPTURED_AT,)),
    ],
)
def test_a_clock_that_is_ahead_of_the_receipt_is_kept_and_asked_about(
    captured_at: str, attention: tuple[Attention, ...]
) -> None:
    made = part(captured_at=captured_at)
    assert (made.captured_source, made.attention) == (CaptureSource.EXIF, attention)


def test_a_clock_more_than_26_hours_ahead_of_the_receipt_is_not_believed() -> None:
    # The worker may have looked days after the file was received.
    made = part(captured_at="2026-11-24T10:00:00")
    assert (made.captured_source, made.attention) == (CaptureSource.UPLOAD, ())


def test_a_doubtful_time_that_a_person_said_better_asks_nothing() -> None:
    declared = {"captured_at": "2026-11-20T10:00"}
    assert part(declared=declared, captured_at="2026-11-23T10:00:00", captured_doubtful=True).attention == ()


def test_a_doubtful_time_that_does_not_count_asks_nothing() -> None:
    assert part(BABY, captured_at="2020-05-04T00:00:00", captured_doubtful=True).attention == ()


EYES, KINDS = st.sampled_from(Eye), st.sampled_from(Kind)
TIMES = st.datetimes(datetime(1960, 1, 2), datetime(2026, 11, 22, 9)).map(lambda at: at.replace(microsecond=0))


@given(EYES, KINDS, st.none() | TIMES, st.none() | EYES, st.none() | KINDS, st.none() | TIMES)
def test_effective_is_what_a_person_declared_else_what_was_detected_else_unknown(
    eye: Eye, kind: Kind, at: datetime | None, found_eye: Eye | None, found_kind: Kind | None, found_at: datetime | None
) -> None:
    row = upload(eye=eye, kind=kind, captured_at=at.isoformat() if at else None, received_at=NOW)
    verdict = replace(
        JPEG.scans[0],
        eye=found_eye,
        kind=found_kind,
        captured_at=found_at.isoformat() if found_at else None,
        captured_source=CaptureSource.EXIF if found_at else None,
    )
    scan = scan_rows(manifest_of(row, verdict))[0]
    assert scan.eye is (eye if eye is not Eye.UNKNOWN else found_eye or Eye.UNKNOWN)
    assert scan.kind is (kind if kind is not Kind.UNKNOWN else found_kind or Kind.UNKNOWN)
    believed = (
        found_at if found_at and found_at.date().isoformat() > PATIENT.birth_date and not begins(found_at) else None
    )
    counts = at or believed
    assert scan.captured_at == (counts.replace(tzinfo=ZONE).astimezone(UTC) if counts else NOW)
    assert scan.captured_source is (
        CaptureSource.DECLARED if at else CaptureSource.EXIF if believed else CaptureSource.UPLOAD
    )


def begins(at: datetime) -> bool:
    """Whether a clock begins there: the rule itself is held by the table of cases."""
    return (at.month, at.day, at.hour) == (1, 1, 0) and (at.year in (1970, 1980, 2000) or at.minute == at.second == 0)


@given(EYES, KINDS, st.none() | TIMES, st.none() | EYES, st.none() | KINDS, st.none() | TIMES)
def test_what_was_detected_is_never_written_as_declared(
    eye: Eye, kind: Kind, at: datetime | None, found_eye: Eye | None, found_kind: Kind | None, found_at: datetime | None
) -> None:
    declared = at.isoformat() if at else None
    row = upload(eye=eye, kind=kind, captured_at=declared)
    found = found_at.isoformat() if found_at else None
    whole = manifest_of(
        row,
        replace(
            JPEG.scans[0],
            eye=found_eye,
            kind=found_kind,
            captured_at=found,
            captured_source=CaptureSource.VENDOR if found else None,
        ),
    )
    assert (whole.upload.eye, whole.upload.kind, whole.upload.captured_at) == (eye, kind, declared)
    claims = scan_rows(whole)[0].facts["declared"]
    assert claims["eye"] == (None if eye is Eye.UNKNOWN else eye)
    assert claims["kind"] == (None if kind is Kind.UNKNOWN else kind)
    assert (claims["captured_at"], claims["patient"], claims["device"]) == (declared, None, None)


def test_at_most_one_in_a_hundred_correctly_assigned_files_is_flagged_for_patient_or_eye(tmp_path: Path) -> None:
    flagged = []
    count = 1_500
    for file in corpus.files(count, seed=9):
        found = read_dicom(file.data, tmp_path)
        made = described(found, file.patient, eye=file.eye, received_at=headers.NOW + timedelta(minutes=1))
        if {Attention.PATIENT, Attention.EYE} & set(made.attention):
            flagged.append((file.patient.name, file.patient.birth_date, found.patient_hint, found.captured_at))
    assert len(flagged) <= count / 100, flagged


def test_files_of_somebody_else_that_say_whose_they_are_are_flagged(tmp_path: Path) -> None:
    files = list(corpus.files(300, seed=10))
    missed = 0
    for file, other in pairwise(files):
        found = read_dicom(file.data, tmp_path)
        made = described(found, other.patient)
        hint = found.patient_hint or {}
        says = hint.get("birth_date") and hint["birth_date"] != other.patient.birth_date
        missed += bool(says) and Attention.PATIENT not in made.attention
    assert missed == 0
