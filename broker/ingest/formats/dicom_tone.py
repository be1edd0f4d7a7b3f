"""Bring the values stored in a DICOM file to 8-bit grey or RGB, by the rule the file gives: one for all its frames.

Order of DICOM PS3.4 N.2: rescale, then the lookup table or window of the values of interest, then the inversion of
MONOCHROME1. Where a deep picture names no window, its brightness runs from the 0.1st to the 99.9th percentile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...words import Rejection
from .dicom_decode import Array
from .dicom_header import Header
from .dicom_pixels import Pixels
from .dicom_place import SHARED
from .seam import NoPreview, Refused

PERCENTILES = (0.1, 99.9)
#: How many pixels are looked at for them, of all sampled frames together.
SAMPLED = 1 << 20

_PALETTES = (0x0028_1101, 0x0028_1102, 0x0028_1103)
_WINDOW_CENTRE, _WINDOW_WIDTH, _WINDOW_FUNCTION = 0x0028_1050, 0x0028_1051, 0x0028_1056


@dataclass(frozen=True, slots=True)
class _Table:
    """A lookup table: its first input, and its outputs."""

    first: int
    outputs: NDArray[np.uint16]
    bits: int

    def __call__(self, values: Array) -> NDArray[np.uint16]:
        found: NDArray[np.uint16] = self.outputs[
            np.clip(values.astype(np.int32) - self.first, 0, len(self.outputs) - 1)
        ]
        return found


class Tone:
    """How values become brightness or colour in one file."""

    def __init__(self, header: Header, pixels: Pixels, samples: Callable[[], Iterable[Array]]) -> None:
        """``samples`` gives some frames to measure; it is asked only if the file does not say how to show itself.

        Raises:
            Refused: DECODE for lookup tables whose description does not fit them.
            NoPreview: for a palette in segments.
        """
        self._pixels = pixels
        self._palette = _palette(header) if pixels.photometric == "PALETTE COLOR" else None
        self._lut = self._ramp = None
        if pixels.samples == 1 and self._palette is None:
            self._slope, self._shift = _rescale(header)
            lut = header.first(0x0028_3010)
            self._lut = _table(lut, 0x0028_3002, 0x0028_3006) if lut.has(0x0028_3006) else None
            if self._lut is None:
                self._ramp = self._window(header) or self._whole() or self._measured(samples())

    def __call__(self, values: Array, photometric: str) -> Image.Image:
        """The picture of one frame; ``photometric`` is the kind of colour its values are in."""
        values = _clean(values, self._pixels)
        if self._palette is not None:
            return Image.fromarray(np.dstack([_eight(table(values), table.bits) for table in self._palette]))
        if self._pixels.samples == 3:
            return _coloured(values, self._pixels, photometric)
        shown = self._grey(values)
        return Image.fromarray(255 - shown if self._pixels.photometric == "MONOCHROME1" else shown)

    def _grey(self, values: Array) -> NDArray[np.uint8]:
        if self._lut is not None:
            rescaled = values if (self._slope, self._shift) == (1, 0) else values * self._slope + self._shift
            return _eight(self._lut(rescaled), self._lut.bits)
        low, high = self._ramp or (0.0, 255.0)
        if values.dtype == np.uint8 and (low, high) == (0, 255):
            return values
        if values.dtype.itemsize > 2:
            return _ramped(values, low, high)
        # Of 8 and 16-bit values there are few: each is worked out once, which spares memory and time.
        info = np.iinfo(values.dtype)
        ramp = _ramped(np.arange(info.min, info.max + 1), low, high)
        return ramp[values.astype(np.int32) - info.min]

    def _window(self, header: Header) -> tuple[float, float] | None:
        """The stored values that are black and white by the file's first window; None if it has none that is sane."""
        for place in (header, header.first(SHARED).first(0x0028_9132)):
            centre, width = place.numbers(_WINDOW_CENTRE)[:1], place.numbers(_WINDOW_WIDTH)[:1]
            # A sigmoid runs beyond its window on both sides; it is shown as its straight middle.
            if centre and width and width[0] >= 1 and self._slope:
                exact = place.word(_WINDOW_FUNCTION) == "LINEAR_EXACT"
                middle, half = (centre[0], width[0] / 2) if exact else (centre[0] - 0.5, max(1.0, width[0] - 1) / 2)
                ends = sorted((edge - self._shift) / self._slope for edge in (middle - half, middle + half))
                return ends[0], ends[1]
        return None

    def _whole(self) -> tuple[float, float] | None:
        """All that 8 bits hold; deeper values rarely use all of theirs."""
        if self._pixels.floats or self._pixels.depth > 8:
            return None
        whole = (1 << self._pixels.depth) - 1
        return (-(whole + 1) / 2, (whole - 1) / 2) if self._pixels.signed else (0, whole)

    def _measured(self, frames: Iterable[Array]) -> tuple[float, float]:
        taken = []
        for values in frames:
            flat = _clean(values, self._pixels).ravel()
            flat = flat[:: max(1, len(flat) * 5 // SAMPLED)]
            taken.append(flat[np.isfinite(flat)])
        found = np.concatenate(taken)
        if not len(found):
            return 0, 1
        # Not numpy's percentile: it imports more of numpy when it is first called.
        found.sort()
        low, high = (found[round(part / 100 * (len(found) - 1))] for part in PERCENTILES)
        return float(low), max(float(high), float(low) + 1e-9 if self._pixels.floats else float(low) + 1)


def _clean(values: Array, pixels: Pixels) -> Array:
    """Without what other bits than the stored ones may hold: overlays once lay there."""
    spare = values.dtype.itemsize * 8 - pixels.depth
    if spare <= 0 or values.dtype.kind not in "iu":
        return values
    return np.right_shift(np.left_shift(values, spare), spare)


def _rescale(header: Header) -> tuple[float, float]:
    for place in (header, header.first(SHARED).first(0x0028_9145)):
        slope, shift = place.numbers(0x0028_1053)[:1], place.numbers(0x0028_1052)[:1]
        if slope and slope[0]:
            return slope[0], shift[0] if shift else 0.0
    return 1.0, 0.0


def _ramped(values: Any, low: float, high: float) -> NDArray[np.uint8]:
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / max(high - low, 1e-30))
    shown: NDArray[np.uint8] = np.nan_to_num(np.clip(scaled, 0, 255) + 0.5).astype(np.uint8)
    return shown


def _palette(header: Header) -> list[_Table]:
    if header.has(0x0028_1221):
        raise NoPreview("The palette of this DICOM file is packed in a way that is not read here.")
    tables = [_table(header, tag, tag + 0x100) for tag in _PALETTES]
    # Some writers say 16 bits and put 8-bit values into them.
    if all(table.bits == 16 and table.outputs.max() < 256 for table in tables):
        return [_Table(table.first, table.outputs, 8) for table in tables]
    return tables


def _table(place: Header, describing: int, data_tag: int) -> _Table:
    """A lookup table by its descriptor: how many entries, the first input, bits of each (PS3.3 C.11.2.1.1)."""
    numbers, data = _words(place, describing), _bytes(place, data_tag)
    if len(numbers) != 3:
        raise Refused(Rejection.DECODE, "a lookup table without description")
    count, first, bits = numbers[0] or 65_536, numbers[1], numbers[2]
    if not 8 <= bits <= 16 or count < 0:
        raise Refused(Rejection.DECODE, "an impossible lookup table")
    # Tables of 8 bits may lie two entries to a word.
    kind = "u1" if bits == 8 and len(data) < 2 * count else "<u2"
    outputs = np.frombuffer(data[: len(data) // 2 * 2], kind)[:count]
    if len(outputs) < count:
        raise Refused(Rejection.DECODE, "a lookup table shorter than its description")
    return _Table(first, outputs.astype(np.uint16), bits)


# Where no kind of value is written in the file, pydicom gives bytes for what may be numbers or words.
def _words(place: Header, tag: int) -> list[int]:
    values = place.values(tag)
    if len(values) == 1 and isinstance(values[0], bytes):
        return [int(value) for value in np.frombuffer(values[0][: len(values[0]) // 2 * 2], "<u2")]
    return [value for value in values if isinstance(value, int)]


def _bytes(place: Header, tag: int) -> bytes:
    values = place.values(tag)
    if len(values) == 1 and isinstance(values[0], bytes):
        return values[0]
    return np.array([value for value in values if isinstance(value, int)], np.int64).astype("<u2").tobytes()


def _eight(values: NDArray[np.uint16], bits: int) -> NDArray[np.uint8]:
    return (values >> (bits - 8)).astype(np.uint8) if bits > 8 else np.minimum(values, 255).astype(np.uint8)


def _coloured(values: Array, pixels: Pixels, photometric: str) -> Image.Image:
    if values.dtype.itemsize > 1:
        values = _eight(values.astype(np.uint16), max(8, pixels.depth))
    if photometric not in ("YBR_FULL", "YBR_FULL_422"):
        return Image.fromarray(np.ascontiguousarray(values, dtype=np.uint8))
    # DICOM's YBR_FULL is JFIF's YCbCr, which is Pillow's (PS3.3 C.7.6.3.1.2).
    size = (values.shape[1], values.shape[0])
    return Image.frombytes("YCbCr", size, np.ascontiguousarray(values, dtype=np.uint8).tobytes()).convert("RGB")
