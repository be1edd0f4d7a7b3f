"""What of a declaration in a manifest of version 1 a person said, and what the browser had read in the file's header.

Until version 2 the browser read eye, kind and time in the header of each file, and sent them as if the technician had
said so; it dropped the offsets of times, and believed placeholders. A manifest has both the declaration and what the
worker found, so most of it can be told apart when rows are made of it. Nothing in the vault is changed:

* A declared time that is the file's own, to the second and whatever its offset, is the file's. So is one that nobody's
  picture was taken at: no person types 1 January 1900. Then the time that was detected counts, with its offset, if it
  can be believed; else the time of receipt.
* Every other declared time stays declared.
* An eye or a kind that is declared and detected alike stays, but nobody knows any more who said it.
* An eye or a kind that differ stay declared: the difference was flagged when the file came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..words import CaptureSource, Eye, Kind
from .describe import captured
from .facts import is_placeholder
from .manifest import Manifest, ScanPart


@dataclass(frozen=True, slots=True)
class Told:
    """What a scan's declaration comes to.

    ``declared``: the time that a person declared, None if none did. ``perhaps_file``: of eye and kind those that may
    have come from the file. The rest is effective, as in the manifest.
    """

    declared: str | None
    captured_at: datetime
    captured_source: CaptureSource
    visit_day: str
    perhaps_file: tuple[str, ...] = ()


def told_apart(manifest: Manifest, scan: ScanPart) -> Told:
    """Say what a person declared of a scan. From version 2 on that is the whole declaration."""
    declared = manifest.upload.captured_at
    told = Told(declared, scan.captured_at, scan.captured_source, scan.visit_day)
    if manifest.version > 1:
        return told
    unsure = tuple(name for name, is_alike in _alike(manifest, scan).items() if is_alike)
    if declared is None or not _is_of_the_file(declared, manifest, scan):
        return Told(declared, told.captured_at, told.captured_source, told.visit_day, unsure)
    zone = ZoneInfo(manifest.time_zone)
    at, source = captured(None, scan.detected, manifest.upload.received_at, zone, _born(scan))
    return Told(None, at, source, at.astimezone(zone).date().isoformat(), unsure)


def _alike(manifest: Manifest, scan: ScanPart) -> dict[str, bool]:
    upload, found = manifest.upload, scan.detected
    return {
        "eye": upload.eye is not Eye.UNKNOWN and upload.eye is found.eye,
        "kind": upload.kind is not Kind.UNKNOWN and upload.kind is found.kind,
    }


def _is_of_the_file(declared: str, manifest: Manifest, scan: ScanPart) -> bool:
    said, found = _wall_clock(declared), _wall_clock(scan.detected.captured_at or "")
    if said is None:
        return False
    return said == found or is_placeholder(said, manifest.upload.received_at, _born(scan))


def _wall_clock(text: str) -> datetime | None:
    """What a clock on the wall showed, to the second; the old browser wrote a day alone where the file had no time."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0)
    except ValueError:
        return None


def _born(scan: ScanPart) -> date | None:
    """The birth date in the file."""
    try:
        return date.fromisoformat((scan.detected.patient or {}).get("birth_date", ""))
    except ValueError:
        return None
