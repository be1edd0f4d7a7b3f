"""Why somebody should look at a scan: here, and nowhere else, what a file says raises attention.

    eye               the file names another eye than the person did, or names the right one and the left one
    patient           it names another patient, or a time before the birth of the patient, or of its own
    captured_at       the time is the file's, and doubtful: of a fast clock, without a time of day, of an export
    stored_elsewhere  the same bytes are another patient's, too

Each has its sentence in ``words``. A correction settles it.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..catalog.patients import Patient
from ..catalog.uploads import Upload
from ..words import Attention, CaptureSource, Eye
from .facts import Facts, instant, is_ahead
from .identity import another


def raised(
    upload: Upload, patient: Patient | None, found: Facts, source: CaptureSource, zone: ZoneInfo, *, elsewhere: bool
) -> list[Attention]:
    """Compare what a file says with the declaration and the patient; ``source`` is where the effective time is from."""
    foreign = patient is not None and found.patient_hint is not None and another(patient, found.patient_hint)
    reasons = {
        Attention.EYE: found.eye_contradicts or _is_another_eye(upload.eye, found.eye),
        Attention.PATIENT: foreign or found.before_birth or _is_before_birth(found, patient),
        Attention.CAPTURED_AT: _is_from_file(source) and _is_doubtful(found, upload, zone),
        Attention.STORED_ELSEWHERE: elsewhere,
    }
    return [code for code, applies in reasons.items() if applies]


def _is_another_eye(declared: Eye, detected: Eye | None) -> bool:
    return Eye.UNKNOWN not in (declared, detected) and detected not in (None, declared)


def _is_before_birth(found: Facts, patient: Patient | None) -> bool:
    """Whether the file was taken before the chosen patient was born: then it is somebody else's."""
    if patient is None or found.captured_at is None:
        return False
    return datetime.fromisoformat(found.captured_at).date() < date.fromisoformat(patient.birth_date)


def _is_from_file(source: CaptureSource) -> bool:
    return source not in (CaptureSource.DECLARED, CaptureSource.UPLOAD)


def _is_doubtful(found: Facts, upload: Upload, zone: ZoneInfo) -> bool:
    """Whether a person should confirm the file's time. Nothing is taken after it was received, save by a fast clock."""
    when = instant(found.captured_at, zone)
    return found.captured_doubtful or (when is not None and is_ahead(when, upload.received_at or upload.created_at))
