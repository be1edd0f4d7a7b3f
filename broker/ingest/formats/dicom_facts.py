"""What a DICOM file says about eye, time, patient, device and scale; every rule is one of precedence, none guesses.

Source: DICOM PS3.3 C.8.17.5 (laterality), C.7.1.1 (patient).
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from ...words import Eye, Kind
from .. import facts
from ..facts import Facts
from .dicom_header import Header
from .dicom_place import groups, spacing
from .dicom_time import capture, day

_EYES = {"R": Eye.OD, "L": Eye.OS, "B": Eye.OU, "U": Eye.UNKNOWN}
#: Anatomic Region Modifier: SNOMED CT, and its predecessor SRT.
_MODIFIERS = {
    "24028007": Eye.OD,
    "7771000": Eye.OS,
    "51440002": Eye.OU,
    "G-A100": Eye.OD,
    "G-A101": Eye.OS,
    "G-A102": Eye.OU,
}
#: Nobody alive was born before; devices write 1 January 1900 when they do not know.
EARLIEST_BIRTH = date(1900, 1, 2)


def read(header: Header, kind: Kind | None) -> Facts:
    """Collect the facts of a file whose ``kind`` was derived already."""
    captured, source, doubtful = capture(header, datetime.now(UTC))
    return Facts(
        eye=eye(header),
        kind=kind,
        captured_at=captured,
        captured_source=source,
        device=facts.device(header.text(0x0008_0070), header.text(0x0008_1090)),
        spacing_mm=spacing(header),
        patient_hint=patient(header),
        captured_doubtful=doubtful,
    )


def eye(header: Header) -> Eye | None:
    """Which eye: by image, then frames, measurement, series, region. ``UNKNOWN`` where two of them disagree.

    Frames of both eyes make OU. None if nothing is said.
    """
    said = [
        _EYES.get(header.word(0x0020_0062)),
        _eye_of_frames(header),
        _EYES.get(header.word(0x0024_0113)),
        _EYES.get(header.word(0x0020_0060)),
        *(_MODIFIERS.get(m.text(0x0008_0100)) for r in header.items(0x0008_2218) for m in r.items(0x0008_2220)),
    ]
    found = [one for one in said if one is not None]
    if not found:
        return None
    return found[0] if len(set(found)) == 1 else Eye.UNKNOWN


def _eye_of_frames(header: Header) -> Eye | None:
    named = {_EYES.get(item.first(0x0020_9071).word(0x0020_9072)) for item in groups(header)} - {None}
    if named == {Eye.OD, Eye.OS}:
        return Eye.OU
    return named.pop() if len(named) == 1 else Eye.UNKNOWN if named else None


def patient(header: Header) -> dict[str, str] | None:
    """Whom the file names, decoded by its own character set; None if nobody."""
    born = day(header.text(0x0010_0030))
    sex = header.word(0x0010_0040)
    # A name has up to three forms, alphabetic, ideographic, phonetic; each has parts divided by carets.
    forms = header.text(0x0010_0010).split("=")
    return facts.hint(
        id=header.text(0x0010_0020),
        issuer=header.text(0x0010_0021),
        name=" ".join(next((form for form in forms if form.strip("^ ")), "").replace("^", " ").split()),
        birth_date=born.isoformat() if born and born >= EARLIEST_BIRTH else "",
        sex=sex if sex in ("M", "F", "O") else "",
    )
