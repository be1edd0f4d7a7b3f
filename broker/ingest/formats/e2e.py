"""Heidelberg .E2E: its chunks found one by one, without the file's directory; several series give several scans.

The directory of such a file may point far outside it (minimised and cut exports), and a reader that believes it finds
nothing in a file full of pictures; so the chunks are looked for themselves. That also keeps the sandbox small: the
libraries that read this format bring hundreds of megabytes of others along, each of them more to attack.

Of a chunk only what is documented and confirmed by real files is believed: the pictures, the eye, the patient's name
and number. The file's numbers for patient, study and series are keys of the vendor's database, never a record number.
Its birth date is written in a way on which no two descriptions agree, and times were seen to be wrong: both are left.

Source: the chunk layout that the open readers of this format agree on (uocte, LibE2E, eyepy), checked against a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...words import Eye, Kind, Rejection
from .. import facts
from .seam import Bounds, NoPreview, Refused, Scan, Source, Stack

MAX_CHUNKS = 250_000
MAX_SERIES = 256

_MAGIC = b"MDbData\0"
_CHUNK = struct.Struct("<12s 2I 2I I 4i 2H 2I")
_IMAGE = struct.Struct("<5I")
_PATIENT, _LATERALITY, _PICTURE = 9, 11, 0x40000000
_B_SCAN, _SLO = 0x02200201, 0x02010201
_SAMPLE_BYTES = {_B_SCAN: 2, _SLO: 1}
#: Smaller pictures are stubs that minimised exports leave behind.
_SMALLEST_SIDE = 16
_DEVICE = "Heidelberg Engineering"
_EYES = {b"R": Eye.OD, b"L": Eye.OS}
_WINDOW = 1 << 20


class Chunk(NamedTuple):
    """One chunk: the offset of its payload, the length it announces, and what it belongs to."""

    at: int
    size: int
    series: tuple[int, int, int]
    slice: int
    kind: int


class Picture(NamedTuple):
    """The offset of a picture's pixels, and its size in pixels."""

    at: int
    width: int
    height: int


