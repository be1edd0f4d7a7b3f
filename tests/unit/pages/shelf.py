"""Makes patients, scans and uploads under check for the tests of the pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from broker.access.actor import Actor
from broker.catalog import scans, uploads
from broker.catalog.patients import Patient
from broker.catalog.scans import Claims, Facts, Scan
from broker.ids import new_id, scan_id
from broker.parts import Parts
from broker.words import Eye, Kind, Rejection, State
from tests import people
from tests.people import NOW

#: A name that would break out of attributes, scripts and addresses if anything let it.
HOSTILE = "O'Brien\"><script>alert(1)</script>, {{7*7}}"


def patient(parts: Parts, *, mrn: str = "0012345", name: str = "Example, Ada") -> Patient:
    """Make a patient born on 21 Mar 1957."""
    return people.patient(parts.patients, mrn=mrn, name=name)


def scan(parts: Parts, who: Patient, captured: datetime = NOW, upload: str = "", **changes: object) -> Scan:
    """Put one scan with a thumbnail and a display rendition into the catalog."""
    return put(parts, [made(who, captured, upload, **changes)])[0]


def made(who: Patient, captured: datetime, upload: str = "", **changes: object) -> Scan:
    """Make one scan."""
    upload = upload or new_id(captured)
    values: dict[str, object] = {
        "id": scan_id(upload, 0),
        "upload_id": upload,
        "position": 0,
        "patient_id": who.id,
        "eye": Eye.OD,
        "kind": Kind.COLOR_FUNDUS,
        "captured_at": captured,
        "captured_source": "exif",
        "visit_day": captured.date().isoformat(),
        "device": "Example Cam 1",
        "facts": facts(),
        "placeholder": "data:image/webp;base64,UklGRg==",
        "attention": [],
        "urgent": False,
        "withdrawn": False,
    }
    return Scan(**values | changes)  # type: ignore[arg-type]


def series(parts: Parts, who: Patient, count: int) -> list[Scan]:
    """Put ``count`` scans, the newest first."""
    return put(parts, [made(who, NOW - timedelta(hours=number)) for number in range(count)])


def put(parts: Parts, rows: list[Scan]) -> list[Scan]:
    """Put scans into the catalog."""
    with parts.catalog.write() as tx:
        scans.put(tx, rows)
    return rows


def facts(**changes: object) -> Facts:
    """What a manifest says about one fundus photo."""
    nothing: Claims = {
        "eye": None, "kind": None, "captured_at": None, "captured_source": None, "device": None, "patient": None,
    }  # fmt: skip
    size = {"media_type": "image/webp", "width": 384, "height": 300, "bytes": 9000}
    display = {"media_type": "image/jpeg", "width": 1600, "height": 1250, "bytes": 90000}
    values: dict[str, object] = {
        "filename": "fundus.jpg",
        "ending": "jpg",
        "format": "jpeg",
        "media_type": "image/jpeg",
        "size": 1_800_000,
        "digest": "sha256:" + "0" * 64,
        "sha256": "0" * 64,
        "width": 2592,
        "height": 2025,
        "frames": 1,
        "spacing_mm": None,
        "renditions": {"thumbnail": size, "display": display},
        "no_preview": None,
        "declared": nothing,
        "detected": nothing,
        "note": "",
        "sent_by": "Tess",
        "sent_at": NOW.isoformat(),
        "received_at": NOW.isoformat(),
        "stored_at": NOW.isoformat(),
    }
    return values | changes  # type: ignore[return-value]


def look(parts: Parts, who: Actor, *rows: Scan, slices: int = 0) -> None:
    """Open scans as ``who``, all slices unless ``slices`` says how many."""
    parts.records.open(who, [(row.id, slices or row.facts["frames"]) for row in rows], now=NOW)


def checked(parts: Parts, who: Patient, now: datetime = NOW) -> str:
    """Declare and complete one file, so that it waits to be checked; give its upload id."""
    declared = people.declaration(who.id, people.file(new_id(now)))
    upload = parts.uploads.declare(people.actor(), declared, now)[0].upload
    with parts.catalog.write() as tx:
        assert uploads.receive(tx, upload.id, digest=upload.digest or "", now=now)
    return upload.id


def lost(parts: Parts, who: Patient, now: datetime = NOW) -> str:
    """Declare one file of which something else arrived, so that it was refused; give its upload id."""
    declared = people.declaration(who.id, people.file(HOSTILE))
    upload = parts.uploads.declare(people.actor(name=HOSTILE), declared, now)[0].upload
    with parts.catalog.write() as tx:
        assert uploads.refuse(tx, upload.id, Rejection.SIZE, detail="", now=now)
    return upload.id


def stored(parts: Parts, upload: str) -> str:
    """Say that an upload has been checked and stored."""
    with parts.catalog.write() as tx:
        uploads.restore(tx, replace(uploads.find(tx, [upload])[upload], state=State.STORED))
    return upload
