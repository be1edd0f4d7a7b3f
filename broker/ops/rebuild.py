"""Rebuild: fill the catalog from what lies in the vault.

Everything is put in by id, so it may be repeated, may die half-way (the next run goes on where it was), and may run
while the services do: what is there already becomes what the vault says, and what came meanwhile stays. A document that
does not count (see ``vaulted``) is reported and imports nothing. A tombstone keeps its upload, or its patient, out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from .. import audit
from ..catalog import Catalog, leases
from ..catalog.migrate import upgrade
from ..config import Config
from ..errors import CatalogBusy, Unavailable
from ..ingest.crashpoint import Effect, effect
from ..storage.azure import AzureStore
from ..storage.containers import Vault
from . import chain
from .indexing import REBUILD, Counts, Target
from .progress import PREFIX, Progress
from .vaulted import Page, VaultReader

#: Set when the catalog is known to hold what the vault holds; readiness waits for it.
MARK = "vault_indexed"
#: Set by a migration when rows follow from manifests in another way than before: the vault is read once more, while
#: the service goes on with the rows it has.
OUTDATED = "vault_rows_outdated"
LEASE = timedelta(minutes=5)
#: Faults that are printed one by one; the rest is counted.
FAULTS_SHOWN = 50

Report = Callable[[str], None]


def rebuild(config: Config, say: Report, *, check_only: bool = False) -> int:
    """The command: rebuild, or only compare, and print what was found. 0 if nothing is wrong, else 1."""
    catalog, store = Catalog(config.database_url), AzureStore(config)
    try:
        if not check_only:
            upgrade(catalog)
        counts = index(catalog, store.vault, say, check_only=check_only)
    except Unavailable as fault:
        say(f"Not finished: {fault} Nothing was lost; start it again.")
        return 1
    finally:
        catalog.close()
        store.close()
    for found in counts.faults[:FAULTS_SHOWN]:
        say(f"Does not count: {found.name}: {found.why}")
    say(f"{'Compared' if check_only else 'Done'}: {counts}.")
    return 1 if counts.faults or (check_only and counts.different) else 0


def ensure_indexed(catalog: Catalog, vault: Vault, report: Report) -> None:
    """Make sure, once for each catalog, that it holds what the vault holds; called by every worker at its start.

    Raises:
        CatalogBusy: another worker is at it.
        StorageUnavailable: try again later.
    """
    holder = secrets.token_hex(8)
    with catalog.write() as tx:
        known, outdated = leases.marked(tx, MARK), leases.marked(tx, OUTDATED)
        if known and not outdated:
            return
        if leases.take(catalog, tx, "rebuild", holder=holder, life=LEASE) is None:
            raise CatalogBusy("Another worker is reading the vault into the catalog.")
    if VaultReader(vault).is_empty():
        _mark(catalog)
    else:
        why = (
            "This release understands the vault better than the last one"
            if known
            else "The catalog does not know it yet"
        )
        report(f"{why}: reading the vault.")
        counts = index(catalog, vault, report, keep=lambda: _keep(catalog, holder))
        report(f"The vault was read: {counts}.")
    with catalog.write() as tx:
        leases.give_back(tx, "rebuild", holder=holder)


def index(
    catalog: Catalog, vault: Vault, report: Report, *, check_only: bool = False, keep: Callable[[], None] = lambda: None
) -> Counts:
    """Put everything that counts into the catalog, or only compare; ``keep`` is called after every page.

    A run that broke off within a day is taken up where it was; folders in which something did not count are read again.

    Raises:
        StorageUnavailable, CatalogBusy: what is in stays in; start again.
    """
    progress = Progress(catalog, idle=check_only)
    counts, reader = Counts(skipped=len(progress.done)), VaultReader(vault, skip=progress.done)
    target = Target(catalog, counts, check_only=check_only)
    if progress.done:
        report(f"Going on with a run that broke off: {len(progress.done)} folders were read by it.")
    # A scan needs its patient, so patients come first; records come after the scans they speak of.
    stages: tuple[Callable[[], Iterator[Page]], ...] = (reader.patients, reader.uploads, reader.records)
    for stage in stages:
        for page in stage():
            target.put(page.found)
            progress.note(page)
            keep()
            report(f"Read up to {page.folder}: {counts}.")
        progress.end()
        if stage == reader.patients:
            target.settle_patients()
    counts.faults += target.part_homeless()
    counts.faults += target.unknown_to(vault, progress.done - progress.read)
    if not check_only:
        report(f"Audit rows brought back from their segments: {chain.restore(catalog, vault)}.")
        _mark(catalog, counts)
    return counts


def _keep(catalog: Catalog, holder: str) -> None:
    with catalog.write() as tx:
        if leases.take(catalog, tx, "rebuild", holder=holder, life=LEASE) is None:
            raise CatalogBusy("Another worker has taken over reading the vault.")


def _mark(catalog: Catalog, counts: Counts | None = None) -> None:
    with effect(Effect.INDEXED), catalog.write() as tx:
        now: datetime = catalog.now(tx)
        if counts:
            detail = {"uploads": counts.uploads, "scans": counts.scans, "faults": len(counts.faults)}
            audit.record(tx, REBUILD, "catalog.rebuilt", now=now, detail=detail)
        leases.mark(tx, MARK, now)
        leases.unmark(tx, PREFIX)
        leases.unmark(tx, OUTDATED)
