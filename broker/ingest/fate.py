"""What is to become of a name in the intake, by its upload's row. Pure: whoever acts on it asks again then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from ..catalog.uploads import Upload
from ..storage.containers import Listed
from ..words import Expiry, State


class Fate(Enum):
    """What is to become of a name in the intake."""

    KEEP = "keep"
    RECEIVE = "receive"
    COMPLETE = "complete"
    REFUSE = "refuse"
    PURGE = "purge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long: ``pending`` for bytes nobody declared here, ``rejected`` for files that were not stored.

    The latter counts from when somebody settled what became of the file, not from when it ended.
    """

    pending: timedelta
    rejected: timedelta


def fate(upload: Upload | None, listed: Listed, keep: Keep, now: datetime) -> Fate:
    """Decide about one name in the intake by its upload's row.

    pending     longer than declared, or sent in one piece with another length: refuse, for it cannot become right.
                Arrived whole, and the digest was declared: receive. Blocks: complete in the client's place, if he is
                silent and the plan is there. Else keep.
    received, verifying     keep
    stored      purge
    expired     its sender gave it up, or it is a duplicate: purge; else as rejected
    rejected    ``keep.rejected`` after it was settled: whoever still has to deal with a file must find what arrived of
                it. Longer than declared: as soon as it is settled. It may be a file that grew, and its only copy
    missing     ``keep.rejected`` after it was settled: whoever restores lost bytes must find them still there
    no row      after ``keep.pending``: the catalog may have been lost, and these bytes be the only ones. Then the
                question that was open is lost with its row, so that nothing keeps them longer
    """
    if upload is None:
        return _purge_if(listed.modified + keep.pending <= now)
    match upload.state:
        case State.PENDING:
            return _pending_fate(upload, listed)
        case State.STORED:
            return Fate.PURGE
        case State.EXPIRED:
            return _purge_if(_nobodys(upload) or _over(upload, keep, now))
        case State.REJECTED:
            oversize = listed.committed and listed.size > upload.size
            return _purge_if(_over(upload, keep, now) or (oversize and upload.settled_at is not None))
        case State.MISSING:
            return _purge_if(_over(upload, keep, now))
        case _:
            return Fate.KEEP


def could_be(upload: Upload, size: int) -> bool:
    """Say whether a pending upload of which ``size`` bytes arrived can still become what was declared.

    A file in one piece is written once; one in blocks may be committed anew by whoever holds its grant.
    """
    return size <= upload.size if upload.block_size else size == upload.size


def _pending_fate(upload: Upload, listed: Listed) -> Fate:
    if listed.committed and not could_be(upload, listed.size):
        return Fate.REFUSE
    if listed.committed and upload.digest and listed.size == upload.size:
        return Fate.RECEIVE
    return Fate.COMPLETE if upload.block_size else Fate.KEEP


def _nobodys(upload: Upload) -> bool:
    """Say whether an expired upload's bytes are of no use to anybody: nobody else may still want to look at them."""
    by_sender = upload.reason == Expiry.ABANDONED and upload.settled_by == upload.account_id
    return by_sender or upload.reason == Expiry.DUPLICATE


def _over(upload: Upload, keep: Keep, now: datetime) -> bool:
    return upload.settled_at is not None and upload.settled_at + keep.rejected <= now


def _purge_if(condition: bool) -> Fate:
    return Fate.PURGE if condition else Fate.KEEP
