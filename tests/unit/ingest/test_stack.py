"""What only stacks have: the archive of frames, the localizer, the en-face picture; and what the thumbnail shows."""

from __future__ import annotations

import io
import json
import struct
import weakref
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from broker.ingest import render
from broker.ingest.facts import Facts
from broker.ingest.formats.seam import Line, Refused, Scan, Stack
from broker.ingest.render import stack as stacks
from broker.names import Rendition
from broker.words import Rejection

SPACING = (0.004, 0.01)


def frame(index: int, width: int = 60, height: int = 40) -> Image.Image:
    """A grey slice whose brightness is its number, ten times, darker to the right."""
    return Image.fromarray(np.tile(np.linspace(index * 10 + 40, index * 10, width), (height, 1)).astype(np.uint8))


def stack(count: int = 5, draw: Callable[[int], Image.Image] = frame, **over: Any) -> Stack:
    fields: dict[str, Any] = {"count": count, "size": (60, 40), "frame": draw}
    return Stack(**(fields | over))


def rendered(made: Stack, spacing: tuple[float, float] | None = SPACING) -> dict[Rendition, bytes]:
    """Every rendition of a stack."""
    kept: dict[Rendition, bytes] = {}

    def keep(name: Rendition, media_type: str, size: tuple[int, int], data: Iterable[bytes]) -> None:
        kept[name] = b"".join(data)
        if media_type != "application/zip":
            assert opened(kept[name]).size == size

    render.render(Scan.of(made, Facts(spacing_mm=spacing)), keep)
    return kept


def archive(made: Stack, spacing: tuple[float, float] | None = SPACING) -> tuple[dict[str, Any], zipfile.ZipFile]:
    file = zipfile.ZipFile(io.BytesIO(rendered(made, spacing)[Rendition.FRAMES]))
    assert file.testzip() is None
    return json.loads(file.read("index.json")), file


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def grey(image: Image.Image) -> NDArray[np.float64]:
    return np.asarray(image.convert("L")).astype(float)


@pytest.mark.parametrize(
    ("count", "first", "order"),
    [
        (1, 0, [0]),
        (2, 1, [1, 0]),
        (5, 2, [2, 3, 1, 4, 0]),
        (6, 3, [3, 4, 2, 5, 1, 0]),
        (4, 0, [0, 1, 2, 3]),
    ],
)
def test_frames_go_outward_from_the_shown_one(count: int, first: int, order: list[int]) -> None:
    assert list(stacks.outward(count, first)) == order


