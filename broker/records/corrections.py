"""Corrections: eye, kind, time of capture, or the patient, whose correction is a move. Both values are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from .. import capture
from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, patients, scans
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import Invalid
from ..words import CaptureSource, RecordKind
from .keeper import Keeper
from .stale import of_records, refuse_stale, telling

#: The values of a correction that follow from the time.
_OF_TIME = ("captured_at", "captured_source", "visit_day")
_UNBORN = (
    "A picture was taken before this patient was born. Check the patient. "
    "If the patient is right, correct the time of the picture or the patient's birth date first."
)


class Corrections(Keeper):
    """The act of correcting."""

    __slots__ = ()

    def correct(
        self,
        actor: Actor,
        act: str,
        ids: Iterable[str] = (),
        *,
        changes: Mapping[str, str],
        reason: str,
        now: datetime,
        batch: str | None = None,
        seen: Mapping[str, int] | None = None,
    ) -> list[Document]:
        """Set eye, kind, captured_at (ISO 8601) or patient of scans, or of all of one batch; both values are kept.

        The value that stands already, said again, confirms it: that too settles what asks for attention. Another
        patient or another eye reopens reviews; a wanted repeat stays wanted, of the new patient and eye.

        ``seen``: the number of records that was shown of scans, by id.

        Raises:
            NotAllowed, ScanNotFound, PatientNotFound.
            Invalid: the time cannot be, or the patient was not born then.
            Stale: somebody said something meanwhile of what ``seen`` names; ``changed`` names it, and nothing was kept.
        """
        require(actor, Act.CORRECT)
        wanted = self._wanted(changes, now)

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            refuse_stale(tx, found, of_records(seen))
            _refuse_unborn(tx, found, wanted)
            said = {"kind": RecordKind.CORRECTION.value, "reason": reason}
            before = {scan.id: _before(scan) for scan in found.values()}
            told = {scan: dict(wanted) for scan in found}
            if "patient" in wanted:
                whom = patients.known(tx, wanted["patient"]).id
                for scan, (record, stands_for) in scans.filed(tx, found).items():
                    before[scan]["patient"] = record
                    # Said of whom it is already, it stays filed as it was: should a merge be undone, it goes back.
                    told[scan]["patient"] = record if stands_for == whom else wanted["patient"]
            return {
                scan: said | {"set": {what: {"from": before[scan][what], "to": to} for what, to in told[scan].items()}}
                for scan in found
            }

        body = [sorted(changes.items()), batch, reason]
        patient = wanted.get("patient")
        with telling(self.catalog, actor, now):
            return self.keep(actor, act, "scan.correct", ids, make, body, now, batch=batch, patient=patient)

    def _wanted(self, changes: Mapping[str, str], now: datetime) -> dict[str, Any]:
        wanted: dict[str, Any] = dict(changes)
        if "captured_at" in wanted:
            when = capture.instant(wanted["captured_at"], self.zone)
            if why := capture.refusal(when, now):
                raise Invalid(why, field="captured_at")
            day = when.astimezone(self.zone).date().isoformat()
            source = CaptureSource.CORRECTED.value
            wanted |= {"captured_at": when.isoformat(), "captured_source": source, "visit_day": day}
        return wanted


def _before(scan: Scan) -> dict[str, Any]:
    values = {what: getattr(scan, what) for what in ("eye", "kind", *_OF_TIME)}
    return values | {"captured_at": scan.captured_at.isoformat()}


def _refuse_unborn(tx: Tx, found: Mapping[str, Scan], wanted: Mapping[str, Any]) -> None:
    """Refuse a time before the patient was born, and a patient who was not born at the time."""
    if "captured_at" in wanted:
        when = datetime.fromisoformat(wanted["captured_at"])
        whose = {wanted["patient"]} if "patient" in wanted else {scan.patient_id for scan in found.values()}
        for patient in patients.many(tx, whose).values():
            if why := capture.before_birth(when, date.fromisoformat(patient.birth_date)):
                raise Invalid(why, field="captured_at")
    elif "patient" in wanted:
        whom = patients.known(tx, wanted["patient"])
        # When it was sent says nothing of when it was taken; and who only confirms the patient moves nothing.
        known = (one for one in found.values() if one.captured_source is not CaptureSource.UPLOAD)
        moved = [scan for scan in known if scan.patient_id != whom.id]
        if any(capture.before_birth(scan.captured_at, date.fromisoformat(whom.birth_date)) for scan in moved):
            raise Invalid(_UNBORN, field="patient")
