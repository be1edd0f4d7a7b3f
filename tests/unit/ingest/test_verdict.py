"""The report of a child that may be hostile is believed only as far as it fits."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.ingest.verdict import BadReport, ScanFacts, read_report
from broker.names import Rendition
from broker.words import Eye, Rejection

WEBP = b"RIFF\x20\0\0\0WEBPVP8 " + bytes(24)
JPEG = b"\xff\xd8\xff\xe0" + bytes(60)
URI = "data:image/webp;base64," + base64.b64encode(WEBP).decode()


@pytest.fixture
def pack(tmp_path: Path) -> Iterator[int]:
    """A pack that holds a WebP, then a JPEG."""
    path = tmp_path / "pack"
    path.write_bytes(WEBP + JPEG)
    descriptor = os.open(path, os.O_RDWR)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def report() -> dict[str, Any]:
    """A report that fits."""
    thumbnail = {"name": "thumbnail", "media_type": "image/webp", "width": 40, "height": 30}
    display = {"name": "display", "media_type": "image/jpeg", "width": 400, "height": 300}
    scan = {
        "width": 400,
        "height": 300,
        "frames": 1,
        "eye": "OD",
        "kind": None,
        "captured_at": "2024-05-06T07:08:09+02:00",
        "captured_source": "exif",
        "device": "Canon CR-2",
        "spacing_mm": [0.01, 0.02],
        "patient_hint": {"id": "0042"},
        "placeholder": URI,
        "renditions": [
            thumbnail | {"offset": 0, "bytes": len(WEBP)},
            display | {"offset": len(WEBP), "bytes": len(JPEG)},
        ],
    }
    return {"format": "jpeg", "rejection": None, "detail": "", "no_preview": None, "scans": [scan]}


def test_a_report_that_fits_becomes_a_verdict_and_files(pack: int, out: Path) -> None:
    verdict = read_report(json.dumps(report()).encode(), pack, out)
    (scan,) = verdict.scans
    assert verdict.media_type == "image/jpeg"
    assert (scan.eye, scan.spacing_mm, scan.patient_hint) == (Eye.OD, (0.01, 0.02), {"id": "0042"})
    assert [r.name for r in scan.renditions] == [Rendition.THUMBNAIL, Rendition.DISPLAY]
    assert [r.path.read_bytes() for r in scan.renditions] == [WEBP, JPEG]
    assert all(r.path.parent == out and r.path.stat().st_mode & 0o777 == 0o600 for r in scan.renditions)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("format", "exe"),
        ("format", ["jpeg"]),
        ("rejection", "because"),
        ("detail", "line\nbreak"),
        ("detail", "x" * 201),
        ("detail", None),
        ("no_preview", 7),
        ("scans", []),
        ("scans", {}),
        ("scans", [[]]),
        ("scans", [{}] * 257),
        ("scans.0.width", 0),
        ("scans.0.width", True),
        ("scans.0.height", 70_000),
        ("scans.0.frames", "1"),
        ("scans.0.eye", "left"),
        ("scans.0.kind", "virus"),
        ("scans.0.captured_at", "2024-05-06T07:08:09<script>"),
        ("scans.0.captured_source", "technician"),
        ("scans.0.device", "a\x1b[31m"),
        ("scans.0.device", "x" * 121),
        ("scans.0.spacing_mm", [0.0, 1.0]),
        ("scans.0.spacing_mm", [1.0]),
        ("scans.0.patient_hint", {"evil": "x"}),
        ("scans.0.patient_hint", {"id": 7}),
        ("scans.0.placeholder", ""),
        ("scans.0.placeholder", "data:text/html;base64," + base64.b64encode(WEBP).decode()),
        ("scans.0.placeholder", "data:image/webp;base64,!!!!"),
        ("scans.0.placeholder", "data:image/webp;base64," + base64.b64encode(JPEG).decode()),
        ("scans.0.placeholder", "data:image/webp;base64," + base64.b64encode(WEBP * 40).decode()),
        ("scans.0.renditions", [{}]),
        ("scans.0.renditions", []),
        ("scans.0.renditions.0.name", "../../etc/passwd"),
        ("scans.0.renditions.0.name", "full"),
        ("scans.0.renditions.0.media_type", "text/html"),
        ("scans.0.renditions.0.media_type", "image/jpeg"),
        ("scans.0.renditions.0.width", 385),
        ("scans.0.renditions.0.offset", 1),
        ("scans.0.renditions.0.offset", -1),
        ("scans.0.renditions.0.offset", len(WEBP)),
        ("scans.0.renditions.0.offset", 1 << 60),
        ("scans.0.renditions.0.bytes", 0),
        ("scans.0.renditions.0.bytes", 1 << 40),
        ("scans.0.renditions.1.name", "thumbnail"),
        ("scans.0.frames", 2),
        ("scans.0.frames", 60_001),
        ("scans.0.captured_at", None),
        ("scans.0.captured_source", None),
        ("scans.0.captured_doubtful", 1),
        ("scans.0.captured_doubtful", "no"),
        ("scans.0.before_birth", "yes"),
        ("scans.0.eye_contradicts", 1),
        ("scans.0.spacing_mm", [0.01, float("nan")]),
        ("scans.0.spacing_mm", [0.01, 0.01, 0.01]),
        ("scans.0.patient_hint", {"id": "line\nbreak"}),
    ],
)
def test_a_report_that_does_not_fit_is_void_and_leaves_nothing(where: str, value: object, pack: int, out: Path) -> None:
    forged: Any = report()
    *path, last = where.split(".")
    place = forged
    for step in path:
        place = place[int(step) if step.isdigit() else step]
    place[int(last) if last.isdigit() else last] = value
    with pytest.raises(BadReport):
        read_report(json.dumps(forged).encode(), pack, out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[]", b"[" * 100_000, b'"a"', b"\xff\xfe"])
def test_what_is_no_report_is_void(raw: bytes, pack: int, out: Path) -> None:
    with pytest.raises(BadReport):
        read_report(raw, pack, out)


def test_a_file_of_that_name_already_there_is_never_followed(pack: int, out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (out / "0-thumbnail.webp").symlink_to(victim)
    with pytest.raises(OSError):
        read_report(json.dumps(report()).encode(), pack, out)
    assert not victim.exists()


def test_a_file_without_pictures_keeps_what_it_says_of_itself(pack: int, out: Path) -> None:
    said = {"eye": "OS", "patient_hint": {"id": "0819"}, "captured_at": None, "captured_source": None}
    kept = report() | {"no_preview": "Not drawn.", "scans": [said]}
    assert read_report(json.dumps(kept).encode(), pack, out).scans == (
        ScanFacts(eye=Eye.OS, patient_hint={"id": "0819"}),
    )
    assert read_report(json.dumps(kept | {"scans": []}).encode(), pack, out).scans == (ScanFacts(),)
    for void in ([said, said], [7], [said | {"eye": "left"}], [said | {"patient_hint": {"evil": "x"}}]):
        with pytest.raises(BadReport):
            read_report(json.dumps(kept | {"scans": void}).encode(), pack, out)


def test_a_rejection_carries_no_scans(pack: int, out: Path) -> None:
    verdict = read_report(json.dumps(report() | {"rejection": "polyglot"}).encode(), pack, out)
    assert verdict.rejection is Rejection.POLYGLOT
    assert verdict.scans == ()
    assert list(out.iterdir()) == []


def test_a_stack_has_its_frames_and_what_belongs_to_them(pack: int, out: Path) -> None:
    archive = b"PK\x03\x04\x14\0\0\0\0\0" + bytes(60)
    stack = report()
    stack["scans"][0] |= {"frames": 25, "captured_doubtful": True}
    frames = {"name": "frames", "media_type": "application/zip", "width": 768, "height": 496}
    size = os.fstat(pack).st_size
    os.pwrite(pack, archive, size)
    stack["scans"][0]["renditions"].append(frames | {"offset": size, "bytes": len(archive)})
    (scan,) = read_report(json.dumps(stack).encode(), pack, out).scans
    assert (scan.frames, scan.captured_doubtful) == (25, True)
    assert scan.renditions[2].path.read_bytes() == archive


def test_an_archive_whose_entries_are_packed_is_void(pack: int, out: Path) -> None:
    forged = report()
    size = os.fstat(pack).st_size
    os.pwrite(pack, b"PK\x03\x04\x14\0\0\0\x08\0" + bytes(60), size)
    frames = {"name": "frames", "media_type": "application/zip", "width": 768, "height": 496}
    forged["scans"][0]["renditions"].append(frames | {"offset": size, "bytes": 70})
    with pytest.raises(BadReport):
        read_report(json.dumps(forged).encode(), pack, out)