@dataclass(slots=True)
class Series:
    """What was found of one series: B-scans by their number, SLO pictures, eyes."""

    slices: dict[int, Picture] = field(default_factory=dict)
    slo: list[Picture] = field(default_factory=list)
    eyes: set[bytes] = field(default_factory=set)


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Find all chunks, then yield a scan for each series that has pictures.

    Raises:
        Refused: PIXELS, TRUNCATED for a picture that goes beyond the end of the file, UNPACKED for too many chunks.
        NoPreview: no picture was found.
    """
    found, patients = collect(source, bounds)
    shown = {key: series for key, series in found.items() if series.slices or series.slo}
    if not shown:
        hint = _agreed([hint for said in patients.values() for hint in said])
        eye = _eye({eye for series in found.values() for eye in series.eyes})
        contradicts = any(len(series.eyes) > 1 for series in found.values())
        about = facts.Facts(eye=eye, device=_DEVICE, patient_hint=hint, eye_contradicts=contradicts)
        raise NoPreview("No picture could be found in this Heidelberg file; it is kept as it is.", about)
    if len(shown) > MAX_SERIES:
        raise NoPreview(f"This Heidelberg file holds more than {MAX_SERIES} series; it is kept as it is.")
    for key, series in shown.items():
        about = facts.Facts(
            eye=_eye(series.eyes),
            kind=Kind.OCT if series.slices else None,
            device=_DEVICE,
            patient_hint=_agreed(patients.get(key[0], [])),
            eye_contradicts=len(series.eyes) > 1,
        )
        yield _scan(source, bounds, series, about)


def _eye(said: set[bytes]) -> Eye | None:
    """The one eye that was named. Series of both, or contradicting chunks: then nothing is known."""
    return _EYES.get(next(iter(said))) if len(said) == 1 else None


def _agreed(hints: list[dict[str, str]]) -> dict[str, str] | None:
    """What all chunks say about the patient; None where two of them disagree."""
    return hints[0] if hints and all(hint == hints[0] for hint in hints) else None


def collect(
    source: Source, bounds: Bounds
) -> tuple[dict[tuple[int, int, int], Series], dict[int, list[dict[str, str]]]]:
    """All series by (patient, study, series), and what is said about each patient. Raises Refused."""
    found: dict[tuple[int, int, int], Series] = {}
    patients: dict[int, list[dict[str, str]]] = {}
    for chunk in chunks(source):
        if chunk.kind == _PATIENT:
            if hint := _hint(source.at(chunk.at, min(chunk.size, 127))):
                patients.setdefault(chunk.series[0], []).append(hint)
        elif chunk.kind == _LATERALITY:
            eye = source.at(chunk.at + 14, 1)
            if eye in _EYES:
                found.setdefault(chunk.series, Series()).eyes.add(eye)
        elif chunk.kind == _PICTURE:
            _add(source, bounds, chunk, found.setdefault(chunk.series, Series()))
    return found, patients


def chunks(source: Source) -> Iterator[Chunk]:
    """Every data chunk in the file, in its order. Raises Refused: UNPACKED."""
    at = 0
    for _ in range(MAX_CHUNKS):
        at = _find(source, at)
        raw = source.at(at, _CHUNK.size)
        if len(raw) < _CHUNK.size:
            return
        _, _, _, _, size, _, patient, study, series, number, _, _, kind, _ = _CHUNK.unpack(raw)
        at += _CHUNK.size
        yield Chunk(at, size, (patient, study, series), number, kind)
        # The length is believed if it leads to the next chunk or the end; cut exports leave lengths that do not.
        after = at + size
        if after == source.size or source.at(after, 3) == b"MDb":
            at = after
    raise Refused(Rejection.UNPACKED, f"more than {MAX_CHUNKS} chunks")


def _find(source: Source, at: int) -> int:
    """The offset of the next chunk from ``at``, or the end of the file."""
    if source.at(at, len(_MAGIC)) == _MAGIC:
        return at
    while at < source.size:
        window = source.at(at, _WINDOW)
        found = window.find(_MAGIC)
        if found >= 0:
            return at + found
        # The magic may lie across the windows' border.
        at += max(len(window) - len(_MAGIC) + 1, 1)
    return source.size


def _add(source: Source, bounds: Bounds, chunk: Chunk, series: Series) -> None:
    """Take in a picture, if it is one that can be shown; the first of each slice counts."""
    raw = source.at(chunk.at, _IMAGE.size)
    if len(raw) < _IMAGE.size:
        raise Refused(Rejection.TRUNCATED, "cut inside a picture's header")
    _, kind, _, height, width = _IMAGE.unpack(raw)
    if kind not in _SAMPLE_BYTES or min(width, height) < _SMALLEST_SIDE:
        return
    bounds.check(width, height)
    length = width * height * _SAMPLE_BYTES[kind]
    if _IMAGE.size + length > chunk.size:
        return
    picture = Picture(chunk.at + _IMAGE.size, width, height)
    if picture.at + length > source.size:
        raise Refused(Rejection.TRUNCATED, "cut inside a picture")
    if kind == _SLO:
        series.slo.append(picture)
    else:
        series.slices.setdefault(chunk.slice, picture)


def _scan(source: Source, bounds: Bounds, series: Series, about: facts.Facts) -> Scan:
    slo = max(series.slo, key=lambda picture: picture.width * picture.height) if series.slo else None
    localizer = _slo(source, slo) if slo else None
    if localizer and not series.slices:
        return Scan(localizer, facts=about, full=True)
    slices = [picture for _, picture in sorted(series.slices.items())]
    size = max(picture.width for picture in slices), max(picture.height for picture in slices)
    bounds.check(*size, len(slices))
    stack = Stack(
        count=len(slices),
        size=size,
        frame=lambda index: Image.fromarray(_b_scan(source, slices[index])),
        localizer=localizer,
    )
    return Scan.of(stack, about)


def _slo(source: Source, picture: Picture) -> Image.Image:
    data = source.at(picture.at, picture.width * picture.height)
    return Image.frombytes("L", (picture.width, picture.height), data)


def _b_scan(source: Source, picture: Picture) -> NDArray[np.uint8]:
    data = source.at(picture.at, 2 * picture.width * picture.height)
    shown: NDArray[np.uint8] = _BRIGHTNESS[np.frombuffer(data, "<u2")]
    return shown.reshape(picture.height, picture.width)


def _brightness() -> NDArray[np.uint8]:
    """What each 16-bit value is shown as: a float without sign, 6 bits of exponent (bias 63), 10 of mantissa.

    Reflectivity from 0 to 1, shown as the fourth root, as the vendor shows it.
    """
    raw = np.arange(1 << 16)
    value = np.ldexp(1 + (raw & 0x3FF) / 1024, (raw >> 10) - 63)
    value[0] = 0
    shown: NDArray[np.uint8] = (np.clip(value, 0, 1) ** 0.25 * 255 + 0.5).astype(np.uint8)
    return shown


_BRIGHTNESS = _brightness()


def _hint(raw: bytes) -> dict[str, str] | None:
    """First name (31 bytes), surname (66), birth date (4), sex (1), record number (25)."""
    first, last, number = (facts.windows_text(raw[start:end]) for start, end in ((0, 31), (31, 97), (102, 127)))
    sex = raw[101:102].decode("ascii", "replace").upper()
    name = f"{last}^{first}" if first else last
    return facts.hint(id=number, name=name, sex=sex if sex in ("M", "F") else "")
