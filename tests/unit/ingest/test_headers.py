"""The worker's half of the table of cases; the browser's is ``web/test/headers.test.ts``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from broker.catalog.patients import Patient
from broker.ids import new_id
from broker.ingest import facts
from broker.ingest.describe import Found, describe
from broker.ingest.facts import Facts
from broker.ingest.formats import dicom_facts, dicom_kind, dicom_walk, e2e, vol
from broker.ingest.formats.dicom_header import Header
from broker.ingest.formats.seam import Bounds, Source
from broker.ingest.manifest import ScanPart
from broker.ingest.promote import _named as named
from broker.ingest.verdict import ScanFacts, Verdict
from broker.words import Attention, CaptureSource, Eye, Kind
from tests import headers, heidelberg
from tests.unit.ingest.test_manifest import upload

BOUNDS = Bounds(pixels=100_000_000, samples=600_000_000)
#: An hour ahead of UTC in November, as the table says.
ZONE = ZoneInfo("Europe/Berlin")
NOTHING: dict[str, Any] = {
    "eye": None,
    "contradicts": False,
    "kind": None,
    "captured_at": None,
    "source": None,
    "doubtful": False,
    "other": False,
}


def answer(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the worker makes of the file, with nothing declared."""
    found = read(case, folder)
    part = described(found, fitting(case, found))
    return {
        "eye": None if found.eye is Eye.UNKNOWN else found.eye,
        "contradicts": found.eye_contradicts,
        "kind": found.kind,
        "captured_at": found.captured_at,
        "source": found.captured_source,
        "doubtful": Attention.CAPTURED_AT in part.attention,
        "other": Attention.PATIENT in part.attention,
    }


def read(case: dict[str, Any], folder: Path) -> Facts:
    if "dicom" in case:
        return read_dicom(
            headers.dicom(case["dicom"], implicit=case.get("implicit", False), bare=case.get("bare")), folder
        )
    if "vol" in case:
        with source(volume(case["vol"]), folder) as file:
            return vol.about(vol.read_header(file, BOUNDS), headers.NOW)
    if "e2e" in case:
        with source(series(case["e2e"]), folder) as file:
            (scan,) = e2e.scans(file, BOUNDS)
        return scan.facts
    if "exif" in case:
        said = case["exif"]
        tags = {facts.DATE_TIME_ORIGINAL: said["original"], facts.OFFSET_TIME_ORIGINAL: said["offset"]}
        return facts.from_exif({}, tags, headers.NOW)
    hint = dict(case["hint"])
    return Facts(patient_hint=facts.hint(birth_date=hint.pop("birth", ""), **hint))


def read_dicom(data: bytes, folder: Path) -> Facts:
    """What the header of a DICOM file says, read at the table's time."""
    with source(data, folder) as file:
        header = Header.read(dicom_walk.walk(file))
    return dicom_facts.read(header, dicom_kind.kind(header), headers.NOW)


@contextmanager
def source(data: bytes, folder: Path) -> Iterator[Source]:
    """The bytes as a file to examine."""
    path = folder / "file"
    path.write_bytes(data)
    with open(path, "rb") as file:
        yield Source(file.fileno(), "")


def volume(said: dict[str, Any]) -> bytes:
    exam = datetime.fromisoformat(said["exam"]) if said["exam"] else 0
    born = datetime.fromisoformat(said["born"]).date() if said["born"] else 0.0
    version = said.get("version", "HSF-OCT-103").encode()
    return heidelberg.vol(
        version=version, eye=said["eye"].encode(), exam=exam, born=born, patient=said["patient"].encode()
    )


def series(said: dict[str, Any]) -> bytes:
    number = said.get("number", "0012345").encode()
    return heidelberg.e2e(
        heidelberg.patient(b"Ada", b"Example", number),
        *(heidelberg.laterality(letter.encode()) for letter in said["eyes"]),
        heidelberg.b_scan(heidelberg.reflectivity(1)[0]),
    )


def patient(case: dict[str, Any]) -> Patient:
    said = headers.TABLE["patient"] | case.get("patient", {})
    return Patient(new_id(headers.NOW), said["issuer"], said["mrn"], said["name"], said["birth_date"], None, 1)


def fitting(case: dict[str, Any], found: Facts) -> Patient:
    """Of the records of the person who was chosen, the one that the worker compares the file with."""
    known = patient(case)
    former = [patient({"patient": one}) for one in case.get("patient", {}).get("formerly", [])]
    whose = named([known, *former], Verdict("jpeg", "image/jpeg", None, scans=(ScanFacts(**asdict(found)),)))
    assert whose is not None
    return whose


def described(found: Facts, whose: Patient, **declared: Any) -> ScanPart:
    nothing = {"eye": Eye.UNKNOWN, "kind": Kind.UNKNOWN, "captured_at": None, "received_at": headers.NOW}
    row = upload(**nothing | declared)
    verdict = Verdict("jpeg", "image/jpeg", None, scans=(ScanFacts(**asdict(found)),))
    whole = describe(
        row,
        whose,
        Found(sha256="b" * 64, verdict=verdict, renditions=[{}]),
        zone=ZONE,
        stored_at=headers.NOW + timedelta(minutes=1),
    )
    return whole.scans[0]


@pytest.mark.parametrize("case", headers.CASES, ids=lambda case: case["name"])
def test_the_worker_answers_as_the_table_says(case: dict[str, Any], tmp_path: Path) -> None:
    expected = NOTHING | case["expect"]
    for what in case.get("worker", {}).keys() - {"why"}:
        expected[what] = NOTHING[what]
    assert answer(case, tmp_path) == expected


def test_the_table_is_large_enough_and_names_each_case_once() -> None:
    assert len(headers.CASES) >= 60
    assert len({case["name"] for case in headers.CASES}) == len(headers.CASES)


def test_where_one_reader_cannot_answer_the_table_says_why() -> None:
    for case in headers.CASES:
        for limits in (case.get("browser"), case.get("worker")):
            assert limits is None or (limits["why"] and all(limits[what] is None for what in limits.keys() - {"why"}))


def test_every_source_that_a_reader_can_name_is_one_of_the_vocabulary() -> None:
    assert {CaptureSource(case["expect"]["source"]) for case in headers.CASES if "source" in case["expect"]} == {
        CaptureSource.EXIF,
        CaptureSource.VENDOR,
        CaptureSource.ACQUISITION_DATE_TIME,
        CaptureSource.ACQUISITION_DATE,
        CaptureSource.CONTENT_DATE,
        CaptureSource.SERIES_DATE,
        CaptureSource.STUDY_DATE,
    }
