"""Answers to a wanted repeat: the scan that it is, or that there can be none. A physician closes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, scans
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import IllegalMove, Invalid, ScanNotFound
from ..words import CaptureSource, Eye, Kind, RecordKind, Review
from .keeper import Keeper


class Answers(Keeper):
    """The act of answering."""

    __slots__ = ()

    def answer(
        self, actor: Actor, act: str, scan: str, *, possible: bool, by: str | None = None, reason: str, now: datetime
    ) -> list[Document]:
        """Answer the repeat that is wanted of ``scan``: the scan ``by`` is it, or it is not possible, with a reason.

        What was captured and declared after the request, of that patient, eye and kind, answers by itself. A person
        says it of a scan whose time nobody knows.

        Raises:
            NotAllowed, ScanNotFound.
            IllegalMove: no repeat of it is wanted.
            Invalid: the other scan cannot be the answer, or the reason is missing.
        """
        require(actor, Act.CORRECT)
        if possible == (by is None):
            raise Invalid("Name the scan that answers the repeat, or say that it is not possible.")
        if not possible and not reason.strip():
            raise Invalid("Say why a repeat is not possible.", field="reason")
        said = {"kind": RecordKind.ANSWER.value, "possible": possible, "link": by, "reason": reason}

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            wanted = found[scan]
            if wanted.review is not Review.REPEAT:
                raise IllegalMove("No repeat of this is wanted any more.", scans=[scan])
            if by:
                _refuse_other(wanted, _found(tx, by))
            return {scan: said}

        return self.keep(actor, act, "scan.answer", [scan], make, said, now, also=[by] if by else [])


def _found(tx: Tx, scan: str) -> Scan:
    found = scans.find(tx, [scan]).get(scan)
    if found is None:
        raise ScanNotFound("The scan that is to answer it is not there, or was withdrawn.")
    return found[0]


def may_answer(wanted: Scan, answer: Scan) -> bool:
    """Whether a scan can be the repeat of another one: of that patient, eye and kind as far as known, sent later."""
    try:
        _refuse_other(wanted, answer)
    except Invalid:
        return False
    return True


def _refuse_other(wanted: Scan, answer: Scan) -> None:
    asked = wanted.requested_at
    if answer.id == wanted.id:
        raise Invalid("A scan is not its own repeat.", field="by")
    if answer.patient_id != wanted.patient_id:
        raise Invalid("That scan is another patient's.", field="by")
    if _differ(answer.eye, wanted.eye, Eye.UNKNOWN) or _differ(answer.kind, wanted.kind, Kind.UNKNOWN):
        raise Invalid("That scan is of another eye or kind. Correct it first, if that is wrong.", field="by")
    if asked is None or datetime.fromisoformat(answer.facts["sent_at"]) <= asked:
        raise Invalid("That scan was there before the repeat was asked for.", field="by")
    if answer.captured_source is not CaptureSource.UPLOAD and answer.captured_at <= asked:
        raise Invalid("That scan was captured before the repeat was asked for.", field="by")


def _differ(one: str, other: str, unknown: str) -> bool:
    return one != other and unknown not in (one, other)
