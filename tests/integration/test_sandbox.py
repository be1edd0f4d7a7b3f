"""The sandbox with real child processes: good files, hostile files, and decoders that attack."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from PIL import Image

from broker.ingest.sandbox import START, Limits, Sandbox, SandboxUnavailable, ScanFacts, Verdict
from broker.names import Rendition
from broker.words import Eye, Kind, Rejection
from tests import heidelberg, hostile, tiffs

#: Real files that are not part of this repository.
SAMPLES = Path(__file__).parents[3] / "shared" / "samples"

T = TypeVar("T")

# A decoder that does what the file says, in place of the real formats.
ATTACKS = START.replace(
    "main(int(sys.argv[2]))",
    """
import ctypes, os, resource, socket, threading, time
import broker.ingest.child as child
from broker.ingest import formats
from broker.words import Rejection
def attack(name, source, bounds):
    order = source.head.decode()
    try:
        exec(order, globals() | {"source": source})
    except OSError as refused:
        raise formats.Refused(Rejection.TYPE, f"errno {refused.errno}")
    raise formats.Refused(Rejection.TYPE, "it worked")
    yield
formats.scans = attack
formats.identify = lambda source: "jpeg"
child.main(int(sys.argv[2]))
""",
)
SMALL = Limits(memory_bytes=400 << 20, cpu_seconds=1, wall_seconds=4, file_bytes=1 << 20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture(scope="module")
def attacked() -> Iterator[Sandbox]:
    with Sandbox(SMALL, start_code=ATTACKS) as box:
        yield box


def examine(box: Sandbox, folder: Path, data: bytes, filename: str = "a.jpg") -> Verdict:
    """Spool bytes and have them examined."""
    spool = folder / "spool"
    spool.write_bytes(data)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return box.examine(spool, out, filename=filename)


def only(verdict: Verdict) -> ScanFacts:
    assert verdict.rejection is None, verdict
    (scan,) = verdict.scans
    return scan


def opened(scan: ScanFacts, name: Rendition) -> Image.Image:
    (rendition,) = [r for r in scan.renditions if r.name is name]
    assert rendition.bytes == rendition.path.stat().st_size
    image = Image.open(io.BytesIO(rendition.path.read_bytes()))
    image.load()
    assert image.size == (rendition.width, rendition.height)
    assert image.format == {"image/jpeg": "JPEG", "image/webp": "WEBP", "image/png": "PNG"}[rendition.media_type]
    return image


def middle(image: Image.Image, right: bool, low: bool) -> tuple[int, ...]:
    """The colour in the middle of one quarter."""
    x, y = image.width * (3 if right else 1) // 4, image.height * (3 if low else 1) // 4
    value = image.convert("RGB").getpixel((x, y))
    assert isinstance(value, tuple)
    return tuple(int(part) for part in value)


def one_of_each(found: list[T], most: int) -> list[T]:
    return found[:: max(1, len(found) // most)]


@pytest.mark.parametrize("case", [*hostile.good(), *hostile.hostile()], ids=lambda case: case.name)
def test_each_file_has_its_outcome(case: hostile.Case, sandbox: Sandbox, tmp_path: Path) -> None:
    started = time.monotonic()
    verdict = examine(sandbox, tmp_path, case.make(), case.filename)
    assert verdict.rejection == case.rejection, verdict
    assert time.monotonic() - started < 5
    if case.rejection is None:
        assert verdict.format == case.format
        assert all(scan.renditions for scan in verdict.scans)
        assert verdict.scans
        assert verdict.no_preview is None
    else:
        assert verdict.scans == ()
        assert list((tmp_path / "out").iterdir()) == []


def test_files_without_preview_are_kept_with_the_reason(sandbox: Sandbox, tmp_path: Path) -> None:
    for case in hostile.kept():
        verdict = examine(sandbox, tmp_path, case.make(), case.filename)
        assert (verdict.rejection, verdict.format) == (None, case.format), case.name
        assert verdict.no_preview
        scan = only(verdict)
        assert (scan.width, scan.height, scan.frames, scan.renditions) == (0, 0, 1, ())


def test_a_name_that_contradicts_the_contents_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    for case in one_of_each(list(hostile.mismatches()), 120):
        assert examine(sandbox, tmp_path, case.make(), case.filename).rejection == case.rejection, case.name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_facts_are_found(orientation: int, sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile.rotated(orientation, offset="+02:00")))
    assert (scan.width, scan.height) == (120, 80)
    assert (scan.captured_at, scan.captured_source) == ("2024-05-06T07:08:09+02:00", "exif")
    assert scan.device == "Canon CR-2 AF"
    assert scan.eye is None
    assert scan.kind is None
    for name in (Rendition.DISPLAY, Rendition.THUMBNAIL):
        image = opened(scan, name)
        assert image.size == (120, 80)
        red, green, blue = middle(image, False, False), middle(image, True, False), middle(image, False, True)
        assert red[0] > 150 > 90 > red[1]
        assert green[1] > 150 > 90 > green[0]
        assert blue[2] > 150 > 90 > blue[0]


def test_renditions_are_bounded_never_enlarged_and_bare(sandbox: Sandbox, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETMAKE"
    large = Image.fromarray(hostile.pixels(2000, 1000))
    data = hostile.saved(large, "JPEG", exif=exif, comment=b"SECRETCOMMENT", icc_profile=hostile._srgb())
    scan = only(examine(sandbox, tmp_path, data))
    assert (scan.width, scan.height) == (2000, 1000)
    assert opened(scan, Rendition.DISPLAY).size == (1600, 800)
    assert opened(scan, Rendition.THUMBNAIL).size == (384, 192)
    assert {r.name for r in scan.renditions} == {Rendition.DISPLAY, Rendition.THUMBNAIL}
    for rendition in scan.renditions:
        raw = rendition.path.read_bytes()
        assert b"SECRET" not in raw
        assert b"Exif" not in raw
        assert b"ICC_PROFILE" not in raw
        assert not Image.open(io.BytesIO(raw)).info.keys() & {"exif", "icc_profile", "comment", "xmp"}
    assert scan.placeholder.startswith("data:image/webp;base64,")
    assert len(scan.placeholder) < 400


@pytest.mark.parametrize("name", ["png-16-bit", "png-12-bit"])
def test_deep_grey_is_scaled_and_not_clipped(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile._GOOD_PNG[name](), "a.png"))
    full = np.asarray(opened(scan, Rendition.FULL)).astype(int)
    assert full.shape == (16, 256)
    assert np.abs(full[0] - np.arange(256)).max() <= 1


def test_large_deep_grey_is_shrunk_without_wrapping(sandbox: Sandbox, tmp_path: Path) -> None:
    steps = np.repeat(np.array([0, 1000, 40_000, 65_535], np.uint16), 500)
    scan = only(examine(sandbox, tmp_path, hostile.saved(Image.fromarray(np.tile(steps, (900, 1))), "PNG"), "a.png"))
    for name in (Rendition.DISPLAY, Rendition.THUMBNAIL, Rendition.FULL):
        shown = opened(scan, name).convert("L")
        seen = [shown.getpixel((shown.width * part // 8, shown.height // 2)) for part in (1, 3, 5, 7)]
        assert np.abs(np.array(seen, int) - [0, 4, 156, 255]).max() <= 4, (name, seen)


def test_cmyk_gets_a_full_rendition_with_its_colours(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile._GOOD_JPEG["cmyk"]()))
    red = middle(opened(scan, Rendition.FULL), False, False)
    assert red[0] > 150 > 90 > red[1]


def test_transparency_is_laid_on_neutral_grey(sandbox: Sandbox, tmp_path: Path) -> None:
    clear = hostile.saved(Image.new("RGBA", (40, 40), (255, 0, 0, 0)), "PNG")
    assert (
        middle(opened(only(examine(sandbox, tmp_path, clear, "a.png")), Rendition.DISPLAY), False, False) == (128,) * 3
    )


def test_an_interlaced_picture_is_shown_right(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile.interlaced(), "a.png"))
    shown = np.asarray(opened(scan, Rendition.DISPLAY)).astype(int)
    assert np.abs(shown - np.arange(64).reshape(8, 8)).max() <= 4


def test_a_wide_profile_is_brought_to_srgb(sandbox: Sandbox, tmp_path: Path) -> None:
    lab = Image.new("RGB", (16, 16), (128, 128, 128))
    plain = only(examine(sandbox, tmp_path, hostile.saved(lab, "PNG", icc_profile=hostile._srgb()), "a.png"))
    assert abs(middle(opened(plain, Rendition.DISPLAY), False, False)[0] - 128) <= 2


def test_a_1_gib_dicom_is_kept_without_being_read(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(bytes(128) + hostile.dicom_start(hostile.OPT, (1 << 30) - 1000))
        file.truncate(1 << 30)
    out = tmp_path / "out"
    out.mkdir()
    started = time.monotonic()
    verdict = sandbox.examine(path, out, filename="a.dcm")
    assert verdict.no_preview
    assert time.monotonic() - started < 1


def frames(scan: ScanFacts) -> tuple[dict[str, Any], list[Image.Image]]:
    """The index of a stack and its frames in the order of their numbers."""
    (rendition,) = [r for r in scan.renditions if r.name is Rendition.FRAMES]
    assert rendition.media_type == "application/zip"
    with zipfile.ZipFile(rendition.path) as file:
        assert file.testzip() is None
        index = json.loads(file.read("index.json"))
        rows = sorted(index["frames"], key=lambda row: int(row["slice"]))
        assert [row["slice"] for row in rows] == list(range(scan.frames))
        images = [Image.open(io.BytesIO(file.read(row["name"]))).convert("L") for row in rows]
    assert {image.size for image in images} == {(index["width"], index["height"])}
    assert (rendition.width, rendition.height) == images[0].size
    return index, images


def sampled(name: str) -> Path:
    path = SAMPLES / name
    if not path.exists():
        pytest.skip(f"the sample {name} is not on this machine")
    return path


def examine_sample(box: Sandbox, folder: Path, name: str) -> ScanFacts:
    return only(box.examine(sampled(name), folder, filename=name))


def test_a_volume_has_frames_localizer_and_en_face_picture(sandbox: Sandbox, tmp_path: Path) -> None:
    data = heidelberg.vol(heidelberg.reflectivity(12, 32, 48))
    scan = only(examine(sandbox, tmp_path, data, "a.vol"))
    assert (scan.width, scan.height, scan.frames) == (48, 32, 12)
    assert (scan.eye, scan.kind, scan.spacing_mm) == (Eye.OS, Kind.OCT, (0.004, 0.04))
    assert (scan.captured_at, scan.captured_source) == ("2024-05-06T07:08:09.250000", "vendor")
    assert scan.patient_hint == {"id": "0042", "birth_date": "1951-10-03"}
    assert {r.name for r in scan.renditions} == set(Rendition) - {Rendition.FULL}
    index, images = frames(scan)
    assert index["middle"] == 6
    assert [int(np.asarray(image).mean(axis=1).argmax()) for image in images] == [n * 2 + 3 for n in range(12)]
    assert opened(scan, Rendition.LOCALIZER).size == (40, 30)
    # 48 columns 0.04 mm wide, 12 rows 0.12 mm apart.
    assert opened(scan, Rendition.ENFACE).size == opened(scan, Rendition.THUMBNAIL).size == (48, 36)
    assert opened(scan, Rendition.DISPLAY).size == (48, 32)


def test_a_file_of_several_series_gives_several_scans(sandbox: Sandbox, tmp_path: Path) -> None:
    values = heidelberg.reflectivity(4, 20, 32)
    one, two = (1, 2, 3), (1, 2, 4)
    data = heidelberg.e2e(
        heidelberg.patient(b"Anna", b"Test", b"007", series=one),
        heidelberg.laterality(b"R", one),
        heidelberg.slo_chunk(heidelberg.slo(), one),
        *(heidelberg.b_scan(values[number], number, one) for number in range(4)),
        heidelberg.laterality(b"L", two),
        heidelberg.b_scan(values[3], 0, two),
    )
    verdict = examine(sandbox, tmp_path, data, "a.E2E")
    first, second = verdict.scans
    assert (first.eye, first.frames, second.eye, second.frames) == (Eye.OD, 4, Eye.OS, 1)
    assert first.patient_hint == second.patient_hint == {"id": "007", "name": "Test^Anna", "sex": "F"}
    assert opened(first, Rendition.LOCALIZER).size == (40, 30)
    assert Rendition.LOCALIZER not in {r.name for r in second.renditions}
    assert np.abs(np.asarray(frames(second)[1][0]).astype(float) - values[3] ** 0.25 * 255).mean() < 6


def test_pages_of_a_tiff_are_frames(sandbox: Sandbox, tmp_path: Path) -> None:
    deep = np.tile(np.linspace(0, 65_535, 64).astype(np.uint16), (48, 1))
    data = tiffs.tiff(*(tiffs.page((deep // part).astype(np.uint16)) for part in (1, 2, 4)))
    scan = only(examine(sandbox, tmp_path, data, "a.tif"))
    assert (scan.width, scan.height, scan.frames) == (64, 48, 3)
    for part, image in zip((1, 2, 4), frames(scan)[1], strict=True):
        assert np.abs(np.asarray(image)[20].astype(float) - np.linspace(0, 255, 64) / part).mean() < 3
    assert Rendition.ENFACE not in {r.name for r in scan.renditions}


def test_a_single_tiff_has_a_rendition_without_loss(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile.saved(hostile.picture(), "TIFF", compression="tiff_lzw"), "a.tiff"))
    assert np.array_equal(np.asarray(opened(scan, Rendition.FULL)), hostile.pixels())


@pytest.mark.parametrize("kind", ["webp", "bmp"])
def test_what_browsers_show_has_no_rendition_without_loss(kind: str, sandbox: Sandbox, tmp_path: Path) -> None:
    scan = only(examine(sandbox, tmp_path, hostile.sample(kind), f"a.{kind}"))
    assert {r.name for r in scan.renditions} == {Rendition.DISPLAY, Rendition.THUMBNAIL}
    assert np.abs(np.asarray(opened(scan, Rendition.DISPLAY)).astype(int) - hostile.pixels()).mean() < 8


def test_the_upside_down_rows_of_a_bitmap_are_shown_upright(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, data in (("up", hostile.sample("bmp")), ("down", hostile._GOOD_OTHERS["bmp"]["bmp-rows-down"]())):
        (tmp_path / name).mkdir()
        shown = opened(only(examine(sandbox, tmp_path / name, data, "a.bmp")), Rendition.DISPLAY)
        assert middle(shown, False, False)[0] > 150 > 90 > middle(shown, False, False)[1]


def test_a_stack_needs_no_more_memory_than_some_frames(sandbox: Sandbox, tmp_path: Path) -> None:
    # 200 slices of 1024 x 512 floats: 420 MB in the file, 105 MB as pixels.
    with Sandbox(Limits(memory_bytes=420 << 20)) as box:
        path, values = tmp_path / "large.vol", heidelberg.reflectivity(1, 512, 1024)
        head = heidelberg.vol(values, count=200)
        start = len(head) - 1000 - values.nbytes
        with path.open("wb") as file:
            file.write(head[:start])
            for _ in range(200):
                file.write(head[start:])
        out = tmp_path / "made"
        out.mkdir()
        scan = only(box.examine(path, out, filename="large.vol"))
        assert scan.frames == 200
        assert box.peak_bytes < 200 << 20


def test_the_line_scan_sample_has_its_facts(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = examine_sample(sandbox, tmp_path, "Willis_B_716_0.vol")
    assert (scan.width, scan.height, scan.frames, scan.eye, scan.kind) == (768, 496, 1, Eye.OD, Kind.OCT)
    assert scan.captured_at is not None
    assert scan.captured_at.startswith("2017-01-11T14:27:41.62")
    assert scan.captured_source == "vendor"
    assert scan.spacing_mm == pytest.approx((0.0038717, 0.0118206), abs=1e-7)
    assert scan.patient_hint is not None
    assert scan.patient_hint["id"] == "01234"
    assert scan.patient_hint["birth_date"].startswith("1951-")
    index, images = frames(scan)
    assert index["localizer"] == {"width": 768, "height": 768}
    (row,) = index["frames"]
    assert row["line"] == pytest.approx([0, 384, 768, 384], abs=0.2)
    # Fourth root: linear, the mean would be about 2.
    assert 20 < np.asarray(images[0]).mean() < 90
    assert opened(scan, Rendition.LOCALIZER).size == (768, 768)


def test_the_library_made_sample_has_its_facts(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = examine_sample(sandbox, tmp_path, "test_volume.vol")
    assert (scan.width, scan.height, scan.frames, scan.eye) == (50, 40, 10, Eye.OD)
    assert (scan.captured_at, scan.device) == (None, None)
    assert scan.patient_hint == {"id": "Study-01"}
    assert scan.spacing_mm == pytest.approx((0.003872, 0.011819), abs=1e-6)
    # Brightness from 0 to 254 as it is; clipped at 1 and stretched it would be white nearly everywhere.
    assert 90 < np.asarray(frames(scan)[1][0]).mean() < 165


def test_the_minimised_e2e_sample_has_its_facts(sandbox: Sandbox, tmp_path: Path) -> None:
    scan = examine_sample(sandbox, tmp_path, "e2e_minimized.E2E")
    assert (scan.width, scan.height, scan.frames, scan.eye, scan.kind) == (512, 496, 1, Eye.OS, Kind.OCT)
    assert (scan.captured_at, scan.patient_hint, scan.spacing_mm) == (None, None, None)
    assert Rendition.LOCALIZER not in {r.name for r in scan.renditions}
    dark = (np.asarray(frames(scan)[1][0]) < 12).mean()
    assert 0.25 < dark < 0.5


def test_the_picture_samples_are_shown(sandbox: Sandbox, tmp_path: Path) -> None:
    colour = examine_sample(sandbox, tmp_path, "retina.jpg")
    assert (colour.width, colour.height, colour.captured_at, colour.eye) == (1411, 1411, None, None)
    means = np.asarray(opened(colour, Rendition.DISPLAY)).reshape(-1, 3).mean(axis=0)
    assert np.abs(means - [159.4, 63.5, 46.1]).max() < 1
    (tmp_path / "grey").mkdir()
    grey = examine_sample(sandbox, tmp_path / "grey", "microaneurysms.png")
    assert opened(grey, Rendition.THUMBNAIL).size == opened(grey, Rendition.DISPLAY).size == (102, 102)


def test_same_file_gives_the_same_bytes(sandbox: Sandbox, tmp_path: Path) -> None:
    made = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        scan = only(examine(sandbox, tmp_path / folder, hostile.rotated(6)))
        made.append((scan.placeholder, [r.path.read_bytes() for r in scan.renditions]))
    assert made[0] == made[1]


def test_the_strongest_walls_of_this_platform_hold(sandbox: Sandbox) -> None:
    strength = sandbox.strength()
    assert strength.network
    assert strength.files
    assert "network" in strength.sentence


@pytest.mark.parametrize(
    "order",
    [
        "socket.socket()",
        "socket.socketpair()",
        "os.open('/etc/hostname', os.O_RDONLY)",
        "os.open('/tmp/made-by-a-decoder', os.O_WRONLY | os.O_CREAT)",
        "os.pipe()",
        "os.dup(0)",
        "os.kill(os.getppid(), 9)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.unlink('/tmp/nothing-here')",
    ],
)
def test_nothing_can_be_reached_from_inside(order: str, attacked: Sandbox, tmp_path: Path) -> None:
    verdict = examine(attacked, tmp_path, order.encode())
    assert verdict.rejection is Rejection.TYPE
    assert verdict.detail.startswith("errno "), verdict


def test_without_seccomp_the_descriptor_limit_still_closes_network_and_files(tmp_path: Path) -> None:
    bare = ATTACKS.replace(
        "import ctypes,", "import broker.ingest.jail as jail\njail._filter = lambda: None\nimport ctypes,"
    )
    with Sandbox(SMALL, start_code=bare) as box:
        strength = box.strength()
        assert (strength.seccomp, strength.network, strength.files) == (False, True, True)
        for order in ("socket.socket()", "os.open('/etc/hostname', os.O_RDONLY)", "os.pipe()"):
            assert examine(box, tmp_path, order.encode()).detail.startswith("errno ")


@pytest.mark.parametrize(
    ("order", "detail"),
    [
        ("ctypes.string_at(0)", "SIGSEGV"),
        ("os.abort()", "killed by"),
        ("while True: pass", "SIG"),
        ("time.sleep(60)", "no answer"),
        ("bytearray(1 << 30)", "MemoryError"),
        ("x = []\nwhile True: x.append(bytearray(1 << 20))", "MemoryError"),
        ("os._exit(3)", "exit code 3"),
        ("os._exit(0)", "not in the right form"),
        ("threading.Thread(target=print).start()", "RuntimeError"),
        ("raise KeyError('a patient')", "child failed: KeyError"),
        ("raise SystemExit", "child failed: SystemExit"),
        ("[os.write(n, b'x' * 65536) for _ in range(40) for n in range(3, 20) if os.fstat(n).st_mode & 0o10000]", ""),
    ],
)
def test_a_decoder_that_dies_is_a_verdict(order: str, detail: str, attacked: Sandbox, tmp_path: Path) -> None:
    verdict = examine(attacked, tmp_path, order.encode())
    if detail:
        assert verdict.rejection is Rejection.DECODER_DIED
    assert detail in verdict.detail
    assert "patient" not in verdict.detail
    again = examine(attacked, tmp_path, b"pass")
    assert again.detail == "it worked"


def test_output_beyond_its_limit_is_refused(attacked: Sandbox, tmp_path: Path) -> None:
    write = "[os.pwrite(n, b'x', 1 << 21) for n in range(3, 20) if n != source._descriptor]"
    verdict = examine(attacked, tmp_path, write.encode())
    assert verdict.detail.startswith("errno ")


def test_a_dead_zygote_is_replaced_and_the_file_tried_again(tmp_path: Path) -> None:
    with Sandbox(SMALL, start_code=ATTACKS) as box:
        zygote = box._zygote
        assert zygote is not None
        pid = zygote._process.pid
        timer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
        timer.start()
        verdict = examine(box, tmp_path, b"time.sleep(1)")
        timer.join()
        assert verdict.detail == "it worked"
        assert box._zygote is not None
        assert box._zygote._process.pid != pid
        os.kill(box._zygote._process.pid, signal.SIGKILL)
        assert examine(box, tmp_path, b"pass").detail == "it worked"


def test_the_child_sees_no_environment_and_no_other_descriptors(
    attacked: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "secret")
    probe = """
