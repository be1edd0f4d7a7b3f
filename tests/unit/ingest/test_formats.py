"""The walkers of JPEG and PNG, the signatures, and DICOM's first elements: pure parts, no child."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broker.ingest import formats
from broker.ingest.formats import dicom, jpeg, png
from broker.ingest.formats.seam import Bounds, NoPreview, Refused, Source
from broker.words import Rejection
from tests import hostile

BOUNDS = Bounds(pixels=100_000_000, samples=600_000_000)
Open = Callable[[bytes, str], Source]


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Open]:
    """Open bytes under an ending."""
    opened: list[int] = []

    def make(data: bytes, ending: str = "") -> Source:
        path = tmp_path / "file"
        path.write_bytes(data)
        opened.append(os.open(path, os.O_RDONLY))
        return Source(opened[-1], ending)

    yield make
    for descriptor in opened:
        os.close(descriptor)


@pytest.mark.parametrize("case", list(hostile.kept()), ids=lambda case: case.name)
def test_each_kind_is_known_by_its_contents(case: hostile.Case, source: Open) -> None:
    _, _, ending = case.filename.rpartition(".")
    found = formats.identify(
        source(case.make(), "" if case.name.startswith("dicom-") and "." not in ending else ending)
    )
    assert found == case.format


def test_a_jpeg_walk_finds_size_and_end(source: Open) -> None:
    data = hostile.jpeg()
    walked = jpeg.check(source(data + bytes(5), "jpg"), BOUNDS)
    assert (walked.width, walked.height, walked.sequential, walked.end) == (120, 80, True, len(data))
    assert not jpeg.check(source(hostile.jpeg(progressive=True), "jpg"), BOUNDS).sequential


def test_a_marker_split_between_two_windows_is_found(source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    data = hostile.jpeg()
    for window in range(2, 40):
        monkeypatch.setattr(jpeg, "_WINDOW", window)
        assert jpeg.walk(source(data, "jpg"), 0, BOUNDS).end == len(data)


def test_sizes_are_refused_from_the_header_alone(source: Open) -> None:
    tight = Bounds(pixels=120 * 80 - 1, samples=1)
    for check, data in ((jpeg.check, hostile.jpeg()), (png.check, hostile.sample("png"))):
        limit = tight if check is jpeg.check else Bounds(pixels=63, samples=1)
        with pytest.raises(Refused) as refused:
            check(source(data, ""), limit)
        assert refused.value.rejection is Rejection.PIXELS


@pytest.mark.parametrize("make", [hostile.jpeg, hostile.sample], ids=["jpeg", "png"])
def test_every_cut_of_a_picture_is_refused(make: Callable[..., bytes], source: Open) -> None:
    kind = "png" if make is hostile.sample else "jpeg"
    data = make("png") if kind == "png" else make()
    check = png.check if kind == "png" else jpeg.check
    for cut in range(9, len(data), max(1, len(data) // 120)):
        with pytest.raises(Refused) as refused:
            check(source(data[:cut], kind), BOUNDS)
        assert refused.value.rejection is Rejection.TRUNCATED, cut


def test_walkers_end_on_any_damage(source: Open) -> None:
    rng = random.Random(5)
    for check, data in ((jpeg.check, hostile.jpeg()), (png.check, hostile.interlaced())):
        for _ in range(300):
            damaged = bytearray(data)
            for _ in range(rng.randrange(1, 6)):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            with suppress(Refused):
                check(source(bytes(damaged), ""), BOUNDS)


def test_a_large_dicom_file_is_judged_by_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(bytes(128))
        file.write(hostile.dicom_start(hostile.OPT, 1 << 30))
        file.truncate(1 << 30)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(NoPreview):
            list(dicom.scans(Source(descriptor, "dcm"), BOUNDS))
    finally:
        os.close(descriptor)


def test_web_side_needs_no_imaging_library() -> None:
    code = "import sys, broker.ingest.sandbox, broker.ingest.formats, broker.filetypes; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
