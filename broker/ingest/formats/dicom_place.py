"""How large the pixels of a DICOM file are, and where its frames lie: on the localizer and to each other.

Source: DICOM PS3.3 C.7.6.16.2 (measures, positions), C.8.17.10 (where a frame lies on its localizer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from .. import facts
from .dicom_header import Header
from .seam import Line

SHARED, PER_FRAME = 0x5200_9229, 0x5200_9230


def groups(header: Header) -> Iterator[Header]:
    """What is said of all frames, then of each."""
    yield from header.items(SHARED)
    yield from header.items(PER_FRAME)


def spacing(header: Header) -> tuple[float, float] | None:
    """Millimetres per pixel [row, column]; None where frames differ or it is not plausible.

    Not taken from the resolutions in group 0022: those say what the optics can tell apart, not how pixels lie.
    """
    own = header.numbers(0x0028_0030)
    measured = {tuple(item.first(0x0028_9110).numbers(0x0028_0030)) for item in groups(header)} - {()}
    steps = own or (measured.pop() if len(measured) == 1 else ())
    return facts.spacing(steps[0], steps[1]) if len(steps) == 2 else None


def lines(header: Header, frames: int) -> list[Line | None]:
    """Where each frame lies on its localizer, in pixels of that other picture; empty if no frame says so."""
    found = [_line(item.first(0x0022_0031).numbers(0x0022_0032)) for item in header.items(PER_FRAME)][:frames]
    return found if any(found) else []


def _line(numbers: Sequence[float]) -> Line | None:
    """A trajectory of row, column pairs, as the line or circle it is; None for any other curve."""
    if len(numbers) < 4 or len(numbers) % 2 or not all(-65_535 < value < 131_070 for value in numbers):
        return None
    points = np.array(numbers).reshape(-1, 2)[:, ::-1]
    if len(points) == 2:
        (x0, y0), (x1, y1) = points.tolist()
        return (x0, y0, x1, y1)
    # A circle is where x2 + y2 is linear in x and y: least squares, then see how well it fits.
    design = np.column_stack([2 * points, np.ones(len(points))])
    x, y, rest = np.linalg.lstsq(design, (points**2).sum(axis=1), rcond=None)[0].tolist()
    radius = float(np.sqrt(max(0.0, rest + x * x + y * y)))
    off = np.abs(np.hypot(*(points - (x, y)).T) - radius).max()
    return (x, y, radius) if len(points) >= 8 and 1 <= radius <= 65_535 and off <= 0.02 * radius else None


def between(header: Header, places: Sequence[Line | None]) -> float | None:
    """Millimetres between neighbouring frames, only where they are known to be parallel and evenly spaced."""
    if places and not _parallel(places):
        return None
    said = header.numbers(0x0018_0088)
    said = said or [value for item in header.items(SHARED) for value in item.first(0x0028_9110).numbers(0x0018_0088)]
    return said[0] if said and 0.0001 < said[0] < 10 else _steps(header)


def _parallel(places: Sequence[Line | None]) -> bool:
    ways = []
    for place in places:
        if place is None or len(place) != 4:
            return False
        ways.append((place[2] - place[0], place[3] - place[1]))
    turned = np.array(ways)
    first = turned[0]
    across = np.abs(turned[:, 0] * first[1] - turned[:, 1] * first[0])
    return bool((across <= 0.01 * np.hypot(*turned.T) * np.hypot(*first) + 1e-9).all())


def _steps(header: Header) -> float | None:
    """The even distance of frames that give their place in the patient, if they are all turned the same way."""
    places, ways = [], set()
    for item in header.items(PER_FRAME):
        place = item.first(0x0020_9113).numbers(0x0020_0032)
        if len(place) != 3:
            return None
        places.append(place)
        ways.add(tuple(round(value, 3) for value in item.first(0x0020_9116).numbers(0x0020_0037)))
    if len(places) < 2 or len(ways) != 1:
        return None
    steps = np.linalg.norm(np.diff(np.array(places), axis=0), axis=1)
    mean = float(steps.mean())
    even = 0.0001 < mean < 10 and bool((np.abs(steps - mean) <= 0.1 * mean).all())
    return mean if even else None
