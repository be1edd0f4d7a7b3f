"""Heidelberg files made by rule: .vol exports of every scan pattern, .E2E files by chunks. Patients are invented."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

SERIES = (11, 22, 33)
_FILETIME_START = datetime(1601, 1, 1)
_OLE_START = date(1899, 12, 30)
EXAM, BORN = datetime(2024, 5, 6, 7, 8, 9, 250_000), date(1951, 10, 3)


def reflectivity(count: int = 3, height: int = 16, width: int = 24) -> NDArray[np.float32]:
    """B-scans from 0 to 1, (count, height, width), each with a bright layer of its own depth over speckle."""
    out = np.random.default_rng(count).random((count, height, width), np.float32) * np.float32(0.01)
    for index in range(count):
        out[index, (index * 2 + 3) % height] = 1
    return out


def slo(width: int = 40, height: int = 30) -> NDArray[np.uint8]:
    """A localizer, brighter to the right, (height, width)."""
    return np.tile(np.linspace(20, 230, width).astype(np.uint8), (height, 1))


def vol(
    values: NDArray[np.float32] | None = None,
    *,
    localizer: NDArray[np.uint8] | None = None,
    lines: Sequence[tuple[float, float, float, float]] | None = None,
    slice_header: int = 1000,
    tail: bytes = b"",
    **over: Any,
) -> bytes:
    """A .vol file; lines are in pixels of the localizer (of a circle: a point on it, then the centre).

    ``over``: pattern, version, eye, exam, born, patient, between, step_x, step_z, slo_step, and what the header says
    of sizes: width, height, count, slo_width, slo_height.
    """
    values = reflectivity() if values is None else values
    picture = slo() if localizer is None else localizer
    count, height, width = values.shape
    said = {"width": width, "height": height, "count": count, "pattern": 3, "between": 0.12, "slo_step": 0.025}
    said |= {"slo_width": picture.shape[1], "slo_height": picture.shape[0]}
    said |= {"step_x": 0.04, "step_z": 0.004, "version": b"HSF-OCT-103", "eye": b"OS", "patient": b"0042"} | over
    out = _vol_header(said) + picture.tobytes()
    for index in range(count):
        ends = lines[index] if lines is not None else (2, 25 - index * 4, 38, 25 - index * 4)
        head = struct.pack("<12s i 4d", b"HSF-BS-103", slice_header, *(end * said["slo_step"] for end in ends))
        out += head.ljust(max(slice_header, 64), b"\0") + values[index].astype("<f4").tobytes()
    return out + tail


def _vol_header(said: dict[str, Any]) -> bytes:
    exam, born = said.get("exam", EXAM), said.get("born", BORN)
    ticks = exam if isinstance(exam, int) else (exam - _FILETIME_START) // timedelta(microseconds=1) * 10
    days = born if isinstance(born, float) else float((born - _OLE_START).days)
    return struct.pack(
        "<12s 3i 3d 2i 2d i d 4s Q 2i 16s 16s i 24s d i 24s d",
        said["version"],
        *(said["width"], said["count"], said["height"], said["step_x"], said["between"], said["step_z"]),
        *(said["slo_width"], said["slo_height"], said["slo_step"], said["slo_step"], 30, -1.5, said["eye"], ticks),
        *(said["pattern"], 61440, b"716.0", b"", 86, said["patient"], days, 145, b"", 42_746.0),
    ).ljust(2048, b"\0")


def chunk(
    kind: int, payload: bytes, series: tuple[int, int, int] = SERIES, number: int = -1, size: int | None = None
) -> bytes:
    """One data chunk; ``size`` is what it announces."""
    length = len(payload) if size is None else size
    return (
        struct.pack("<12s 2I 2I I 4i 2H 2I", b"MDbData", 0, 0, 0, length, 0, *series, number, 0, 0, kind, 0) + payload
    )


def laterality(letter: bytes, series: tuple[int, int, int] = SERIES) -> bytes:
    """Which eye a series is of."""
    return chunk(11, bytes(14) + letter + bytes(12), series)


def patient(
    first: bytes, last: bytes, number: bytes, sex: bytes = b"F", series: tuple[int, int, int] = SERIES
) -> bytes:
    """Who the patient is."""
    return chunk(9, struct.pack("<31s 66s I 1s 25s", first, last, 0, sex, number), (series[0], -1, -1))


def b_scan(values: NDArray[np.float32], number: int = 0, series: tuple[int, int, int] = SERIES, **over: int) -> bytes:
    """A B-scan, (height, width), from 0 to 1, as floats without sign: 6 bits of exponent, 10 of mantissa."""
    safe = np.maximum(values, 2.0**-60)
    exponent = np.floor(np.log2(safe))
    raw = ((exponent + 63).astype(int) << 10) | ((safe / 2.0**exponent - 1) * 1024).astype(int)
    data = np.where(values > 0, raw, 0).astype("<u2").tobytes()
    return _image(0x02200201, data, values.shape, number * 2, series, over)


def slo_chunk(pixels: NDArray[np.uint8], series: tuple[int, int, int] = SERIES, **over: int) -> bytes:
    """An SLO picture, (height, width)."""
    return _image(0x02010201, pixels.tobytes(), pixels.shape, 0, series, over)


def _image(
    kind: int, data: bytes, shape: tuple[int, ...], number: int, series: tuple[int, int, int], over: dict[str, int]
) -> bytes:
    height, width = over.get("height", shape[0]), over.get("width", shape[1])
    head = struct.pack("<5I", 20 + len(data), kind, len(data), height, width)
    return chunk(0x40000000, head + data, series, number, over.get("size"))


def e2e(*chunks: bytes) -> bytes:
    """The file of some chunks; its directory points nowhere, as in minimised exports."""
    directory = b"MDbMDir".ljust(12, b"\0") + struct.pack("<10I", 100, *[0xFFFF_FFFF] * 4, 512, 414_829_212, 0, 0, 0)
    return b"CMDb".ljust(36, b"\0") + directory + b"".join(chunks)
