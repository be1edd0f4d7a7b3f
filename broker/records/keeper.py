"""Keep records: one for each scan of an act, with its audit row and its outbox rows in one transaction.

The worker publishes the records into the vault. The act's id is made by the client: said again, it is the same act.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .. import audit, names
from ..access.actor import Actor
from ..catalog import Catalog, Tx, outbox, patients, scans
from ..catalog import records as rows
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import Invalid, ScanNotFound

VERSION = 2
#: What the act says of each of its scans; it raises, and nothing is kept, if it cannot be said.
Make = Callable[[Tx, Mapping[str, Scan]], Mapping[str, Document]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """Where records are kept."""

    catalog: Catalog
    zone: ZoneInfo

    def keep(
        self,
        actor: Actor,
        act: str,
        name: str,
        ids: Iterable[str],
        make: Make,
        body: object,
        now: datetime,
        *,
        batch: str | None = None,
        withdrawn: bool = False,
        patient: str | None = None,
        also: Iterable[str] = (),
    ) -> list[Document]:
        """Write one record a scan, or give those that this act wrote before.

        ``batch``: all scans of a batch instead of ``ids``. ``patient``: whom they are given to. ``also``: what the
        audit row names besides.

        Raises:
            ScanNotFound: there is none, or it is withdrawn; with ``withdrawn``, it is not.
            Invalid: the act's id stands for something else.
        """
        with self.catalog.write() as tx:
            wanted = sorted({*ids, *(scans.ids_of(tx, batch=batch) if batch else ())})
            asked = json.dumps([name, actor.account, [] if batch else wanted, body], sort_keys=True)
            digest = hashlib.sha256(asked.encode()).hexdigest()
            if patient:  # before the scans, as a merge does: two who wait for each other wait for ever
                patients.stands_for(tx, [patient], hold=True)
            rows.lock(tx, wanted)
            if known := rows.of_act(tx, act):
                if any(one["body"] != digest for one in known):
                    raise Invalid("This id stands for something else that was said.")
                _seen(tx, actor, known, also, now)
                return known
            found = {scan.id: scan for scan, _ in scans.find(tx, wanted, withdrawn=withdrawn).values()}
            if not found or (len(found) < len(wanted) and not batch):
                raise ScanNotFound()
            said = make(tx, found)
            who = {"at": now.isoformat(), "account": actor.account, "by": actor.name, "body": digest}
            made = [
                {"version": VERSION, "scan": scan.id, "number": scan.records + 1, "act": act, **said[scan.id], **who}
                for scan in found.values()
            ]
            subjects = list(dict.fromkeys([*found, *also, *_patients(tx, found, made)]))
            rows.apply(tx, made)
            for one in made:
                outbox.add(tx, names.record(one["scan"], one["number"]), one, now)
            audit.record(tx, actor, name, now=now, subjects=subjects, detail={"act": act})
        return made


def same(document: Document) -> Make:
    """Say the same of every scan."""
    return lambda tx, found: dict.fromkeys(found, document)


def _seen(tx: Tx, actor: Actor, known: Sequence[Document], also: Iterable[str], now: datetime) -> None:
    """Write down whom the records of an act name that is answered with them once more."""
    about = [one["scan"] for one in known]
    found = {**scans.find(tx, about), **scans.find(tx, about, withdrawn=True)}
    whose = _patients(tx, {scan.id: scan for scan, _ in found.values()}, known)
    audit.view(tx, actor, "scan.see", now=now, subjects=[*about, *also, *whose])


def _patients(tx: Tx, found: Mapping[str, Scan], made: Iterable[Document]) -> list[str]:
    """Whose the scans are, and whom they were moved from and to: what was said, and whom that stands for by now."""
    moved = [one for one in made if "patient" in one.get("set", {})]
    said = {one["set"]["patient"][end] for one in moved for end in ("from", "to")}
    whose = {scan.patient_id for scan in found.values()}
    return sorted({*said, *whose, *patients.stands_for(tx, said).values()})
