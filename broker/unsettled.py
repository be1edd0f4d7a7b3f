"""Files that were not stored, of the whole clinic: listed for everybody who sends, until somebody settles each.

Whoever sent it, a file is not forgotten because its sender has gone home: it was *sent again*, or it is *given up* for
a reason. The service settles one by itself when the very bytes are stored for its patient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from . import audit
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx, patients, uploads
from .catalog import unsettled as rows
from .catalog.unsettled import SILENT, Settlement
from .catalog.uploads import Filter, Upload
from .declaration import Progress
from .errors import IllegalMove, Invalid, UploadNotFound
from .words import Expiry, Settled, State

#: More than so many nobody needs to have counted.
COUNTED = 99
#: Files listed of one patient.
MOST_OF_PATIENT = 200
#: What a person may say; the rest the service says itself.
BY_HAND = frozenset({Settled.SENT_AGAIN, Settled.GIVEN_UP})


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The acts on files that were not stored."""

    catalog: Catalog

    def page(self, actor: Actor, *, now: datetime, after: str | None, limit: int) -> list[Progress]:
        """List what is open, of all accounts, newest first: rejected, missing, never arrived, or silent for an hour.

        Raises:
            NotAllowed, CatalogBusy.
        """
        require(actor, Act.UPLOAD)
        account = actor.account if actor.locked else None
        with self.catalog.read() as tx:
            which = Filter(open_since=now - SILENT, account=account)
            return [Progress(row) for row in uploads.some(tx, which, after=after, limit=limit)]

    def count(self, actor: Actor, *, now: datetime) -> int:
        """Count what is open, up to ``COUNTED`` + 1.

        Raises:
            NotAllowed, CatalogBusy.
        """
        require(actor, Act.UPLOAD)
        with self.catalog.read() as tx:
            return min(rows.count(tx, now - SILENT, most=COUNTED + 1), COUNTED + 1)

    def settle(
        self,
        actor: Actor,
        act: str,
        ids: Sequence[str],
        *,
        how: Settled,
        now: datetime,
        reason: str = "",
        by: str | None = None,
    ) -> list[Progress]:
        """Settle files that were not stored, in one act: all of them or none. The same act again changes nothing.

        ``by`` names the upload that was sent in its place. A silent pending upload is given up by it.

        Raises:
            NotAllowed.
            UploadNotFound: there is none, or it is still on its way.
            IllegalMove: it is stored, or somebody settled it before.
            Invalid: giving up needs a reason; ``by`` is not stored, or of another patient.
        """
        require(actor, Act.UPLOAD)
        if how not in BY_HAND:
            raise Invalid("Say that it was sent again, or that it is given up.", field="how")
        if how is Settled.GIVEN_UP and not reason.strip():
            raise Invalid("Say why it is given up.", field="reason")
        said = Settlement(
            how=how, at=now, account=actor.account, name=actor.name, reason=reason.strip(), twin=by, act=act
        )
        with self.catalog.write() as tx:
            found = uploads.find(tx, ids)
            done = [upload for upload in ids if self._settled(tx, found.get(upload), said, now)]
            if done:
                # Neither the reason nor a file's name: the audit is read by those who are told of no patient.
                told = {"how": how, "act": act, "by": by}
                subjects = [*done, *dict.fromkeys(found[upload].patient_id for upload in done)]
                audit.record(tx, actor, "upload.settle", now=now, subjects=subjects, detail=told)
            if again := [upload for upload in ids if upload not in done]:
                subjects = [*again, *dict.fromkeys(found[upload].patient_id for upload in again)]
                audit.view(tx, actor, "upload.see", now=now, subjects=subjects)
            after = uploads.find(tx, ids)
        return [Progress(after[upload]) for upload in ids]

    def _settled(self, tx: Tx, row: Upload | None, said: Settlement, now: datetime) -> bool:
        """Settle one; False if this act has done so before."""
        if row is None:
            raise UploadNotFound()
        if row.settled_act == said.act:
            if (row.settled_by, row.settled_how, row.settled_reason) != (said.account, said.how, said.reason):
                raise Invalid("This id stands for something else that was said.")
            return False
        if said.twin is not None:
            _same_patient(tx, row, said.twin)
        if row.state is State.PENDING:
            which = Filter(ids=[row.id], open_since=now - SILENT)
            if not uploads.some(tx, which, after=None, limit=1):
                raise UploadNotFound()  # it may be on its way, and then only its sender knows of it
            return uploads.expire(tx, row.id, reason=Expiry.ABANDONED, now=now, settled=said)
        if not rows.settle(tx, row.id, said):
            by = f" by {row.settled_name}" if row.settled_name else ""
            was = f"It was settled{by} already." if row.settled_at else f"It is {row.state}."
            raise IllegalMove(was, state=row.state)
        return True


def of_patient(tx: Tx, patient: str, now: datetime) -> list[Upload]:
    """List what is open of one patient."""
    which = Filter(patient=patient, open_since=now - SILENT)
    return uploads.some(tx, which, after=None, limit=MOST_OF_PATIENT)


def _same_patient(tx: Tx, row: Upload, by: str) -> None:
    of = {patient for found in uploads.stored_patients(tx, [by]).values() for patient in found}
    if patients.stands_for(tx, [row.patient_id])[row.patient_id] not in of:
        raise Invalid("The file that was sent again must be stored for the same patient.", field="by")
