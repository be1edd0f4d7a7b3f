"""``python -m broker erase``: show what would go, ask twice, erase, and say what the account itself still keeps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ..catalog import Catalog, patients
from ..config import Config
from ..errors import Unavailable
from ..names import VaultBlob, patient_tombstone, tombstone
from ..parts import Store
from ..storage.azure import AzureStore
from ..storage.containers import Kept
from .erasing import Doomed, Eraser, Refused

Say = Callable[[str], None]
Ask = Callable[[str], str]


def erase(
    config: Config, say: Say, ask: Ask, *, scan: str | None, patient: str | None, reason: str, sure: bool = False
) -> int:
    """Erase the file that a scan came out of, or a patient; 0 if it is gone. ``sure``: ask nothing."""
    catalog, store = Catalog(config.database_url), AzureStore(config)
    try:
        return run(catalog, store, say, ask, scan=scan, patient=patient, reason=reason, sure=sure)
    finally:
        catalog.close()
        store.close()


def run(
    catalog: Catalog,
    store: Store,
    say: Say,
    ask: Ask,
    *,
    scan: str | None,
    patient: str | None,
    reason: str,
    sure: bool = False,
) -> int:
    """The same over parts that were made already."""
    if not reason.strip():
        say("Nothing was erased. Say why: --reason TEXT")
        return 1
    eraser = Eraser(catalog=catalog, intake=store.intake, vault=store.vault, clock=lambda: datetime.now(UTC))
    try:
        doomed = eraser.of_patient(patient) if patient else eraser.of_scan(scan or "")
        say(_shown(catalog, doomed))
        if not sure and not _agreed(ask, patient or scan or ""):
            say("Nothing was erased.")
            return 1
        policed = eraser.erase(doomed, reason.strip())
        kept = store.kept(_grave(doomed))
    except Refused as no:
        say(f"Nothing was erased. {no}")
        return 1
    except Unavailable as fault:
        say(f"Not finished: {fault} Start the same command again; it goes on. To delete, the identity needs the right")
        say("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete on the container vault.")
        return 1
    for name in policed:
        say(f"Kept by a policy or a legal hold: {name}. Lift it, then start the same command again.")
    say("Erased from the service." if not policed else "Erased from the gallery; some bytes are still there.")
    for line in outlives(kept):
        say(line)
    return 1 if policed else 0


def outlives(kept: Kept) -> list[str]:
    """Say in plain lines what of the erased the storage account itself still has."""
    lines = []
    if kept.versions:
        lines.append("Versioning is on: every erased blob lives on as an older version. Delete the versions as well.")
    if kept.days:
        lines.append(f"Soft delete is on: what was deleted can be brought back for {kept.days} days.")
    if kept.days is None:
        lines.append("This identity may not ask whether soft delete is on. If it is, the bytes can be brought back.")
    lines.append("Copies in other accounts, backups of the database, and the audit (ids, no names) are untouched.")
    return lines


def _shown(catalog: Catalog, doomed: Doomed) -> str:
    what = f"{len(doomed.uploads)} files with {len(doomed.scans)} scans, their records and all renditions"
    if not doomed.patients:
        return f"To be erased for ever: {what}."
    with catalog.read() as tx:
        found = [patients.find(tx, patient) for patient in doomed.patients]
    known = [f"{one.name}, born {one.birth_date}, number {one.mrn}" for one in found if one]
    first, merged = known[0] if known else "a patient erased before in part", known[1:]
    also = "".join(f", with the record merged into it: {one}" for one in merged)
    return f"To be erased for ever: {first}{also}, and {what}."


def _agreed(ask: Ask, identity: str) -> bool:
    if ask("Erase this? There is no way back. Type yes: ").strip().casefold() != "yes":
        return False
    return ask("Once more: type the id that is to be erased: ").strip() == identity


def _grave(doomed: Doomed) -> VaultBlob:
    return patient_tombstone(doomed.patients[0]) if doomed.patients else tombstone(next(iter(doomed.uploads)))
