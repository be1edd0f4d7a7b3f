"""Facts that a file tells about itself, and the rules by which a date is believed. Nothing here is guessed.

Capture time is text: ``YYYY-MM-DDTHH:MM:SS``, with ``+HH:MM`` behind it only where the file itself gives an offset.
EXIF times without one are the camera's local time, so none is added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..words import Eye, Kind

# Tags of EXIF 2.32, tables 4 and 7.
MAKE, MODEL, ORIENTATION, EXIF_IFD = 0x010F, 0x0110, 0x0112, 0x8769
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011

DEVICE_LENGTH = 120

_EXIF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about one scan; None where it says nothing that can be believed."""

    eye: Eye | None = None
    kind: Kind | None = None
    captured_at: str | None = None
    captured_source: str | None = None
    device: str | None = None
    spacing_mm: tuple[float, float] | None = None
    patient_hint: Mapping[str, str] | None = None


def from_exif(main: Mapping[int, object], exif: Mapping[int, object], now: datetime) -> Facts:
    """Read capture time and device from the main and the EXIF directory of a picture."""
    captured = capture_time(exif.get(DATE_TIME_ORIGINAL), exif.get(OFFSET_TIME_ORIGINAL), now)
    return Facts(
        captured_at=captured,
        captured_source="exif" if captured else None,
        device=device(main.get(MAKE), main.get(MODEL)),
    )


def orientation(main: Mapping[int, object]) -> int:
    """The EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    value = main.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def capture_time(when: object, offset: object, now: datetime) -> str | None:
    """Give an EXIF date and its offset as text, or None if it is no date or a placeholder."""
    match = _EXIF_TIME.fullmatch(_text(when))
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    if is_placeholder(moment, now):
        return None
    zone = _text(offset)
    return moment.isoformat() + (zone if _OFFSET.fullmatch(zone) else "")


def is_placeholder(moment: datetime, now: datetime) -> bool:
    """Say whether a local ``moment`` is what devices write when they do not know: it must then not be believed.

    Before 1950 (real devices write 1900-01-01), in the future by more than a day, or midnight sharp on a 1 January:
    the moment a camera's clock starts from when its battery was empty.
    """
    future = moment.replace(tzinfo=UTC) > now + timedelta(days=1)
    clock_start = (moment.month, moment.day, moment.hour, moment.minute, moment.second) == (1, 1, 0, 0, 0)
    return moment.year < 1950 or future or clock_start


def device(make: object, model: object) -> str | None:
    """Manufacturer and model as one name, the manufacturer once; None if the file names neither."""
    maker, name = _text(make), _text(model)
    if name.casefold().startswith(maker.casefold()):
        maker = ""
    return f"{maker} {name}".strip()[:DEVICE_LENGTH].strip() or None


def _text(value: object) -> str:
    """A tag's value as one line of printable text, without the padding that cameras add."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "ignore")
    if not isinstance(value, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in value.partition("\0")[0]).split())
