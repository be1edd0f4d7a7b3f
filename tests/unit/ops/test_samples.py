"""The demo's patients and pictures."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from broker.ingest.formats import pdf
from broker.ops import device_files, fundus, samples
from broker.words import Eye, Kind
from tests.opened import BOUNDS, Opened


def test_there_are_six_patients_with_both_eyes_and_something_urgent() -> None:
    people = samples.people()
    assert len({person.mrn for person in people}) == 6
    visits = [visit for person in people for visit in person.visits]
    assert {picture.eye for visit in visits for picture in visit.pictures} == {Eye.OD, Eye.OS}
    assert {picture.kind for visit in visits for picture in visit.pictures} >= {Kind.COLOR_FUNDUS, Kind.OCT}
    assert [visit for visit in visits if visit.urgent and visit.note]


def test_there_is_something_of_all_that_physicians_read() -> None:
    pictures = [picture for person in samples.people() for visit in person.visits for picture in visit.pictures]
    assert {picture.kind for picture in pictures} >= {
        Kind.COLOR_FUNDUS,
        Kind.RED_FREE,
        Kind.FLUORESCEIN_ANGIOGRAPHY,
        Kind.OCT,
        Kind.VISUAL_FIELD,
    }
    run = [picture for picture in pictures if picture.kind is Kind.FLUORESCEIN_ANGIOGRAPHY]
    assert len(run) > 6  # more than the patient's page shows one by one
    visits = [visit.captured_at for person in samples.people() for visit in person.visits]
    assert min(visits) < samples.REVIEWED_UNTIL < max(visits)


def test_a_drawn_visual_field_is_a_document_of_two_pages() -> None:
    data = device_files.visual_field(1, Eye.OS, "2026-11-17", deepest=14)
    (scan,) = pdf.scans(Opened(data), BOUNDS)
    assert scan.frames == 2


def test_file_names_are_unique_within_a_batch_and_say_nothing_of_the_patient() -> None:
    for person in samples.people():
        for visit in person.visits:
            names = [picture.filename for picture in visit.pictures]
            assert len(set(names)) == len(names)
            assert not any(part.lower() in name for name in names for part in person.name.replace(",", "").split())


def test_an_oct_slice_is_a_grey_png() -> None:
    with Image.open(io.BytesIO(fundus.oct_slice(1))) as picture:
        assert (picture.format, picture.size, picture.mode) == ("PNG", (768, 496), "L")


def test_the_real_photograph_is_there() -> None:
    assert samples.RETINA.read_bytes().startswith(b"\xff\xd8\xff")


def test_a_grant_for_another_store_is_refused_before_a_byte_is_sent() -> None:
    sender = samples.Sender(origin="http://127.0.0.1:1", token="t", store="http://127.0.0.1:10000/demo1")
    for url in ("https://clinic.blob.core.windows.net/intake/x", "http://127.0.0.1:10000/demo10/intake/x"):
        with pytest.raises(samples.SamplesRefused, match="another store"):
            sender._put({"url": url, "method": "PUT", "headers": {}}, b"x")


def test_a_broker_that_does_not_answer_is_named_without_its_token() -> None:
    sender = samples.Sender(origin="http://127.0.0.1:1", token="k3y", store="http://127.0.0.1:1/x")
    with pytest.raises(samples.SamplesRefused, match="/patients does not answer") as caught:
        sender.send(samples.people()[:1], lambda _: None)
    assert "k3y" not in str(caught.value)
