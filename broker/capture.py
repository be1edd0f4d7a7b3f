"""When a picture can have been taken: one range for every way in, whoever or whatever says the time.

A time is said by a person (in a declaration, in a correction) or read in a file, and it sorts the gallery, so that one
that cannot be moves a scan out of everybody's sight. All who take one ask here, and so they all answer the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

#: Nobody had photographed an eye before. Years such as 1000 or 1 are slips of a keyboard, and a time so near to the
#: first that a calendar knows overflows as soon as it is told in another time zone.
EARLIEST = datetime(1850, 1, 1, tzinfo=UTC)
#: How far a time may lie ahead. A camera's clock tells local time, mostly without saying which: up to 14 hours ahead of
#: UTC, and another 12 if it stands in a zone far to the west of the clinic. What is more than that was never measured.
FAST_CLOCK = timedelta(hours=26)

#: The furthest that a place on earth can be ahead of UTC.
_AHEAD = timedelta(hours=14)


def refusal(when: datetime, now: datetime) -> str | None:
    """Say why a picture cannot have been taken ``when`` (both with their zone); None: it can."""
    if when < EARLIEST:
        return f"A picture cannot have been taken before {EARLIEST.year}. Check the year."
    # The longer side of the comparison is what can overflow: `now` is a real time, `when` may be anything.
    if when - now > FAST_CLOCK:
        return "A picture cannot have been taken in the future. Check the date."
    return None


def before_birth(when: datetime, born: date) -> str | None:
    """Say that ``when`` lies before the patient's birth, as nobody's zone can put it behind; None: it does not."""
    if (when.astimezone(UTC) + _AHEAD).date() < born:
        return "The picture cannot have been taken before the patient was born. Check the date and the patient."
    return None
