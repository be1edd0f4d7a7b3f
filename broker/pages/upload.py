"""``/upload``: patient first, then files. Everything that happens there goes through the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, request

from .. import filetypes
from ..access.permissions import Act, may
from ..catalog.uploads import Filter
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import INTAKE, IntakeBlob
from ..words import Eye, Kind, RecordKind, Review
from . import frame, texts
from .show import EYES, KINDS, Choice, Person, people, person

#: Patients offered by one click: those of the last files that this account sent, and for how long.
RECENT, RECENT_FOR = 6, timedelta(hours=12)
#: What a person says when a file names another patient than the one chosen; it goes along with the note.
REASONS = (
    "The device had the wrong patient",
    "The number or date was mistyped at the device",
    "The patient's name or number has changed",
    "The header or file name is not about this patient",
)
#: An upload that nobody declares: for its name no grant exists, so a PUT is refused, if it gets there at all.
_NOBODYS = "00000000-0000-7000-8000-000000000000"


def add_to(pages: Blueprint) -> None:
    """Add the upload page."""
    pages.get("/upload", endpoint="upload")(show)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A picture that is wanted once more: of whom, of which eye and kind, why, and who asked when."""

    person: Person
    eye: Eye
    kind: Kind
    words: str
    note: str
    by: str
    at: str


@policy(Act.UPLOAD)
def show() -> str:
    """Show the upload panel.

    ``patient``: chosen by the link that led here, and offered by a click. ``repeat``: the scan wanted once more.

    Raises:
        ScanNotFound: there is no such scan, or it was withdrawn.
    """
    config = parts().config
    repeat = _repeat(request.args.get("repeat", ""))
    wanted = repeat.person.id if repeat else request.args.get("patient", "")
    return frame.page(
        "upload.html",
        eyes=EYES,
        kinds=[Choice("", "Kind not said"), *KINDS],
        most=config.max_upload_bytes,
        most_text=texts.size(config.max_upload_bytes),
        endings={kind.name: kind.endings for kind in filetypes.FILE_TYPES},
        refusals=texts.refusals(),
        reasons=REASONS,
        repeat=repeat,
        account=actor().account,
        probe=f"{config.blob_public_url}/{INTAKE}/{IntakeBlob(_NOBODYS).name}",
        may_see=may(actor(), Act.SEE_SCANS),
        recent=_recent(wanted if is_id(wanted) else None),
        wanted=wanted,
    )


def _recent(wanted: str | None) -> list[Person]:
    """Who is wanted, then those whose files this account sent last. Kept by the service: a browser is shared."""
    since = frame.now() - RECENT_FOR
    sent = parts().uploads.find(actor(), Filter(account=actor().account), after=None, limit=200)
    ids = dict.fromkeys([wanted] if wanted else [])
    ids |= dict.fromkeys(one.upload.patient_id for one in sent if one.upload.created_at >= since)
    found = parts().patients.some(actor(), list(ids)[:RECENT], now=frame.now())
    return people(found.values(), parts().patients.alike(actor(), found))


def _repeat(scan: str) -> Repeat | None:
    """What is wanted once more; None if nothing is, or not any longer."""
    if not is_id(scan):
        return None
    shown = parts().gallery.one(actor(), scan, now=frame.now())
    asked = [one for one in shown.records if one["kind"] == RecordKind.REVIEW and one["status"] == Review.REPEAT]
    if shown.scan.review is not Review.REPEAT or not asked:
        return None
    patient, said = shown.patient, asked[-1]
    return Repeat(
        person(patient, parts().patients.alike(actor(), [patient.id]).get(patient.id)),
        shown.scan.eye,
        shown.scan.kind,
        f"{texts.EYES[shown.scan.eye]} · {texts.KINDS[shown.scan.kind]}",
        said["note"],
        said["by"],
        texts.moment(said["at"], parts().config.time_zone),
    )
