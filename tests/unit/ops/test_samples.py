"""The demo's patients and pictures."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from broker.ops import fundus, samples
from broker.words import Eye, Kind


def test_there_are_six_patients_with_both_eyes_and_something_urgent() -> None:
    people = samples.people()
    assert len({person.mrn for person in people}) == 6
    visits = [visit for person in people for visit in person.visits]
    assert {picture.eye for visit in visits for picture in visit.pictures} == {Eye.OD, Eye.OS}
    assert {picture.kind for visit in visits for picture in visit.pictures} >= {Kind.COLOR_FUNDUS, Kind.OCT}
    assert [visit for visit in visits if visit.urgent and visit.note]


def test_file_names_are_unique_within_a_batch_and_say_nothing_of_the_patient() -> None:
    for person in samples.people():
        for visit in person.visits:
            names = [picture.filename for picture in visit.pictures]
            assert len(set(names)) == len(names)
            assert not any(part.lower() in name for name in names for part in person.name.replace(",", "").split())


@pytest.mark.parametrize("eye", [Eye.OD, Eye.OS])
def test_a_drawn_retina_is_the_same_every_time_and_has_its_disc_on_the_noses_side(eye: Eye) -> None:
    data = fundus.fundus(5, eye)
    assert data == fundus.fundus(5, eye)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size, picture.mode) == ("JPEG", (fundus.SIZE, fundus.SIZE), "RGB")
        band = picture.convert("L").resize((60, 60)).crop((6, 26, 54, 34)).resize((48, 1))
    brightest = max(range(48), key=lambda x: int(band.getpixel((x, 0))))  # type: ignore[arg-type]
    assert (brightest > 24) is (eye is Eye.OD)


def test_more_lesions_change_the_picture_and_keep_the_old_ones() -> None:
    few, many = (Image.open(io.BytesIO(fundus.fundus(5, Eye.OD, lesions=n))).convert("RGB") for n in (4, 40))
    none = Image.open(io.BytesIO(fundus.fundus(5, Eye.OD))).convert("RGB")
    assert len({few.tobytes(), many.tobytes(), none.tobytes()}) == 3


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
