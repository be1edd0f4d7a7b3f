"""Seal audit rows: take those that no segment holds and write the next numbered segment, chained to the one before.

One sealer at a time, under a lease; but nothing breaks if two of them think so. A segment's name is written once:
whoever finds it taken reads what is there, marks the rows that it holds, and goes on with the next number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .. import names
from ..catalog import Catalog, audit, leases
from ..catalog.audit import AuditRow, Segment
from ..storage.containers import Vault
from . import segment as form
from .crashpoint import Effect, effect
from .segment import LIMIT, MEDIA_TYPE, MOST_BYTES, MOST_ROWS, Sealed
from .strict import Misfit

#: How often the worker looks; the longest that a row waits for its segment is this and ``LONGEST_WAIT``.
SEAL_SECONDS = 10.0
LONGEST_WAIT = timedelta(seconds=50)
LEASE = timedelta(minutes=5)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Writes segments. ``name`` tells this sealer from others."""

    catalog: Catalog
    vault: Vault
    clock: Callable[[], datetime]
    name: str

    def seal(self, *, at_once: bool = False) -> int:
        """Seal what has waited long enough or fills a segment, or everything ``at_once``; give the number of rows.

        Raises:
            StorageUnavailable, CatalogBusy: try again later; what was sealed stays so.
        """
        sealed = 0
        while True:
            last, rows = self._due(at_once=at_once)
            if not rows or not self._mine():
                break
            sealed += self._one(last, rows)
        if sealed:
            with self.catalog.write() as tx:
                leases.give_back(tx, "seal", holder=self.name)
        return sealed

    def _due(self, *, at_once: bool) -> tuple[Segment | None, list[AuditRow]]:
        """The last segment, and the rows that are to go into the next."""
        with self.catalog.read() as tx:
            # The segment first: rows that somebody seals between the two reads are missing, instead of sealed twice.
            last = audit.last_segment(tx)
            rows = audit.unsealed(tx, MOST_ROWS)
            now = self.catalog.now(tx)
        waited = bool(rows) and now - min(row.at for row in rows) >= LONGEST_WAIT
        return last, list(_fitting(rows)) if at_once or waited or len(rows) >= MOST_ROWS else []

    def _mine(self) -> bool:
        with self.catalog.write() as tx:
            return leases.take(self.catalog, tx, "seal", holder=self.name, life=LEASE) is not None

    def _one(self, last: Segment | None, rows: Sequence[AuditRow]) -> int:
        """Write the segment after ``last``, or adopt the one that is there; give how many of ``rows`` it holds."""
        if last is None and (number := self._in_vault()):
            # A catalog that was lost and rebuilt, or a sealer that died at its first: go on behind what is there.
            return self._note(number, self.vault.get(names.audit(number), LIMIT), rows)
        number = last.number + 1 if last else 1
        data = form.write(Sealed(number, last.sha256 if last else None, self.clock(), tuple(rows)))
        with effect(Effect.SEAL):
            made = self.vault.put(names.audit(number), data, MEDIA_TYPE)
        return self._note(number, data if made else self.vault.get(names.audit(number), LIMIT), rows)

    def _in_vault(self) -> int:
        """The number of the last segment in the vault; 0 if there is none."""
        return max((names.parse_audit(one.name) or 0 for one in self.vault.list("audit/")), default=0)

    def _note(self, number: int, data: bytes, rows: Sequence[AuditRow]) -> int:
        """Note a segment that lies in the vault, and which of ``rows`` it holds."""
        try:
            sealed = form.read(data)
        except Misfit as fault:
            # Nobody but a worker writes there: `audit verify` says the same until somebody has looked.
            _log.error("a segment in the vault is none: %s", fault, extra={"segment": number})
            sealed = Sealed(number, None, self.clock(), ())
        places = {form.line(row): place for place, row in enumerate(sealed.rows)}
        held = {row.id: places[text] for row in rows if (text := form.line(row)) in places}
        with effect(Effect.SEALED), self.catalog.write() as tx:
            audit.seal(tx, Segment(number, form.digest(data), len(sealed.rows), sealed.sealed_at), held)
        return len(held)


def _fitting(rows: Sequence[AuditRow]) -> Iterator[AuditRow]:
    """As many rows as one segment takes, at least one."""
    room = MOST_BYTES
    for index, row in enumerate(rows):
        room -= len(form.line(row))
        if room < 0 and index:
            return
        yield row
