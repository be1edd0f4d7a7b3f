"""What the API gives: schemas for its description, and the plain values themselves.

Answers are built as plain values, because dumping them through schemas costs more than all else together. Tests
hold every answer to its schema.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import asdict
from datetime import datetime
from typing import Any

from marshmallow import Schema
from marshmallow import fields as f

from ..catalog.patients import Patient
from ..catalog.uploads import Upload
from ..declaration import Offer, Progress
from ..errors import BrokerError
from ..gallery import Shown
from ..names import Rendition
from ..records import history
from ..words import Eye, Kind, Review, Settled, Sex, State, is_safe, sentence
from .problems import Problem, problem
from .schemas import Id, choice

Value = dict[str, Any]
_WHOLE: Any = {"required": True}
_MAYBE: Any = {"required": True, "allow_none": True}
_TEXT, _TEXT_OR_NONE, _NUMBER, _YES = f.String(**_WHOLE), f.String(**_MAYBE), f.Integer(**_WHOLE), f.Boolean(**_WHOLE)
_TIME, _TIME_OR_NONE, _DAY = f.AwareDateTime(**_WHOLE), f.AwareDateTime(**_MAYBE), f.Date(**_WHOLE)
_ID, _ID_OR_NONE, _EYE, _KIND = Id(**_WHOLE), Id(**_MAYBE), choice(Eye, **_WHOLE), choice(Kind, **_WHOLE)
_STATE, _PROBLEM = choice(State, **_WHOLE), f.Nested(Problem)


def _shape(name: str, /, **fields: Any) -> type[Schema]:
    return Schema.from_dict(fields, name=name)


def _optional(field: Any) -> Any:
    other = copy(field)
    other.required = False
    return other


def _list(of: type[Schema]) -> f.List[Any]:
    return f.List(f.Nested(of), required=True)


_Blocks = _shape("Blocks", size=_NUMBER, count=_NUMBER)
_Arrived = _shape("ArrivedBlock", index=_NUMBER, digest=_TEXT, size=_NUMBER)
_Grant = _shape(
    "Grant", method=_TEXT, url=_TEXT, headers=f.Dict(keys=f.String(), values=f.String(), required=True),
    expires_at=_TIME, expires_in=_NUMBER, blocks=f.Nested(_Blocks, **_MAYBE),
)  # fmt: skip
_Offer = _shape(
    "Offer", ref=_TEXT, id=_ID, state=_STATE, grant=f.Nested(_Grant, **_MAYBE),
    duplicate_of=_ID_OR_NONE, stored_elsewhere=_YES, reason=_TEXT_OR_NONE, sentence=_TEXT,
)  # fmt: skip
_Settled = _shape(
    "Settled", how=choice(Settled, **_WHOLE), at=_TIME, by=_TEXT, reason=_TEXT, upload=_ID_OR_NONE
)  # fmt: skip
_UPLOAD: dict[str, Any] = {
    "id": _ID, "ref": _TEXT, "batch": _ID, "patient": _ID, "filename": _TEXT, "size": _NUMBER, "eye": _EYE,
    "kind": _KIND, "captured_at": _TEXT_OR_NONE, "state": _STATE, "reason": _TEXT_OR_NONE, "sentence": _TEXT,
    "created_at": _TIME, "stored_at": _TIME_OR_NONE, "scans": f.List(Id(), required=True),
    "blocks": f.List(f.Nested(_Arrived)), "digest": _TEXT_OR_NONE, "safe": _YES, "duplicate_of": _ID_OR_NONE,
    "settled": f.Nested(_Settled, **_MAYBE),
}  # fmt: skip
_STANDING: dict[str, Any] = {
    "id": _ID, "batch": _ID, "state": _STATE, "reason": _TEXT_OR_NONE, "sentence": _TEXT,
    "stored_at": _TIME_OR_NONE, "scans": f.List(Id(), required=True), "safe": _YES, "ref": f.String(),
}  # fmt: skip
_Renewed = _shape("Renewed", id=_ID, grant=f.Nested(_Grant), problem=_PROBLEM)
_Completed = _shape("Completed", problem=_PROBLEM, **{key: _optional(field) for key, field in _STANDING.items()})
_Link = _shape("Link", id=_ID, url=f.String(), problem=_PROBLEM)
Offers = _shape("Offers", batch=_ID, uploads=_list(_Offer))
Grants = _shape("Grants", grants=_list(_Renewed))
UploadOut = _shape("Upload", **_UPLOAD)
Standing = _shape("Standing", **_STANDING)
_Listed = _shape("ListedUpload", **{key: _optional(field) for key, field in _UPLOAD.items()} | _STANDING)
Uploads = _shape("Uploads", uploads=_list(_Listed), next=_ID_OR_NONE)
Completions = _shape("Completions", uploads=_list(_Completed))
PatientOut = _shape(
    "Patient", id=_ID, issuer=_TEXT, mrn=_TEXT, name=_TEXT, birth_date=_DAY, sex=choice(Sex, **_MAYBE), version=_NUMBER
)
PatientsOut = _shape("Patients", patients=_list(PatientOut), next=_TEXT_OR_NONE)
ScanOut = _shape(
    "Scan", id=_ID, upload=_ID, patient=f.Nested(PatientOut, required=True), eye=_EYE, kind=_KIND, captured_at=_TIME,
    captured_source=_TEXT, visit_day=_DAY, device=_TEXT, placeholder=_TEXT, width=_NUMBER, height=_NUMBER,
    frames=_NUMBER, no_preview=_TEXT_OR_NONE, size=_NUMBER, attention=f.List(f.String(), required=True),
    declared=f.Dict(**_WHOLE), detected=f.Dict(**_WHOLE), note=_TEXT, urgent=_YES, sent_by=_TEXT, digest=_TEXT,
    filename=_TEXT, links=f.Dict(keys=choice(Rendition), values=f.String(), required=True),
    review=choice(Review, **_WHOLE), seen=_NUMBER, manifest=_NUMBER, requested_at=_TIME_OR_NONE,
    answer=f.Dict(**_MAYBE), records=f.List(f.Dict()),
)  # fmt: skip
ScansOut = _shape("Scans", scans=_list(ScanOut), next=_TEXT_OR_NONE)
Month = _shape("Month", month=_TEXT, scans=_NUMBER)
Months = _shape("Months", months=_list(Month))
OpenedOut = _shape("Opened", scans=_list(_shape("OpenedBefore", id=_ID, slices=_NUMBER)))
RecordsOut = _shape("Records", id=_ID, records=f.List(f.Dict(), required=True))
Links = _shape("Links", links=_list(_Link))
Original = _shape("Original", link=_TEXT, expires_at=_TIME)
AuditOut = _shape(
    "AuditRow", id=_NUMBER, at=_TIME, act=_TEXT, outcome=_TEXT, account=_TEXT_OR_NONE, account_name=_TEXT,
    address=_TEXT, request=_TEXT, subjects=f.List(f.String(), required=True), detail=f.Dict(**_WHOLE),
    segment=f.Integer(**_MAYBE),
)  # fmt: skip
Trail = _shape("Trail", rows=_list(AuditOut), next=_TEXT_OR_NONE)
Health = _shape("Health", status=_TEXT, storage=f.String(), catalog=f.String(), worker=f.AwareDateTime(allow_none=True))
#: What is answered as it stands in the catalog's row, or among the scan's facts.
_OF_UPLOAD = ("id", "ref", "filename", "size", "eye", "kind", "state", "reason", "digest", "duplicate_of")
_OF_SCAN = (
    "id",
    "eye",
    "kind",
    "captured_source",
    "visit_day",
    "device",
    "placeholder",
    "attention",
    "urgent",
    "review",
    "manifest",
    "answer",
)
_OF_FACTS = (
    "width", "height", "frames", "no_preview", "size", "declared", "detected", "note", "sent_by", "digest", "filename",
)  # fmt: skip


def grant_value(offer: Offer, now: datetime) -> Value | None:
    """How to send one file; None if it is not waiting for its bytes any more."""
    grant, plan = offer.grant, offer.plan
    if grant is None:
        return None
    return {
        "method": grant.method,
        "url": grant.url,
        "headers": dict(grant.headers),
        "expires_at": stamp(grant.expires_at),
        # Counted by the server, so that a browser's wrong clock does not matter.
        "expires_in": int((grant.expires_at - now).total_seconds()),
        "blocks": {"size": plan.size, "count": plan.count} if plan else None,
    }


def offer_value(offer: Offer, now: datetime) -> Value:
    """What became of one declared file."""
    upload = offer.upload
    value: Value = {"ref": upload.ref, "id": upload.id, "state": upload.state, "grant": grant_value(offer, now)}
    value |= {"duplicate_of": offer.duplicate_of, "stored_elsewhere": offer.stored_elsewhere}
    return value | {"reason": upload.reason, "sentence": _sentence(upload)}


def upload_value(progress: Progress) -> Value:
    """Where an upload stands, and what staff read about it."""
    row = progress.upload
    stored_at = row.ended_at if row.state is State.STORED else None
    value: Value = {key: getattr(row, key) for key in _OF_UPLOAD}
    value |= {"batch": row.batch_id, "patient": row.patient_id, "sentence": _sentence(row)}
    value |= {"captured_at": row.captured_at}  # as it was declared, so that it can be declared again
    value |= {"created_at": stamp(row.created_at), "stored_at": stamp(stored_at) if stored_at else None}
    value |= {"safe": is_safe(row.state, row.reason, identical=row.identical is not None)}
    value |= {"settled": _settled_value(row)}
    if progress.arrived is not None:
        value["blocks"] = [asdict(block) for block in progress.arrived]
    return value | {"scans": list(progress.scans)}


def _sentence(row: Upload) -> str:
    return sentence(row.state, row.reason, settled=row.settled_how, identical=row.identical is not None)


def standing_value(progress: Progress, *, own: bool = True) -> Value:
    """Where an upload stands, without patient and file name; ``ref``, its sender's words, if it is one's ``own``."""
    whole = upload_value(progress)
    return {key: whole[key] for key in _STANDING if own or key != "ref"}


def _settled_value(row: Upload) -> Value | None:
    """Who settled what became of a file that was not stored, and how; ``upload`` has its bytes by now."""
    if row.settled_at is None:
        return None
    value: Value = {"how": row.settled_how, "at": stamp(row.settled_at), "by": row.settled_name or ""}
    return value | {"reason": row.settled_reason or "", "upload": row.settled_twin}


def scan_value(shown: Shown, records: Sequence[Value] | None = None) -> Value:
    """A scan with its patient and its links; ``seen`` is how many records there are, to be named in a review."""
    scan, facts = shown.scan, dict(shown.scan.facts)
    value: Value = {key: getattr(scan, key) for key in _OF_SCAN} | {key: facts[key] for key in _OF_FACTS}
    value |= {"upload": scan.upload_id, "patient": patient_value(shown.patient), "captured_at": stamp(scan.captured_at)}
    value |= {"requested_at": stamp(scan.requested_at) if scan.requested_at else None}
    value |= {"seen": scan.records, "links": {what.value: grant.url for what, grant in shown.links.items()}}
    return value if records is None else value | {"records": history(records)}


def patient_value(patient: Patient) -> Value:
    """A patient. What stands for itself was not merged, and nothing else is answered."""
    return {key: value for key, value in asdict(patient).items() if key != "merged_into"}


def problem_value(identity: str, error: BrokerError) -> Value:
    """One item of a bulk answer that did not work."""
    return {"id": identity, "problem": problem(error)}


def stamp(at: datetime) -> str:
    """A time in UTC, ISO 8601 with Z."""
    return at.isoformat().replace("+00:00", "Z")
