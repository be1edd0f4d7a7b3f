"""The sandbox with real child processes: good files, hostile files, and decoders that attack."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from broker.ingest.sandbox import START, Limits, Sandbox, SandboxUnavailable, ScanFacts, Verdict
from broker.names import Rendition
from broker.words import Rejection
from tests import hostile

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
SMALL = Limits(memory_bytes=400 << 20, cpu_seconds=2, wall_seconds=3, file_bytes=1 << 20)


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
        assert only(verdict).renditions
        assert verdict.no_preview is None
    else:
        assert verdict.scans == ()
        assert list((tmp_path / "out").iterdir()) == []


def test_files_without_preview_are_kept_with_the_reason(sandbox: Sandbox, tmp_path: Path) -> None:
    for case in hostile.kept():
        verdict = examine(sandbox, tmp_path, case.make(), case.filename)
        assert (verdict.rejection, verdict.format) == (None, case.format), case.name
        assert verdict.no_preview
        assert only(verdict) == ScanFacts(width=0, height=0, frames=1)


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
env = sum(not key.startswith('LC_') for key in os.environ)
raise formats.Refused(Rejection.TYPE, f"{env} variables, {sum(map(alive, range(3, 500)))} descriptors")
"""
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
