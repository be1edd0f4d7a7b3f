"""Make the manifest: bring together what was declared and what was found, and settle what counts.

What a person declared beats what was detected, and that beats nothing; both are kept, and what was detected is never
written as declared. Nothing is guessed.
What does not agree asks for attention: see ``attention``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from .. import ids
from ..catalog.patients import Patient
from ..catalog.uploads import Upload
from ..names import Rendition
from ..words import CaptureSource, Eye, Kind
from .attention import raised
from .facts import instant, is_placeholder
from .manifest import VERSION, Declared, Detected, Digests, Made, Manifest, ScanPart
from .verdict import ScanFacts, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What verifying and promoting found out. ``renditions``: of each scan in order, as they lie in the vault.

    ``elsewhere``: the same bytes are stored, or on their way, under another patient. ``batch_hash``: of the whole
    declaration, by which a repeated one is known. ``version``: of the manifest; 1 for a declaration that was made
    before browsers stopped to declare what they had read in a header.
    """

    sha256: str
    verdict: Verdict
    renditions: Sequence[Mapping[Rendition, Made]]
    elsewhere: bool = False
    batch_hash: str = ""
    version: int = VERSION


def describe(upload: Upload, patient: Patient | None, found: Found, *, zone: ZoneInfo, stored_at: datetime) -> Manifest:
    """Make the manifest of an upload whose bytes and renditions lie in the vault."""
    verdict = found.verdict
    received_at = upload.received_at or upload.created_at
    scans = [_scan_part(upload, patient, index, found, zone) for index in range(len(parts(verdict)))]
    return Manifest(
        version=found.version,
        upload=Declared(
            id=upload.id,
            batch=upload.batch_id,
            batch_hash=found.batch_hash,
            position=upload.position,
            ref=upload.ref,
            account=upload.account_id,
            account_name=upload.account_name,
            patient=upload.patient_id,
            filename=upload.filename,
            size=upload.size,
            media_type=upload.media_type,
            eye=upload.eye,
            kind=upload.kind,
            captured_at=upload.captured_at,
            note=upload.note,
            urgent=upload.urgent,
            created_at=upload.created_at,
            received_at=received_at,
            stored_at=stored_at,
        ),
        digests=Digests(declared=upload.digest or "", sha256=found.sha256),
        format=verdict.format or "",
        media_type=verdict.media_type or "application/octet-stream",
        time_zone=zone.key,
        scans=tuple(scans),
    )


def parts(verdict: Verdict) -> Sequence[ScanFacts]:
    """The scans that a verdict stands for; a file in which nothing can be seen still is one scan."""
    return verdict.scans or (ScanFacts(),)


def _scan_part(upload: Upload, patient: Patient | None, index: int, found: Found, zone: ZoneInfo) -> ScanPart:
    seen = parts(found.verdict)[index]
    detected = _detected(seen)
    received_at = upload.received_at or upload.created_at
    born = date.fromisoformat(patient.birth_date) if patient else None
    captured_at, source = captured(upload.captured_at, detected, received_at, zone, born)
    return ScanPart(
        id=ids.scan_id(upload.id, index),
        position=index,
        eye=upload.eye if upload.eye is not Eye.UNKNOWN else detected.eye or Eye.UNKNOWN,
        kind=upload.kind if upload.kind is not Kind.UNKNOWN else detected.kind or Kind.UNKNOWN,
        captured_at=captured_at,
        captured_source=source,
        visit_day=captured_at.astimezone(zone).date().isoformat(),
        width=seen.width,
        height=seen.height,
        frames=seen.frames,
        placeholder=seen.placeholder,
        no_preview=found.verdict.no_preview,
        attention=tuple(raised(upload, patient, seen, source, zone, elsewhere=found.elsewhere)),
        detected=detected,
        renditions=dict(found.renditions[index]),
    )


def _detected(facts: ScanFacts) -> Detected:
    return Detected(
        eye=facts.eye,
        kind=facts.kind,
        captured_at=facts.captured_at,
        captured_source=facts.captured_source,
        device=facts.device,
        spacing_mm=None if facts.spacing_mm is None else tuple(float(step) for step in facts.spacing_mm),
        patient=None if facts.patient_hint is None else dict(facts.patient_hint),
    )


def captured(
    declared: str | None, detected: Detected, received_at: datetime, zone: ZoneInfo, born: date | None
) -> tuple[datetime, CaptureSource]:
    """Settle when a scan was taken: as a person said; else as the file says, if that can be; else when it arrived.

    ``born`` is the patient's day of birth, None where it is not known.
    """
    if said := instant(declared, zone):
        return said, CaptureSource.DECLARED
    found = instant(detected.captured_at, zone)
    if (
        found
        and detected.captured_at
        and not is_placeholder(datetime.fromisoformat(detected.captured_at), received_at, born)
    ):
        return found, detected.captured_source or CaptureSource.FILE
    return received_at, CaptureSource.UPLOAD
