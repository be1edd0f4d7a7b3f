"""What clinicians say about scans: reviews, addenda, corrections, withdrawals. Appended, never changed, never lost.

Each act makes one record for each scan it concerns, and record, audit row and outbox row stand in one transaction; the
worker publishes the records into the vault. The act's id is made by the client: said again, it is the same act.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from . import audit, capture, names
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Tx, outbox, patients, scans, uploads
from .catalog import records as rows
from .catalog.records import Document
from .catalog.scans import Scan
from .errors import IllegalMove, Invalid, NotAllowed, ScanNotFound, Stale
from .words import CaptureSource, RecordKind, Review, Role

_Make = Callable[[Tx, Scan], Document]


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The acts. ``zone`` is the clinic's: it decides which day a corrected time is on."""

    catalog: Catalog
    zone: ZoneInfo

    def review(
        self, actor: Actor, act: str, seen: Mapping[str, int], *, status: Review, note: str, now: datetime
    ) -> list[Document]:
        """Say of scans that they were reviewed, or that a repeat is wanted. ``seen``: scan -> records seen of it.

        Raises:
            NotAllowed, ScanNotFound.
            Stale: somebody said something meanwhile; ``changed`` names it, and nothing was kept.
            IllegalMove: one was reviewed before: only addenda and corrections are left.
        """
        require(actor, Act.REVIEW)
        if status not in (Review.REVIEWED, Review.REPEAT):
            raise Invalid("A review says that scans were reviewed, or that a repeat is wanted.")
        said = {"kind": RecordKind.REVIEW.value, "status": status.value, "note": note}

        def make(tx: Tx, scan: Scan) -> Document:
            if scan.review is Review.REVIEWED:
                raise IllegalMove("This was reviewed before. Add to the review instead.")
            return said

        try:
            return self._keep(actor, act, f"scan.{status}", seen, make, [dict(seen), said], now, seen=seen)
        except Stale as stale:
            changed: Any = stale.members["changed"]
            self._shown(actor, changed, now)
            raise

    def add(
        self, actor: Actor, act: str, ids: Iterable[str], *, note: str, closes: bool = False, now: datetime
    ) -> list[Document]:
        """Add a note; with ``closes`` a repeat that was wanted is settled by it.

        Raises:
            NotAllowed, ScanNotFound.
        """
        require(actor, Act.CORRECT if closes else Act.REVIEW)
        said = {"kind": RecordKind.ADDENDUM.value, "note": note, "closes": closes}
        return self._keep(actor, act, "scan.addendum", ids, lambda tx, scan: said, said, now)

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
    ) -> list[Document]:
        """Set eye, kind, captured_at (ISO 8601) or patient of scans, or of all of one batch; both values are kept.

        The value that stands already, said again, confirms it: that too settles what asks for attention.

        Raises:
            NotAllowed, ScanNotFound, PatientNotFound.
            Invalid: the time cannot be.
        """
        require(actor, Act.CORRECT)
        wanted = self._wanted(changes, now)

        def make(tx: Tx, scan: Scan) -> Document:
            if "patient" in wanted:
                patients.known(tx, wanted["patient"])
            before = {what: getattr(scan, column) for what, (column, _) in rows.CORRECTED.items() if what in wanted}
            before |= {"captured_at": scan.captured_at.isoformat()} if "captured_at" in wanted else {}
            changed = {what: {"from": before[what], "to": value} for what, value in wanted.items()}
            return {"kind": RecordKind.CORRECTION.value, "set": changed, "reason": reason}

        body = [sorted(changes.items()), batch, reason]
        return self._keep(actor, act, "scan.correct", ids, make, body, now, batch=batch)

    def withdraw(
        self, actor: Actor, act: str, ids: Iterable[str], *, reason: str, now: datetime, restore: bool = False
    ) -> list[Document]:
        """Take scans out of gallery and counts, or with ``restore`` back in.

        Raises:
            NotAllowed: a technician may for what this account sent, until it was reviewed.
            ScanNotFound: there is none, or it is so already.
        """
        require(actor, Act.WITHDRAW)
        said = {"kind": RecordKind.WITHDRAWAL.value, "withdrawn": not restore, "reason": reason}

        def make(tx: Tx, scan: Scan) -> Document:
            upload = uploads.find(tx, [scan.upload_id]).get(scan.upload_id)
            own = upload is not None and upload.account_id == actor.account and scan.review is Review.UNREVIEWED
            if Role.PHYSICIAN not in actor.roles and not own:
                raise NotAllowed("A technician withdraws own uploads, until they were reviewed. Ask a physician.")
            return said

        name = "scan.restore" if restore else "scan.withdraw"
        return self._keep(actor, act, name, ids, make, said, now, withdrawn=restore)

    def _keep(
        self,
        actor: Actor,
        act: str,
        name: str,
        ids: Iterable[str],
        make: _Make,
        body: object,
        now: datetime,
        *,
        seen: Mapping[str, int] | None = None,
        batch: str | None = None,
        withdrawn: bool = False,
    ) -> list[Document]:
        """Write one record a scan, or give those that this act wrote before."""
        with self.catalog.write() as tx:
            wanted = sorted({*ids, *(scans.ids_of(tx, batch=batch) if batch else ())})
            asked = json.dumps([name, actor.account, [] if batch else wanted, body], sort_keys=True)
            digest = hashlib.sha256(asked.encode()).hexdigest()
            rows.lock(tx, wanted)
            if known := rows.of_act(tx, act):
                if any(one["body"] != digest for one in known):
                    raise Invalid("This id stands for something else that was said.")
                return known
            found = scans.find(tx, wanted, withdrawn=withdrawn)
            if not found or (len(found) < len(wanted) and not batch):
                raise ScanNotFound()
            _refuse_stale(tx, {scan.id: scan.records for scan, _ in found.values()}, seen)
            who = {"at": now.isoformat(), "account": actor.account, "by": actor.name, "body": digest}
            made = [
                {"version": 1, "scan": scan.id, "number": scan.records + 1, "act": act, **make(tx, scan), **who}
                for scan, _ in found.values()
            ]
            rows.apply(tx, made)
            for one in made:
                outbox.add(tx, names.record(one["scan"], one["number"]), one, now)
            about = [*(patient.id for _, patient in found.values()), *rows.patients_in(made), *found]
            audit.record(tx, actor, name, now=now, subjects=dict.fromkeys(about), detail={"act": act})
        return made

    def _shown(self, actor: Actor, changed: Iterable[Document], now: datetime) -> None:
        """Write down whom the records name that somebody is shown because they came first."""
        said = {one["scan"]: one["records"] for one in changed}
        with self.catalog.write() as tx:
            whose = [patient.id for _, patient in scans.find(tx, said).values()]
            named = rows.patients_in(record for records in said.values() for record in records)
            audit.view(tx, actor, "scan.see", now=now, subjects=[*whose, *named, *said])

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


def _refuse_stale(tx: Tx, now: Mapping[str, int], seen: Mapping[str, int] | None) -> None:
    late = {scan: count for scan, count in (seen or {}).items() if now[scan] != count}
    if late:
        kept = rows.of_scans(tx, late)
        changed = [
            {"scan": scan, "records": [public(one) for one in kept.get(scan, [])[count:]]}
            for scan, count in late.items()
        ]
        raise Stale("Somebody said something about this meanwhile. Read it, then decide again.", changed=changed)


def public(document: Document) -> Document:
    """A record as it is shown: who said what when, without what only retries need."""
    return {key: value for key, value in document.items() if key not in ("version", "account", "body")}
