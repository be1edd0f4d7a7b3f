"""Pictures of more than 8 bits a sample, brought to 8 bits without clipping and without wrapping."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_STRIP = 256


@dataclass(frozen=True, slots=True)
class Range:
    """What becomes black and what becomes white."""

    black: float
    white: float

    def joined(self, other: Range) -> Range:
        """The range that holds both: pages of one stack are scaled alike."""
        return Range(min(self.black, other.black), max(self.white, other.white))


def is_deep(image: Image.Image) -> bool:
    """Say whether the picture holds deep grey: 16 or 32 bits, or floating point."""
    return image.mode.startswith(("I", "F"))


def span(image: Image.Image) -> Range:
    """The range of a picture.

    White of deep grey is the largest value of the smallest bit depth that holds all its pixels: so 12-bit values in a
    16-bit file span black to white, and pictures of one camera stay comparable. Floating point has no such depth:
    black and white are its smallest and largest value.
    """
    if not is_deep(image):
        return Range(0, 255)
    low, high = math.inf, -math.inf
    for values in _strips(image):
        values = values[np.isfinite(values)]
        if values.size:
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if image.mode == "F":
        return Range(low, high) if low <= high else Range(0, 255)
    return Range(0, max(255, (1 << int(high).bit_length()) - 1) if high > 0 else 255)


def eight_bits(image: Image.Image, span: Range) -> Image.Image:
    """Scale deep grey to 8 bits, strip by strip: a whole one in 32 bits would take four bytes a pixel twice."""
    out = Image.new("L", image.size)
    for number, values in enumerate(_strips(image)):
        out.paste(Image.fromarray(_scaled(values.astype(np.float32), span)), (0, number * _STRIP))
    return out


def _strips(image: Image.Image) -> Iterator[NDArray[Any]]:
    for top in range(0, image.height, _STRIP):
        yield np.asarray(image.crop((0, top, image.width, min(top + _STRIP, image.height))))


def _scaled(values: NDArray[np.float32], span: Range) -> NDArray[np.uint8]:
    width = span.white - span.black
    values = (values - np.float32(span.black)) * np.float32(255 / width if width > 0 else 0)
    # What is no number is black.
    values = np.nan_to_num(values, copy=False, nan=0, posinf=255, neginf=0)
    shown: NDArray[np.uint8] = np.clip(values + 0.5, 0, 255).astype(np.uint8)
    return shown