@pytest.mark.parametrize("count", range(1, 40))
def test_every_frame_is_there_once(count: int) -> None:
    assert sorted(stacks.outward(count, count // 2)) == list(range(count))


def test_the_archive_is_a_stored_zip_with_the_index_first_and_the_middle_slice_next() -> None:
    index, file = archive(stack(5))
    assert file.namelist() == ["index.json", "0002.webp", "0003.webp", "0001.webp", "0004.webp", "0000.webp"]
    assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert [row["slice"] for row in index["frames"]] == [2, 3, 1, 4, 0]
    for number in range(5):
        image = opened(file.read(f"{number:04}.webp"))
        assert (image.format, image.size) == ("WEBP", (60, 40))
        assert np.abs(grey(image) - grey(frame(number))).mean() < 2


def test_the_index_says_what_there_is() -> None:
    index, _ = archive(stack(5))
    assert {key: value for key, value in index.items() if key != "frames"} == {
        "version": 1,
        "count": 5,
        "width": 60,
        "height": 40,
        "middle": 2,
        "lossy": True,
        "spacing_mm": list(SPACING),
        "localizer": None,
    }
    assert set(index["frames"][0]) == {"slice", "name", "offset", "bytes", "line"}
    assert archive(stack(), None)[0]["spacing_mm"] is None


@pytest.mark.parametrize("count", [1, 9, 10, 11, 99, 101, 300])
def test_offsets_lead_to_the_frames_bytes(count: int) -> None:
    data = rendered(stack(count, size=(6, 4), draw=lambda index: frame(index % 20, 6, 4)))[Rendition.FRAMES]
    file = zipfile.ZipFile(io.BytesIO(data))
    for row in json.loads(file.read("index.json"))["frames"]:
        assert data[row["offset"] : row["offset"] + row["bytes"]] == file.read(row["name"])


def test_entries_can_be_walked_while_they_arrive() -> None:
    data, at, names = rendered(stack(4))[Rendition.FRAMES], 0, []
    while data[at : at + 4] == b"PK\x03\x04":
        flags, method = struct.unpack_from("<HH", data, at + 6)
        size, name, extra = struct.unpack_from("<I4xHH", data, at + 18)
        assert (flags, method, extra) == (0, 0, 0)
        names.append(data[at + 30 : at + 30 + name].decode())
        at += 30 + name + size
    assert names == ["index.json", "0002.webp", "0003.webp", "0001.webp", "0000.webp"]


def test_the_same_frames_give_the_same_bytes() -> None:
    assert rendered(stack(12, between_mm=0.1)) == rendered(stack(12, between_mm=0.1))


def test_one_frame_at_a_time_is_in_memory_and_each_is_decoded_once() -> None:
    alive: list[weakref.ref[Image.Image]] = []
    most, calls = 0, []

    def draw(index: int) -> Image.Image:
        nonlocal most
        image = frame(index % 20)
        alive.append(weakref.ref(image))
        calls.append(index)
        most = max(most, sum(ref() is not None for ref in alive))
        return image

    rendered(stack(30, draw))
    # The shown one lives on beside the one at hand and the one before it.
    assert most <= 3
    assert sorted(calls) == list(range(30))


def test_a_frame_that_cannot_be_decoded_refuses_the_scan() -> None:
    def draw(index: int) -> Image.Image:
        if index == 4:
            raise Refused(Rejection.TRUNCATED, "cut")
        return frame(index)

    with pytest.raises(Refused):
        rendered(stack(5, draw))


def test_smaller_frames_lie_in_the_middle_of_a_page_as_large_as_the_largest() -> None:
    sizes = [(60, 40), (20, 40), (60, 10)]
    made = stack(3, lambda index: Image.new("L", sizes[index], 200))
    _, file = archive(made)
    narrow, low = (grey(opened(file.read(name))) for name in ("0001.webp", "0002.webp"))
    assert narrow.shape == low.shape == (40, 60)
    assert narrow[:, 22:38].min() > 180 > 40 > narrow[:, :16].max()
    assert low[17:23].min() > 180 > 40 > low[:12].max()
    _, file = archive(stack(3, lambda index: Image.new("L", sizes[index], 0), document=True))
    assert grey(opened(file.read("0001.webp")))[:, :16].min() == 255


def test_other_kinds_of_pixels_become_grey_or_colour() -> None:
    images = [
        Image.new("1", (60, 40), 1),
        Image.new("RGBA", (60, 40), (9, 200, 9, 255)),
        Image.new("I;16", (60, 40), 9),
    ]
    _, file = archive(stack(3, lambda index: images[index].copy()))
    assert grey(opened(file.read("0000.webp"))).min() == 255
    assert opened(file.read("0001.webp")).getpixel((9, 9))[1] > 180  # type: ignore[index]


def test_huge_frames_are_shrunk_and_their_scale_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "FRAME_SIDE", 30)
    index, file = archive(stack(3))
    assert (index["width"], index["height"], index["lossy"]) == (30, 20, True)
    assert index["spacing_mm"] == [0.008, 0.02]
    assert opened(file.read("0001.webp")).size == (30, 20)


def test_pages_of_few_colours_are_kept_without_loss() -> None:
    made = stack(3, document=True)
    index, file = archive(made)
    assert (index["lossy"], index["middle"]) == (False, 0)
    assert file.namelist()[1:] == ["0000.webp", "0001.webp", "0002.webp"]
    assert np.array_equal(grey(opened(file.read("0002.webp"))), grey(frame(2)))
    noise = np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8)
    assert archive(stack(2, lambda _: Image.fromarray(noise), document=True))[0]["lossy"]
    assert archive(stack(2, document=True, lossy=True))[0]["lossy"]


def test_lines_are_in_pixels_of_the_localizer_as_it_was_made() -> None:
    lines: list[Line | None] = [(0, 100, 3200, 101.004), None, (1600, 800, 400)]
    made = stack(3, localizer=Image.new("L", (3200, 1600), 90), lines=lines)
    index, _ = archive(made)
    assert index["localizer"] == {"width": 1600, "height": 800}
    by_slice = {row["slice"]: row["line"] for row in index["frames"]}
    assert by_slice == {0: [0, 50, 1600, 50.5], 1: None, 2: [800, 400, 200]}
    assert opened(rendered(made)[Rendition.LOCALIZER]).size == (1600, 800)


@pytest.mark.parametrize(
    ("between", "size"),
    # Slices 0.02 mm apart, pixels 0.01 mm wide: two rows for each slice. Closer slices: more columns instead.
    [(0.02, (60, 24)), (0.01, (60, 12)), (0.005, (120, 12)), (5.0, (16, 1600))],
)
def test_the_en_face_picture_has_square_pixels(between: float, size: tuple[int, int]) -> None:
    made = opened(rendered(stack(12, between_mm=between))[Rendition.ENFACE])
    assert made.size == size


