"""What a DICOM file says about eye, time, patient, device and scale; every rule is one of precedence, none guesses.

Source: DICOM PS3.3 C.7.1.1 (patient).
"""

from __future__ import annotations

from datetime import date, datetime

from ...words import Kind
from .. import facts
from ..facts import Facts
from .dicom_eye import eye
from .dicom_header import Header
from .dicom_place import spacing
from .dicom_time import capture, day

#: Nobody alive was born before; devices write 1 January 1900 when they do not know.
EARLIEST_BIRTH = date(1900, 1, 2)


def read(header: Header, kind: Kind | None, now: datetime) -> Facts:
    """Collect the facts of a file whose ``kind`` was derived already."""
    captured, (which, contradicts) = capture(header, now), eye(header)
    return Facts(
        eye=which,
        kind=kind,
        captured_at=captured.at,
        captured_source=captured.source,
        device=facts.device(header.text(0x0008_0070), header.text(0x0008_1090)),
        spacing_mm=spacing(header),
        patient_hint=patient(header),
        captured_doubtful=captured.doubtful,
        before_birth=captured.before_birth,
        eye_contradicts=contradicts,
    )


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