def alive(n):
    try: os.fstat(n)
    except OSError: return False
    return True
env = sum(not key.startswith(('LC_', 'GDCM_', 'MALLOC_')) for key in os.environ)
raise formats.Refused(Rejection.TYPE, f"{env} variables, {sum(map(alive, range(3, 500)))} descriptors")
"""
    # The C library's locale and the place of a decoder's own tables come from inside, and are no secrets.
    # The file, the pack, the report, and the pipe by which the zygote hears of the child's end.
    with Sandbox(SMALL, start_code=ATTACKS) as box:
        assert examine(box, tmp_path, probe.encode()).detail == "0 variables, 4 descriptors"
    assert attacked.strength().network


def test_decoders_end_with_the_worker(tmp_path: Path) -> None:
    box = Sandbox(SMALL, start_code=ATTACKS)
    box.start()
    assert box._zygote is not None
    process = box._zygote._process
    box._zygote._control.close()
    assert process.wait(timeout=5) == 0
    box.stop()


def test_a_zygote_that_does_not_start_is_no_verdict_on_a_file(tmp_path: Path) -> None:
    box = Sandbox(start_code="raise SystemExit(1)")
    with pytest.raises(SandboxUnavailable):
        examine(box, tmp_path, hostile.jpeg())
    box.stop()
