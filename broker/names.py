"""Names in storage: every blob name the service uses, as a function that makes it.

``IntakeBlob`` and ``VaultBlob`` are two types on purpose. A write grant takes the first and a read grant the
second, so a key to write verified images cannot be expressed. Names hold ids only, never patient data.

``<tt>``, an id's last two hex digits, comes first so that time-ordered ids spread over storage partitions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from .ids import is_id

INTAKE = "intake"
VAULT = "vault"


@dataclass(frozen=True, slots=True)
class IntakeBlob:
    """A blob in the untrusted landing place, named by its upload id."""

    upload: str

    def __post_init__(self) -> None:
        if not is_id(self.upload):
            raise ValueError("an intake blob is named by an upload id")

    @property
    def name(self) -> str:
        return f"{_tt(self.upload)}/{self.upload}"


@dataclass(frozen=True, slots=True)
class VaultBlob:
    """A blob in the vault; made by the functions below, or read from a listing."""

    name: str

    def __post_init__(self) -> None:
        if not _VAULT_NAME.fullmatch(self.name):
            raise ValueError("not a vault name")


class Rendition(StrEnum):
    """What the worker makes of a scan."""

    THUMBNAIL = "thumbnail"
    DISPLAY = "display"
    FULL = "full"
    FRAMES = "frames"
    ENFACE = "enface"
    LOCALIZER = "localizer"


#: Media type of a rendition -> the ending of its name.
ENDINGS = {"image/webp": "webp", "image/jpeg": "jpg", "image/png": "png", "application/zip": "zip"}

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_VAULT_NAME = re.compile(
    rf"uploads/[0-9a-f]{{2}}/{_ID}/(?:original|manifest\.json|tombstone\.json)"
    rf"|scans/[0-9a-f]{{2}}/{_ID}/(?:thumbnail|display|full|frames|enface|localizer)\.(?:webp|jpg|png|zip)"
    rf"|scans/[0-9a-f]{{2}}/{_ID}/records/[1-9][0-9]{{0,8}}\.json"
    rf"|patients/[0-9a-f]{{2}}/{_ID}/(?:[1-9][0-9]{{0,8}}|tombstone)\.json"
    r"|audit/[0-9]{10}\.jsonl"
)
_AUDIT_NAME = re.compile(r"audit/([0-9]{10})\.jsonl")
_INTAKE_NAME = re.compile(rf"([0-9a-f]{{2}})/({_ID})")


def original(upload: str) -> VaultBlob:
    """The file, byte for byte."""
    return VaultBlob(f"uploads/{_tt(upload)}/{upload}/original")


def manifest(upload: str) -> VaultBlob:
    """What was declared, what was found, and where everything lies; written last."""
    return VaultBlob(f"uploads/{_tt(upload)}/{upload}/manifest.json")


def tombstone(upload: str) -> VaultBlob:
    """Written before an erasure; a rebuild obeys it."""
    return VaultBlob(f"uploads/{_tt(upload)}/{upload}/tombstone.json")


def patient_tombstone(patient_id: str) -> VaultBlob:
    """Written before a patient's erasure; a rebuild obeys it."""
    return VaultBlob(f"patients/{_tt(patient_id)}/{patient_id}/tombstone.json")


def rendition(scan: str, what: Rendition, media_type: str) -> VaultBlob:
    """One rendition of a scan. Raises KeyError for a media type that no rendition has."""
    return VaultBlob(f"scans/{_tt(scan)}/{scan}/{what}.{ENDINGS[media_type]}")


def record(scan: str, number: int) -> VaultBlob:
    """The ``number``-th record about a scan, counted from 1."""
    return VaultBlob(f"scans/{_tt(scan)}/{scan}/records/{number}.json")


def patient(patient_id: str, version: int) -> VaultBlob:
    """The ``version``-th version of a patient, counted from 1."""
    return VaultBlob(f"patients/{_tt(patient_id)}/{patient_id}/{version}.json")


def audit(number: int) -> VaultBlob:
    """The ``number``-th sealed audit segment, counted from 1. Raises ValueError above ten digits."""
    return VaultBlob(f"audit/{number:010}.jsonl")


def parse_audit(name: str) -> int | None:
    """The number of a listed segment, or None if the name is another one."""
    match = _AUDIT_NAME.fullmatch(name)
    return int(match[1]) if match else None


def parse_intake(name: str) -> IntakeBlob | None:
    """The intake blob that a listed name stands for, or None if the name was never minted by us."""
    match = _INTAKE_NAME.fullmatch(name)
    if match is None or not is_id(match[2]) or _tt(match[2]) != match[1]:
        return None
    return IntakeBlob(match[2])


def _tt(identity: str) -> str:
    return identity[-2:]
