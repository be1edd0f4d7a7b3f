"""The manifest: what the worker writes beside an original, last of all, and what ``rebuild`` reads.

One JSON object; every key is always there, ``null`` where nothing is known. Times are ISO 8601 in UTC with an offset,
sizes bytes, ids as in ``ids``. Two versions were ever written, and both are read:

    version 1      eye, kind and captured_at of the upload may be what the browser had read in the file's header, sent
                   as if a person had declared it: ``provenance`` tells them apart as far as that is possible
    version 2      they are what a person chose, typed or confirmed by an act, and nothing else; same form

    version        1 or 2
    upload         id, batch, batch_hash (of the whole declaration), position (counted from 0 in its batch), ref,
                   account, account_name, patient, filename, size, media_type, eye, kind, captured_at (text as
                   declared), note, urgent, created_at, received_at, stored_at
    digests        declared: the form that the client computes (sha256:... or sha256-blocks-N:...); sha256: plain, hex
    format         what the file is by its contents; media_type: of that format
    time_zone      the clinic's, by which times without an offset and ``visit_day`` were understood
    scans          one or more, each:
        id, position           id follows from the upload's id and the position
        eye, kind              effective: declared, else detected, else unknown
        captured_at            effective; captured_source: declared, upload (the time of receipt), or what the file's
                               own time came from (``words.CaptureSource``); visit_day: YYYY-MM-DD in the clinic's zone
        width, height, frames  pixels as shown; 0 where there is no picture
        placeholder            data URI or ""; no_preview: the reason, or null; attention: the codes that
                               ``attention`` raises
        detected               eye, kind, captured_at, captured_source, device, spacing_mm, patient
        renditions             by name: media_type, bytes, width, height

A manifest counts only if all of this fits, the ids are those of its path, and every blob it names exists with its size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import ids, names
from ..names import Rendition, VaultBlob
from ..words import Attention, CaptureSource, Eye, Kind
from . import strict
from .strict import Misfit

__all__ = [
    "LIMIT",
    "MEDIA_TYPE",
    "VERSION",
    "Declared",
    "Detected",
    "Digests",
    "Made",
    "Manifest",
    "Misfit",
    "ScanPart",
    "blobs",
    "read",
    "write",
]

VERSION = 2
_VERSIONS = (1, VERSION)
MEDIA_TYPE = "application/json"
#: No manifest is longer, in bytes; a vendor file with a hundred volumes makes about 150 KiB.
LIMIT = 4 << 20

_DECLARED = re.compile(r"sha256(?:-blocks-[1-9][0-9]{0,11})?:[0-9a-f]{64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: A catalog that was rebuilt without it may have lost it.
_HASH_OR_NOTHING = re.compile(r"(?:[0-9a-f]{64})?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The upload: what the technician said, and when what happened."""

    id: str
    batch: str
    batch_hash: str
    position: int
    ref: str
    account: str
    account_name: str
    patient: str
    filename: str
    size: int
    media_type: str | None
    eye: Eye
    kind: Kind
    captured_at: str | None
    note: str
    urgent: bool
    created_at: datetime
    received_at: datetime
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """Both digests of the original, recomputed from the bytes that were stored."""

    declared: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """What the file says about one scan; None where it says nothing. ``spacing_mm``: per pixel, [row, column]."""

    eye: Eye | None = None
    kind: Kind | None = None
    captured_at: str | None = None
    captured_source: CaptureSource | None = None
    device: str | None = None
    spacing_mm: tuple[float, ...] | None = None
    patient: dict[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A rendition that was made: what lies under its name."""

    media_type: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPart:
    """One scan as everybody will see it."""

    id: str
    position: int
    eye: Eye
    kind: Kind
    captured_at: datetime
    captured_source: CaptureSource
    visit_day: str
    width: int
    height: int
    frames: int
    placeholder: str
    no_preview: str | None
    attention: tuple[Attention, ...]
    detected: Detected
    renditions: dict[Rendition, Made]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The whole document."""

    version: int
    upload: Declared
    digests: Digests
    format: str
    media_type: str
    time_zone: str
    scans: tuple[ScanPart, ...]


def write(manifest: Manifest) -> bytes:
    """Give the manifest's bytes. Raises Misfit if it breaks a rule that ``read`` would refuse it for."""
    _check(manifest)
    return strict.dump(manifest)


def read(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        Misfit: it is of no version that was ever written; the text says where.
    """
    manifest = strict.load(Manifest, data)
    _check(manifest)
    return manifest


def blobs(manifest: Manifest) -> dict[VaultBlob, int]:
    """Every blob that must exist for the manifest to count, with its size."""
    found = {names.original(manifest.upload.id): manifest.upload.size}
    for scan in manifest.scans:
        for what, made in scan.renditions.items():
            found[names.rendition(scan.id, what, made.media_type)] = made.bytes
    return found


def _check(manifest: Manifest) -> None:
    """Refuse what has the right types and still cannot be."""
    upload, digests = manifest.upload, manifest.digests
    faults = {
        "version": manifest.version not in _VERSIONS,
        "upload.id": not ids.is_id(upload.id),
        "upload.patient": not ids.is_id(upload.patient),
        "upload.batch": not ids.is_id(upload.batch),
        "upload.batch_hash": not _HASH_OR_NOTHING.fullmatch(upload.batch_hash),
        "upload.size": upload.size < 1 or upload.position < 0,
        "digests": not _DECLARED.fullmatch(digests.declared) or not _SHA256.fullmatch(digests.sha256),
        "time_zone": not _is_zone(manifest.time_zone),
        "scans": not manifest.scans,
    }
    for index, scan in enumerate(manifest.scans):
        if ids.is_id(upload.id):
            faults[f"scans[{index}].id"] = scan.position != index or scan.id != ids.scan_id(upload.id, index)
        faults[f"scans[{index}].visit_day"] = not _DAY.fullmatch(scan.visit_day)
        faults[f"scans[{index}].width"] = min(scan.width, scan.height, scan.frames) < 0
        for what, made in scan.renditions.items():
            faults[f"scans[{index}].{what}"] = made.media_type not in names.ENDINGS or made.bytes < 1
    wrong = [where for where, fault in faults.items() if fault]
    if wrong:
        raise Misfit(f"cannot be: {', '.join(wrong[:5])}")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
