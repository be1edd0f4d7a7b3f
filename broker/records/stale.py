"""What somebody was shown of scans before an act; if that is not how they are by now, the act is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from .. import audit
from ..access.actor import Actor
from ..catalog import Catalog, Tx, scans
from ..catalog import records as rows
from ..catalog.scans import Scan
from ..errors import Stale
from .history import history


class Seen(NamedTuple):
    """What was shown of a scan: the number of records about it, and the number of its manifest, if that matters."""

    records: int
    manifest: int | None = 1


def of_records(seen: Mapping[str, int] | None) -> dict[str, Seen]:
    """What was shown, where the number of records alone matters."""
    return {scan: Seen(records, None) for scan, records in (seen or {}).items()}


def refuse_stale(tx: Tx, found: Mapping[str, Scan], shown: Mapping[str, Seen]) -> None:
    """Refuse an act on scans of which something else was shown; those that are not in ``found`` have gone.

    Raises:
        Stale: ``changed`` names what was said meanwhile, by scan.
    """
    late = [scan for scan, what in shown.items() if scan not in found or not _is(found[scan], what)]
    if late:
        kept = rows.of_scans(tx, late)
        changed = [
            {"scan": scan, "records": history(kept.get(scan, []))[max(shown[scan].records, 0) :]} for scan in late
        ]
        raise Stale("Somebody said something about this meanwhile. Read it, then decide again.", changed=changed)


@contextmanager
def telling(catalog: Catalog, actor: Actor, now: datetime) -> Iterator[None]:
    """Write down whom somebody is shown by what came first, where an act is refused for it."""
    try:
        yield
    except Stale as stale:
        changed: Any = stale.members.get("changed", [])
        said = {one["scan"]: one["records"] for one in changed}
        with catalog.write() as tx:
            found = {**scans.find(tx, said), **scans.find(tx, said, withdrawn=True)}
            whose = [patient.id for _, patient in found.values()]
            named = rows.patients_in(record for records in said.values() for record in records)
            if said:
                audit.view(tx, actor, "scan.see", now=now, subjects=[*whose, *named, *said])
        raise


def _is(scan: Scan, what: Seen) -> bool:
    return what.records == scan.records and what.manifest in (None, scan.manifest)
