"""The demo's pictures in their full size: drawn the same every time, and read back by the worker's own readers."""

from __future__ import annotations

import io
from datetime import date, datetime

import pytest
from PIL import Image

from broker.ingest.formats import vol
from broker.ops import device_files, fundus
from broker.words import Eye, Kind
from tests.opened import BOUNDS, Opened


def test_a_drawn_volume_is_what_the_reader_of_volumes_reads() -> None:
    born, exam = date(1944, 9, 8), datetime(2026, 11, 18, 11, 20)
    data = device_files.volume(1, Eye.OD, mrn="DEMO-0005", born=born, exam=exam, fluid=1.0)
    (scan,) = vol.scans(Opened(data), BOUNDS)
    assert (scan.frames, scan.facts.eye, scan.facts.kind) == (device_files.SLICES, Eye.OD, Kind.OCT)
    assert scan.facts.patient_hint == {"id": "DEMO-0005", "birth_date": "1944-09-08"}
    assert scan.stack is not None
    assert scan.stack.localizer is not None


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
