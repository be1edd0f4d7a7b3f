"""Retractions: the author takes a whole act back, soon after, unless somebody has gone on from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, scans
from ..catalog import records as rows
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import IllegalMove, NotAllowed, NotFound
from ..words import RecordKind
from .keeper import Keeper

#: How long an act can be taken back.
WITHIN = timedelta(minutes=10)
_SINCE = "Something was said about this since. Read it, then add to it."
_CAN_BE = (RecordKind.REVIEW, RecordKind.ADDENDUM, RecordKind.ANSWER)


class Retractions(Keeper):
    """The act of taking back."""

    __slots__ = ()

    def retract(self, actor: Actor, act: str, what: str, *, now: datetime) -> list[Document]:
        """Take back the act ``what``, of all its scans: a review, an addendum or an answer.

        It stays in the history, and has no effect any more.

        Raises:
            NotFound: there is no such act.
            NotAllowed: somebody else's.
            IllegalMove: it is too late, something was said of one of the scans since, or it is of another kind.
        """
        require(actor, Act.CORRECT)
        with self.catalog.read() as tx:
            ids = [one["scan"] for one in rows.of_act(tx, what)]
            withdrawn = sorted(scans.find(tx, ids, withdrawn=True)) if not rows.of_act(tx, act) else []
        if not ids:
            raise NotFound("There is no such act.")
        if withdrawn:
            raise IllegalMove(_SINCE, scans=withdrawn)
        said = {"kind": RecordKind.RETRACTION.value, "retracts": what}

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            for one in rows.of_act(tx, what):
                _refuse(actor, one, found[one["scan"]], now)
            return dict.fromkeys(found, said)

        return self.keep(actor, act, "scan.retract", ids, make, said, now)


def can_be_taken_back(actor: Actor, one: Document, now: datetime) -> bool:
    """Whether this account may still take this record's act back, if nothing was said since."""
    young = now - datetime.fromisoformat(one["at"]) <= WITHIN
    return young and one["account"] == actor.account and RecordKind(one["kind"]) in _CAN_BE


def _refuse(actor: Actor, one: Document, scan: Scan, now: datetime) -> None:
    if one["account"] != actor.account:
        raise NotAllowed("Only the author takes this back.")
    if RecordKind(one["kind"]) not in _CAN_BE:
        raise IllegalMove("This cannot be taken back. Correct or restore it instead.")
    if one["number"] != scan.records:
        raise IllegalMove(_SINCE, scans=[scan.id])
    if now - datetime.fromisoformat(one["at"]) > WITHIN:
        raise IllegalMove("It is too late to take this back: ten minutes are over. Add to it instead.")
