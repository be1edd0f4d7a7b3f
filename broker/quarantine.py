"""Files that did not get into the vault, for whoever manages the service: what, since when, and what to do.

Neither file names nor patients are told: administrators see none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from . import audit
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, uploads
from .catalog.uploads import Filter, Upload
from .words import Rejection, State, sentence

#: An upload that arrived and has not been checked after this time is stuck.
STUCK = timedelta(minutes=15)
PAGE = 100
_ARRIVED = (State.RECEIVED, State.VERIFYING)
#: What IT does about a rejection that a new export would not mend.
_ADVICE = {
    Rejection.DECODER_DIED: "Keep the file apart: it stops the decoder. Report it without the patient.",
    Rejection.MALWARE: "Look at the computer that it was sent from before anything else is sent from there.",
    Rejection.POLYGLOT: "Look at the computer that it was sent from: cameras do not make such files.",
    Rejection.UNREADABLE: "Look at the account's lifecycle rules and encryption: the storage does not give it back.",
    Rejection.BLOB_TYPE: "Somebody sent it by other means than these pages. Ask the account who.",
}


@dataclass(frozen=True, slots=True)
class NotStored:
    """One such file: ``said`` is what its sender reads, ``advice`` what to do about it."""

    upload: Upload
    state: str
    said: str
    advice: str


@dataclass(frozen=True, slots=True)
class Quarantine:
    """The acts on files that were not stored."""

    catalog: Catalog

    def page(self, actor: Actor, now: datetime, *, after: str | None = None) -> list[NotStored]:
        """List what is stuck, and then what was lost or rejected, newest first.

        Raises:
            NotAllowed, CatalogBusy.
        """
        require(actor, Act.QUARANTINE)
        with self.catalog.write() as tx:
            ended = uploads.some(tx, Filter(states=(State.MISSING, State.REJECTED)), after=after, limit=PAGE)
            arrived = uploads.some(tx, Filter(states=_ARRIVED), after=None, limit=10 * PAGE) if after is None else []
            audit.record(tx, actor, "quarantine.see", now=now)
        return [_stuck(row) for row in _late(arrived, now)] + [_ended(row) for row in ended]


def _late(rows: Sequence[Upload], now: datetime) -> list[Upload]:
    return [row for row in rows if row.received_at and now - row.received_at > STUCK]


def _stuck(row: Upload) -> NotStored:
    advice = "See whether a worker runs, and what its log says."
    if row.attempts:
        advice = f"It was tried {row.attempts} times: the worker's log says what went wrong."
    return NotStored(row, "stuck", sentence(row.state, row.reason), advice)


def _ended(row: Upload) -> NotStored:
    advice = "Its sender has the file: ask for a new export."
    if row.state is State.MISSING:
        advice = (
            "The storage lost it after it arrived. Look at lifecycle rules, who else may delete, the account's logs."
        )
    elif row.reason in set(Rejection):
        advice = _ADVICE.get(Rejection(row.reason), advice)
    if row.settled_how:
        # How, and not why: the reason was written for those who are told of patients.
        advice = f"Settled: {row.settled_how.words.lower()}."
    said = sentence(row.state, row.reason, settled=row.settled_how, identical=row.identical is not None)
    return NotStored(row, row.state.value, said, advice)
