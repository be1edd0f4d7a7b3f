"""Heidelberg .vol: the raw export of Spectralis, read by hand; also files that the eyepy library writes in this form.

One line scan, a volume, a circle around the disc or a star of radial scans, with the SLO picture as its localizer and
the place of each B-scan on it. Device data are reflectivity from 0 to 1, shown as the fourth root, as the vendor shows
them; eyepy's hold 0 to 254 and are shown as they are.

The exam time is a Windows FILETIME without a zone. In a real file it lies an hour before the visit date: one of the
two is UTC, the other local, and nothing says which. It is taken without an offset.

Source: the header tables of the vendor's "Special Function: Exporting Raw Data", checked against a real export.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...words import CaptureSource, Eye, Kind, Rejection
from .. import facts
from . import tails
from .seam import Bounds, Line, Refused, Scan, Source, Stack

HEADER_BYTES = 2048

#: The scan patterns: one circle; a star of radial scans. All others are lines beside each other, or just one.
CIRCLE, RADIAL = 2, 5

_HEADER = struct.Struct("<12s 3i 3d 2i 2d i d 4s Q 2i 16s 16s i 24s d i 24s d")
_SLICE = struct.Struct("<12s i 4d")
_SLICE_BYTES = 64
_MAX_SLICE_HEADER = 16 << 20
#: Larger values mean that the device saw nothing there.
_INVALID = 1e30
#: Device data end at 1; this tells them from 0 to 254.
_LINEAR_FROM = 2.0
_LOOKED_AT = 9
_EYES = {b"OD": Eye.OD, b"OS": Eye.OS}
_FILETIME_START = datetime(1601, 1, 1)
_OLE_START = date(1899, 12, 30)


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says about the whole: sizes in pixels, steps in millimetres."""

    width: int
    height: int
    count: int
    step_x: float
    step_z: float
    between: float
    slo: tuple[int, int]
    slo_step: tuple[float, float]
    eye: Eye | None
    exam: datetime | None
    born: date | None
    patient: str
    pattern: int
    from_device: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """Where the pixels of one B-scan start in the file, and where it lies on the localizer."""

    at: int
    line: Line | None


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Check all sizes, then yield the one scan. Raises Refused."""
    header = read_header(source, bounds)
    slices = read_slices(source, header)
    linear = _linear(source, header, slices)
    width, height = header.slo
    localizer = Image.frombytes("L", header.slo, source.at(HEADER_BYTES, width * height)) if width else None
    stack = Stack(
        count=header.count,
        size=(header.width, header.height),
        frame=lambda index: Image.fromarray(_shown(_values(source, header, slices[index]), linear=linear)),
        localizer=localizer,
        lines=[each.line for each in slices] if localizer else (),
        between_mm=_between(header),
    )
    yield Scan.of(stack, about(header, datetime.now(UTC)))


def read_header(source: Source, bounds: Bounds) -> Header:
    """Read the file's header.

    Raises:
        Refused: PIXELS if it claims more than ``bounds``, TRUNCATED if the file is shorter than what it claims.
    """
    raw = source.at(0, HEADER_BYTES)
    if len(raw) < HEADER_BYTES:
        raise Refused(Rejection.TRUNCATED, "cut inside the header")
    version, *sizes = _HEADER.unpack_from(raw)
    width, count, height, step_x, between, step_z, slo_width, slo_height, slo_x, slo_y = sizes[:10]
    _, _, position, exam, pattern, _, _, _, _, patient, born = sizes[10:21]
    bounds.check(width, height, count)
    if slo_width or slo_height:
        bounds.check(slo_width, slo_height)
    if HEADER_BYTES + slo_width * slo_height + count * (_SLICE_BYTES + 4 * width * height) > source.size:
        raise Refused(Rejection.TRUNCATED, "shorter than its header says")
    return Header(
        width=width,
        height=height,
        count=count,
        step_x=step_x,
        step_z=step_z,
        between=between,
        slo=(slo_width, slo_height),
        slo_step=(slo_x, slo_y),
        eye=_EYES.get(position[:2]),
        exam=_filetime(exam),
        born=_ole_day(born),
        patient=facts.windows_text(patient),
        pattern=pattern,
        from_device=version.startswith(b"HSF-OCT-"),
    )


def read_slices(source: Source, header: Header) -> list[Slice]:
    """Walk the B-scans. Each says itself how long its header is; what the file's header says may be wrong.

    Raises:
        Refused: DECODE for an impossible header, TRUNCATED if the file ends early, POLYGLOT for what follows the end.
    """
    at, found = HEADER_BYTES + header.slo[0] * header.slo[1], []
    for _ in range(header.count):
        raw = source.at(at, _SLICE_BYTES)
        if len(raw) < _SLICE_BYTES:
            raise Refused(Rejection.TRUNCATED, "a B-scan is missing")
        _, length, *ends = _SLICE.unpack_from(raw)
        if not _SLICE_BYTES <= length <= _MAX_SLICE_HEADER:
            raise Refused(Rejection.DECODE, f"B-scan header of {length} bytes")
        found.append(Slice(at + length, _line(header, ends)))
        at += length + 4 * header.width * header.height
        if at > source.size:
            raise Refused(Rejection.TRUNCATED, "cut inside a B-scan")
    # Real exports carry some bytes more than they should.
    tails.check(source, at)
    return found


def _line(header: Header, ends: list[float]) -> Line | None:
    """The place of a B-scan in pixels of the SLO picture; None where there is none that makes sense."""
    if not all(0.0001 < step < 10 for step in header.slo_step) or not any(ends):
        return None
    x0, y0, x1, y1 = (round(end / header.slo_step[axis % 2], 3) for axis, end in enumerate(ends))
    reach = 2 * max(header.slo)
    if not all(abs(part) <= reach for part in (x0, y0, x1, y1)):
        return None
    # A circle is given by a point on it and its centre.
    return (x1, y1, round(math.hypot(x0 - x1, y0 - y1), 3)) if header.pattern == CIRCLE else (x0, y0, x1, y1)


def _between(header: Header) -> float | None:
    parallel = header.pattern not in (CIRCLE, RADIAL) and header.count > 1
    return header.between if parallel and 0.0001 < header.between < 10 else None


def _linear(source: Source, header: Header, slices: list[Slice]) -> bool:
    """Say whether the values are brightness already; a few slices tell it for all."""
    for index in sorted({round(part * (header.count - 1) / (_LOOKED_AT - 1)) for part in range(_LOOKED_AT)}):
        values = _values(source, header, slices[index])
        if np.max(values, where=values < _INVALID, initial=0) > _LINEAR_FROM:
            return True
    return False


def _values(source: Source, header: Header, place: Slice) -> NDArray[np.float32]:
    data = source.at(place.at, 4 * header.width * header.height)
    return np.frombuffer(data, "<f4").reshape(header.height, header.width)


def _shown(values: NDArray[np.float32], *, linear: bool) -> NDArray[np.uint8]:
    """Brightness from 0 to 255. What is invalid or no number is black."""
    shown = np.where(values < _INVALID, values, np.float32(0))
    if linear:
        np.clip(shown, 0, 255, out=shown)
    else:
        np.clip(shown, 0, 1, out=shown)
        np.sqrt(np.sqrt(shown, out=shown), out=shown)
        shown *= 255
    shown += 0.5
    return shown.astype(np.uint8)


def about(header: Header, now: datetime) -> facts.Facts:
    """Collect what the header says about the scan; ``now`` is when it is read."""
    exam, born = header.exam, header.born
    known = exam is not None and not facts.is_placeholder(exam, now, born)
    # On or before the day of birth: both are what a program writes that does not know.
    unborn = exam is not None and born is not None and exam.date() <= born
    before = exam is not None and born is not None and exam.date() < born and not facts.is_placeholder(exam, now)
    return facts.Facts(
        eye=header.eye,
        kind=Kind.OCT,
        captured_at=exam.isoformat() if exam and known else None,
        captured_source=CaptureSource.VENDOR if known else None,
        captured_doubtful=known and exam is not None and facts.is_timeless(exam),
        before_birth=before,
        device="Heidelberg Engineering Spectralis" if header.from_device else None,
        spacing_mm=facts.spacing(header.step_z, header.step_x),
        patient_hint=facts.hint(id=header.patient, birth_date=born.isoformat() if born and not unborn else ""),
    )


def _filetime(ticks: int) -> datetime | None:
    """Steps of 100 ns since 1601; 0 is nothing."""
    try:
        return _FILETIME_START + timedelta(microseconds=ticks // 10) if ticks else None
    except OverflowError:
        return None


def _ole_day(days: float) -> date | None:
    """Days since 1899-12-30; None unless somebody alive may have been born then."""
    if not math.isfinite(days) or not 1 <= days < 200_000:
        return None
    return _OLE_START + timedelta(days=int(days))
