"""Facts that a file tells about itself, and the rules by which a date is believed. Nothing here is guessed.

Capture time is text: ``YYYY-MM-DDTHH:MM:SS``, with ``+HH:MM`` behind it only where the file itself gives an offset.
EXIF times without one are the camera's local time, so none is added.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from ..text import plain
from ..words import CaptureSource, Eye, Kind

# Tags of EXIF 2.32, tables 4 and 7.
MAKE, MODEL, ORIENTATION, EXIF_IFD = 0x010F, 0x0110, 0x0112, 0x8769
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011

DEVICE_LENGTH = 120
HINT_LENGTH = 200

_WINDOWS = "cp1252"
# Python imports a codec when it is first used; inside the sandbox it could not.
codecs.lookup(_WINDOWS)

_EXIF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about one scan; None where it says nothing that can be believed.

    ``captured_doubtful``: the time was found, but may be that of an export; a person must confirm it. ``spacing_mm``
    is millimetres per pixel, [row, column]. ``patient_hint``: texts under id, issuer, name, birth_date (YYYY-MM-DD)
    and sex (M, F, O), as far as the file names the patient.
    """

    eye: Eye | None = None
    kind: Kind | None = None
    captured_at: str | None = None
    captured_source: CaptureSource | None = None
    device: str | None = None
    spacing_mm: tuple[float, float] | None = None
    patient_hint: Mapping[str, str] | None = None
    captured_doubtful: bool = False


def from_exif(main: Mapping[int, object], exif: Mapping[int, object], now: datetime) -> Facts:
    """Read capture time and device from the main and the EXIF directory of a picture."""
    captured = capture_time(exif.get(DATE_TIME_ORIGINAL), exif.get(OFFSET_TIME_ORIGINAL), now)
    return Facts(
        captured_at=captured,
        captured_source=CaptureSource.EXIF if captured else None,
        device=device(main.get(MAKE), main.get(MODEL)),
    )


def orientation(main: Mapping[int, object]) -> int:
    """The EXIF orientation, 1 to 8; 1 where it is absent or nonsense."""
    value = main.get(ORIENTATION)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def capture_time(when: object, offset: object, now: datetime) -> str | None:
    """Give an EXIF date and its offset as text, or None if it is no date or a placeholder."""
    match = _EXIF_TIME.fullmatch(text(when))
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError:
        return None
    if is_placeholder(moment, now):
        return None
    zone = text(offset)
    return moment.isoformat() + (zone if _OFFSET.fullmatch(zone) else "")


def is_placeholder(moment: datetime, now: datetime, born: date | None = None) -> bool:
    """Say whether a local ``moment`` is what devices write when they do not know: it must then not be believed.

    Before 1950 (real devices write 1900-01-01), in the future by more than a day, on or before the day the patient was
    ``born``, or midnight sharp on a 1 January: the moment a camera's clock starts from when its battery was empty.
    """
    future = moment.replace(tzinfo=UTC) > now + timedelta(days=1)
    clock_start = (moment.month, moment.day, moment.hour, moment.minute, moment.second) == (1, 1, 0, 0, 0)
    unborn = born is not None and moment.date() <= born
    return moment.year < 1950 or future or clock_start or unborn


def device(make: object, model: object) -> str | None:
    """Manufacturer and model as one name, the manufacturer once; None if the file names neither."""
    maker, name = text(make), text(model)
    if name.casefold().startswith(maker.casefold()):
        maker = ""
    return f"{maker} {name}".strip()[:DEVICE_LENGTH].strip() or None


def hint(**texts: str) -> dict[str, str] | None:
    """A patient hint of the texts that say something; None if none does. Devices write "unknown" for nothing."""
    said = {key: text(value)[:HINT_LENGTH].strip() for key, value in texts.items()}
    return {key: value for key, value in said.items() if value and value.casefold() != "unknown"} or None


def spacing(row: float, column: float) -> tuple[float, float] | None:
    """Millimetres per pixel, [row, column]; None unless both could be those of an eye's picture."""
    return (row, column) if all(0.0001 < step < 10 for step in (row, column)) else None


def windows_text(raw: bytes) -> str:
    """One line of text as Western Windows programs write it, up to its first zero byte."""
    return text(raw.decode(_WINDOWS, "replace"))


def text(value: object) -> str:
    """A tag's value as one line of printable text, without the padding that cameras add."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "ignore")
    if not isinstance(value, str):
        return ""
    return " ".join(plain(value.partition("\0")[0]).split())
