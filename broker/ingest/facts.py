"""Facts that a file tells about itself, and the rules by which a date is believed. Nothing here is guessed.

The browser reads the same before a file is sent, to suggest and to guard: ``web/src/lib/facts.ts``, ``believed.ts``.
``tests/cases/headers.json`` holds both readers to the same answers.

Capture time is text: ``YYYY-MM-DDTHH:MM:SS``, with ``+HH:MM`` behind it only where the file itself gives an offset.
EXIF times without one are the camera's local time, so none is added.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .. import capture
from ..capture import EARLIEST, FAST_CLOCK
from ..text import plain
from ..words import CaptureSource, Eye, Kind

# Tags of EXIF 2.32, tables 4 and 7.
MAKE, MODEL, ORIENTATION, EXIF_IFD = 0x010F, 0x0110, 0x0112, 0x8769
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011

DEVICE_LENGTH = 120
HINT_LENGTH = 200

LATEST_YEAR = 9000
#: What a device's clock may be ahead without anybody caring.
DRIFT = timedelta(minutes=5)
#: Years whose first hour is where the clocks of devices begin that were never set.
CLOCKS_BEGIN = frozenset({1970, 1980, 2000})

_WINDOWS = "cp1252"
# Python imports a codec when it is first used; inside the sandbox it could not.
codecs.lookup(_WINDOWS)

_EXIF_TIME = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says about one scan; None where it says nothing that can be believed.

    ``captured_doubtful``: the time was found, but may be that of an export, or lacks the time of day; a person must
    confirm it. ``before_birth``: no time can be believed, because the one that stands there lies before the birth date
    that stands there, too. ``eye_contradicts``: the right eye is named in one place, the left in another.
    ``spacing_mm`` is millimetres per pixel, [row, column]. ``patient_hint``: texts under id, issuer, name, birth_date
    (YYYY-MM-DD) and sex (M, F, O), as far as the file names the patient.
    """

    eye: Eye | None = None
    kind: Kind | None = None
    captured_at: str | None = None
    captured_source: CaptureSource | None = None
    device: str | None = None
    spacing_mm: tuple[float, float] | None = None
    patient_hint: Mapping[str, str] | None = None
    captured_doubtful: bool = False
    before_birth: bool = False
    eye_contradicts: bool = False


def from_exif(main: Mapping[int, object], exif: Mapping[int, object], now: datetime) -> Facts:
    """Read capture time and device from the main and the EXIF directory of a picture."""
    captured = capture_time(exif.get(DATE_TIME_ORIGINAL), exif.get(OFFSET_TIME_ORIGINAL), now)
    return Facts(
        captured_at=captured,
        captured_source=CaptureSource.EXIF if captured else None,
        captured_doubtful=captured is not None and is_timeless(datetime.fromisoformat(captured)),
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
    zone = text(offset)
    whole = moment.isoformat() + (zone if _OFFSET.fullmatch(zone) else "")
    return None if is_placeholder(datetime.fromisoformat(whole), now) else whole


def is_placeholder(moment: datetime, now: datetime, born: date | None = None) -> bool:
    """Say whether a ``moment`` is what devices write when they do not know: it is nobody's time, and not believed.

    Before 1950 (real devices write 1900-01-01); ahead of ``now`` by more than a fast clock is; on or before the day the
    patient was ``born``; where a clock begins that was never set: midnight sharp on a 1 January, and the first hour of
    some years. A moment without an offset is local to the device, and compared as if it were UTC.
    """
    future = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) > now + FAST_CLOCK
    unborn = born is not None and moment.date() <= born
    return moment.year < 1950 or future or _clock_begins(moment) or unborn


def instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Read an ISO time; without an offset it is the clinic's local time. None if it is none."""
    if not text:
        return None
    try:
        moment = capture.instant(text, zone)
    except ValueError:
        return None
    # Years at the very ends have no instant in some zones, and nobody took a picture then.
    return moment.astimezone(UTC) if moment >= EARLIEST and moment.year <= LATEST_YEAR else None


def is_ahead(when: datetime, now: datetime) -> bool:
    """Say whether an instant lies ahead of ``now``, the time a file was received: then the device's clock is fast."""
    return when > now + DRIFT


def is_timeless(moment: datetime) -> bool:
    """Say whether it is midnight sharp: a date whose time of day nobody wrote down."""
    return (moment.hour, moment.minute, moment.second, moment.microsecond) == (0, 0, 0, 0)


def _clock_begins(moment: datetime) -> bool:
    first_hour = (moment.month, moment.day, moment.hour) == (1, 1, 0)
    return first_hour and (moment.year in CLOCKS_BEGIN or (moment.minute, moment.second) == (0, 0))


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
