"""What clinicians say, in one line each, for the tests of records: ids and times are made here."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from broker.access.actor import Actor
from broker.catalog import scans, uploads
from broker.catalog.patients import Patient
from broker.catalog.records import Document
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Review, Role
from tests.people import NOW, actor
from tests.unit.pages import shelf

DOC, TECH = actor(Role.PHYSICIAN, name="Dr Ruth"), actor(Role.TECHNICIAN)
MINUTE = timedelta(minutes=1)


class Clinic:
    """The records of a test's parts. Everybody has opened what they review, unless a test says otherwise."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.records = parts.records

    def now_is(self, scan: Scan | str, *, withdrawn: bool = False) -> Scan:
        """The scan as it is by now."""
        identity = scan if isinstance(scan, str) else scan.id
        with self.parts.catalog.read() as tx:
            return scans.find(tx, [identity], withdrawn=withdrawn)[identity][0]

    def review(
        self,
        *rows: Scan,
        status: Review = Review.REVIEWED,
        by: Actor = DOC,
        act: str = "",
        at: datetime = NOW,
        **more: Any,
    ) -> list[Document]:
        """Open scans, and review them as they are now."""
        shelf.look(self.parts, by, *rows)
        seen = {row.id: self.now_is(row).records for row in rows}
        return self.records.review(by, act or new_id(at), seen, status=status, note="Seen.", now=at, **more)

    def repeat(self, *rows: Scan, at: datetime = NOW) -> list[Document]:
        """Ask for a repeat."""
        return self.review(*rows, status=Review.REPEAT, at=at)

    def correct(
        self, *rows: Scan, by: Actor = TECH, at: datetime = NOW, act: str = "", **changes: Any
    ) -> list[Document]:
        """Correct scans: ``correct(scan, eye="OS")``."""
        ids = [row.id for row in rows]
        return self.records.correct(by, act or new_id(at), ids, changes=changes, reason="Mixed up.", now=at)

    def move(self, *rows: Scan, to: Patient | str, by: Actor = TECH, at: datetime = NOW) -> list[Document]:
        """Move scans to another patient."""
        return self.correct(*rows, by=by, at=at, patient=to if isinstance(to, str) else to.id)

    def close(self, scan: Scan, *, by: Actor = DOC, at: datetime = NOW) -> list[Document]:
        """Close a wanted repeat."""
        return self.records.add(by, new_id(at), [scan.id], note="Good enough.", closes=True, now=at)

    def withdraw(self, scan: Scan, *, by: Actor = DOC, restore: bool = False) -> list[Document]:
        """Withdraw a scan, or restore it."""
        return self.records.withdraw(by, new_id(NOW), [scan.id], reason="Wrong file.", now=NOW, restore=restore)

    def merge(self, absorbed: Patient, into: Patient, *, act: str = "") -> Patient:
        """Merge two records of one person."""
        return self.parts.patients.merge(
            TECH, act or new_id(NOW), absorbed=absorbed.id, into=into.id, reason="One person.", now=NOW
        )

    def unmerge(self, absorbed: Patient, *, act: str = "") -> Patient:
        """Take a merge back."""
        act = act or new_id(NOW)
        return self.parts.patients.unmerge(TECH, act, absorbed=absorbed.id, reason="They are two.", now=NOW)

    def sent(self, who: Patient, **changes: Any) -> tuple[Scan, Actor]:
        """A scan that a technician sent, and who that is."""
        upload = shelf.stored(self.parts, shelf.checked(self.parts, who))
        with self.parts.catalog.read() as tx:
            row = uploads.find(tx, [upload])[upload]
        sender = Actor(row.account_id, row.account_name, frozenset({Role.TECHNICIAN}), "127.0.0.1", "request-1")
        return shelf.scan(self.parts, who, upload=upload, **changes), sender