def test_the_en_face_picture_is_the_mean_along_depth() -> None:
    shown = grey(opened(rendered(stack(12, between_mm=0.01))[Rendition.ENFACE]))
    # Later slices are brighter, and all are darker to the right.
    assert (np.diff(shown.mean(axis=1)) > 0).all()
    assert shown[:, :10].mean() > shown[:, -10:].mean() + 20
    assert shown.max() > 245
    assert shown.min() < 10


@pytest.mark.parametrize(
    ("first", "last", "turned", "mirrored", "upside_down"),
    [
        ((0, 0, 60, 0), (0, 50, 60, 50), False, False, False),
        ((0, 50, 60, 50), (0, 0, 60, 0), False, False, True),
        ((60, 0, 0, 0), (60, 50, 0, 50), False, True, False),
        ((0, 0, 0, 60), (50, 0, 50, 60), True, False, False),
        ((50, 60, 50, 0), (0, 60, 0, 0), True, True, True),
    ],
)
def test_the_en_face_picture_lies_as_the_localizer_does(
    first: Line, last: Line, turned: bool, mirrored: bool, upside_down: bool
) -> None:
    made = stack(12, between_mm=0.01, lines=[first, *[None] * 10, last], localizer=Image.new("L", (60, 60)))
    shown = grey(opened(rendered(made)[Rendition.ENFACE]))
    shown = shown.T if turned else shown
    assert shown.shape == (12, 60)
    assert (shown[0].mean() > shown[-1].mean()) == upside_down
    assert (shown[:, 0].mean() < shown[:, -1].mean()) == mirrored


@pytest.mark.parametrize(
    ("over", "spacing"),
    [({}, SPACING), ({"between_mm": 0.1}, None), ({"between_mm": 0.1, "document": True}, SPACING)],
)
def test_without_known_distances_there_is_no_en_face_picture(
    over: dict[str, Any], spacing: tuple[float, float] | None
) -> None:
    assert Rendition.ENFACE not in rendered(stack(12, **over), spacing)


def test_slices_of_different_widths_have_no_en_face_picture() -> None:
    made = stack(12, lambda index: frame(index, 60 - index), between_mm=0.1)
    assert Rendition.ENFACE not in rendered(made)


def test_an_en_face_picture_of_the_file_itself_is_taken() -> None:
    own = Image.new("L", (70, 70), 123)
    assert np.abs(grey(opened(rendered(stack(12, enface=own))[Rendition.ENFACE])) - 123).max() <= 1


@pytest.mark.parametrize(
    ("count", "over", "like"),
    [
        (1, {}, "display"),
        (9, {"between_mm": 0.1}, "display"),
        (10, {"between_mm": 0.1}, "enface"),
        (10, {}, "display"),
        (30, {"document": True}, "display"),
    ],
)
def test_the_thumbnail_shows_what_stands_for_the_scan(count: int, over: dict[str, Any], like: str) -> None:
    kept = rendered(stack(count, lambda index: frame(index % 20), **over))
    thumbnail = grey(opened(kept[Rendition.THUMBNAIL]))
    wanted = grey(opened(kept[Rendition(like)]).resize((thumbnail.shape[1], thumbnail.shape[0])))
    assert np.abs(thumbnail - wanted).mean() < 4
    display = grey(opened(kept[Rendition.DISPLAY]))
    shown = 0 if over.get("document") else count // 2
    assert np.abs(display - grey(frame(shown % 20))).mean() < 2


def test_only_a_single_frame_has_a_lossless_rendition() -> None:
    assert np.array_equal(grey(opened(rendered(stack(1))[Rendition.FULL])), grey(frame(0)))
    assert Rendition.FULL not in rendered(stack(2))


def test_size_is_that_of_the_largest_frame() -> None:
    made = stack(3, lambda index: frame(index, 30 + 15 * index, 40))
    assert render.render(Scan.of(made, Facts()), lambda *_: None).width == 60


def test_nothing_that_a_frame_carries_reaches_the_archive() -> None:
    def draw(index: int) -> Image.Image:
        image = frame(index)
        image.info |= {"exif": b"Exif\0\0SECRET", "icc_profile": b"SECRET", "xmp": b"SECRET", "comment": b"SECRET"}
        return image

    assert all(b"SECRET" not in data for data in rendered(stack(3, draw, localizer=draw(1), enface=draw(2))).values())
