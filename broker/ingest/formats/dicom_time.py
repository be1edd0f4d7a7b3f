"""When a picture was taken, by the first date in a DICOM file that can be believed.

Source: DICOM PS3.3 C.7.6.1 and C.12.1.1 (dates), PS3.5 section 6.2 (how they are written).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from ...words import CaptureSource
from .. import facts
from .dicom_header import Header

#: Date (or date and time in one), time, and what they are called, by precedence.
_TIMES = (
    (0x0008_002A, 0, CaptureSource.ACQUISITION_DATE_TIME),
    (0x0008_0022, 0x0008_0032, CaptureSource.ACQUISITION_DATE),
    (0x0008_0023, 0x0008_0033, CaptureSource.CONTENT_DATE),
    (0x0008_0021, 0x0008_0031, CaptureSource.SERIES_DATE),
    (0x0008_0020, 0x0008_0030, CaptureSource.STUDY_DATE),
)
_SERIES, _STUDY, _MADE = 0x0008_0021, 0x0008_0020, 0x0008_0012
#: A series dated this close to the making of the file, long after its study, bears the time of its export.
EXPORT_WITHIN, EXPORT_AFTER = timedelta(minutes=15), timedelta(days=365)

_DATE = re.compile(r"(\d{4})[.-]?(\d\d)[.-]?(\d\d)")
_TIME = re.compile(r"(\d\d):?(?:(\d\d):?(?:(\d\d)(?:\.(\d{1,6}))?)?)?")
_MOMENT = re.compile(r"(\d{8})((?:\d{2}){0,3}(?:\.\d{1,6})?)([+-]\d{4})?")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d")


@dataclass(frozen=True, slots=True)
class Captured:
    """When the picture was taken, which element says so, and whether that is doubtful; ``before_birth`` as in Facts."""

    at: str | None = None
    source: CaptureSource | None = None
    doubtful: bool = False
    before_birth: bool = False


def capture(header: Header, now: datetime) -> Captured:
    """The first time that can be believed. A date that cannot takes its time of day along."""
    born = day(header.text(0x0010_0030))
    zone = header.text(0x0008_0201)
    before_birth = False
    for day_tag, time_tag, source in _TIMES:
        if time_tag:
            on, clock = day(header.text(day_tag)), _clock(header.text(time_tag))
            moment, offset = datetime.combine(on, clock or time()) if on else None, ""
        else:
            moment, clock, offset = _moment(header.text(day_tag))
        if moment is None:
            continue
        at = moment.isoformat() + (_zone(offset) or _zone(zone))
        whole = datetime.fromisoformat(at)
        if facts.is_placeholder(whole, now, born):
            before_birth |= born is not None and moment.date() < born and not facts.is_placeholder(whole, now)
            continue
        doubtful = clock is None or (day_tag == _SERIES and _is_export(header, moment))
        return Captured(at, source, doubtful)
    return Captured(before_birth=before_birth)


def _is_export(header: Header, moment: datetime) -> bool:
    made, study = day(header.text(_MADE)), day(header.text(_STUDY))
    if made is None or study is None:
        return False
    made_at = datetime.combine(made, _clock(header.text(_MADE + 1)) or moment.time())
    return abs(made_at - moment) <= EXPORT_WITHIN and moment.date() - study >= EXPORT_AFTER


def _moment(text: str) -> tuple[datetime | None, time | None, str]:
    """A DT value: the moment, the time in it if there is one, the offset."""
    match = _MOMENT.fullmatch(text)
    on, clock = (day(match[1]), _clock(match[2])) if match else (None, None)
    if match is None or on is None or (match[2] and clock is None):
        return None, None, ""
    return datetime.combine(on, clock or time()), clock, match[3] or ""


def day(text: str) -> date | None:
    """A DA value, also in the older form with points; None if it is no date."""
    match = _DATE.fullmatch(text)
    try:
        return date(*(int(part) for part in match.groups())) if match else None
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    try:
        # A leap second has no place in a datetime.
        return time(hour, minute, min(second, 59), int((match[4] or "0").ljust(6, "0")))
    except ValueError:
        return None


def _zone(text: str) -> str:
    return f"{text[:3]}:{text[3:]}" if _OFFSET.fullmatch(text) else ""
