"""Additions: a note to what was said, and with it the end of a wanted repeat, which says what it was closed upon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, opened, repeats, scans
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import AttentionOpen, NotOpened, Stale
from ..words import BLOCKING, RecordKind, Review
from .keeper import Keeper, same
from .reviews import what_was_seen
from .stale import Seen, refuse_stale, telling

#: Scans that answer one wanted repeat and are shown beside it.
MOST_ANSWERS = 4


class Additions(Keeper):
    """The acts of adding a note and of closing a wanted repeat."""

    __slots__ = ()

    def add(
        self, actor: Actor, act: str, ids: Iterable[str], *, note: str, closes: bool = False, now: datetime
    ) -> list[Document]:
        """Add a note; with ``closes`` a repeat that was wanted is settled by it, whatever was seen.

        Raises:
            NotAllowed, ScanNotFound.
        """
        require(actor, Act.REVIEW)
        said = {"kind": RecordKind.ADDENDUM.value, "note": note, "closes": closes, "answers": []}
        return self.keep(actor, act, "scan.addendum", ids, same(said), said, now)

    def close(
        self,
        actor: Actor,
        act: str,
        ids: Iterable[str],
        *,
        note: str,
        seen: Mapping[str, Seen],
        now: datetime,
        unopened: bool = False,
        without: bool = False,
    ) -> list[Document]:
        """Settle wanted repeats upon what was shown: ``seen`` of the scans themselves, and of those that answer them.

        ``unopened``: the physician knows that an answer was never opened. ``without``: it is settled without a new
        scan, so it does not matter what has come.

        Raises:
            NotAllowed, ScanNotFound.
            AttentionOpen: all that came is in doubt; ``scans``.
            Stale: one is not as it was shown, answers no more, or another one has come; ``changed`` names it.
            NotOpened: this account has not opened an answer; ``scans``.
        """
        require(actor, Act.REVIEW)
        wanted = sorted(set(ids))
        said = {"kind": RecordKind.ADDENDUM.value, "note": note, "closes": True}

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            answering = {scan: what for scan, what in seen.items() if scan not in found}
            rows = {scan: row for scan, (row, _) in scans.find(tx, answering).items()}
            refuse_stale(tx, {**rows, **found}, {scan: seen.get(scan, Seen(-1)) for scan in found} | answering)
            answers = {} if without else _answers(tx, found, answering)
            _refuse_doubtful(answers, rows)
            ticks = opened.of(tx, actor.account, rows)
            closed = sorted(scan for scan in rows if scan not in ticks)
            if closed and not unopened:
                raise NotOpened(f"{len(closed)} of {len(rows)} were not opened. Open them, or close so.", scans=closed)
            upon = {scan: {"link": scan} | what_was_seen(row, ticks.get(scan, 0)) for scan, row in rows.items()}
            return {scan: said | {"answers": [upon[one] for one in answers.get(scan, ())]} for scan in found}

        body = [said, {scan: list(what) for scan, what in seen.items()}, unopened, without]
        with telling(self.catalog, actor, now):
            return self.keep(actor, act, "scan.addendum", wanted, make, body, now, also=sorted(set(seen) - set(wanted)))


def _refuse_doubtful(answers: Mapping[str, Iterable[str]], rows: Mapping[str, Scan]) -> None:
    for some in answers.values():
        if some and all(not BLOCKING.isdisjoint(rows[one].attention) for one in some):
            raise AttentionOpen(
                "The patient or the eye of what came is in doubt. Settle that first.", scans=sorted(some)
            )


def _answers(tx: Tx, found: Mapping[str, Scan], shown: Iterable[str]) -> dict[str, list[str]]:
    """What answers each by now; that has to be what was shown."""
    asked = [scan.id for scan in found.values() if scan.review is Review.REPEAT]
    answers = repeats.answers(tx, asked, most=MOST_ANSWERS)
    if others := {one for some in answers.values() for one in some} ^ set(shown):
        changed = [{"scan": one, "records": []} for one in sorted(others)]
        raise Stale("What answers this repeat has changed meanwhile. Look again, then decide.", changed=changed)
    return answers
