"""The audit chain: compare the segments in the vault with each other and with the catalog, and bring lost rows back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from .. import names
from ..catalog import Catalog, audit
from ..catalog.audit import AuditRow, Segment
from ..config import Config
from ..errors import FileTooLarge, Unavailable
from ..ingest import segment as form
from ..ingest.segment import LIMIT, Sealed
from ..ingest.strict import Misfit
from ..storage.azure import AzureStore
from ..storage.containers import BlobGone, Vault

#: Rows that have waited longer mean that no worker seals.
LATE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the chain that is not as it was written. ``segment`` 0: about rows that no segment holds."""

    segment: int
    why: str


def command(config: Config, say: Callable[[str], None], act: str) -> int:
    """``audit verify`` or ``audit restore``: 0 if nothing is wrong, else 1."""
    catalog, store = Catalog(config.database_url), AzureStore(config)
    try:
        if act == "restore":
            say(f"Brought back: {restore(catalog, store.vault)} rows.")
        count, findings = 0, []
        for number, found in verify(catalog, store.vault):
            count = max(count, number)
            findings += found
    except Unavailable as fault:
        say(f"Not finished: {fault} Nothing was changed by looking; start it again.")
        return 1
    finally:
        catalog.close()
        store.close()
    for finding in findings:
        where = f"Segment {finding.segment}" if finding.segment else "Rows"
        say(f"{where}: {finding.why}")
    say(f"Looked at {count} segments: {'the chain is whole' if not findings else f'{len(findings)} findings'}.")
    return 1 if findings else 0


def verify(catalog: Catalog, vault: Vault) -> Iterator[tuple[int, list[Finding]]]:
    """Give every segment's number with what is wrong with it, and last, under 0, what is wrong beside them.

    A flipped, dropped, added or swapped row is found in the vault by the chain and in the catalog by comparing it
    with its segment; a segment cut off at the end, because the catalog remembers it.

    Raises:
        StorageUnavailable, CatalogBusy.
    """
    previous: str | None = None
    for number in range(1, _count(catalog, vault) + 1):
        findings, previous = _verified(catalog, vault, number, previous)
        yield number, [Finding(number, why) for why in findings]
    with catalog.read() as tx:
        waiting, now, homeless = audit.unsealed(tx, 1), catalog.now(tx), audit.homeless(tx)
    beside = [f"{homeless} rows claim a segment that was never sealed"] if homeless else []
    if waiting and now - waiting[0].at > LATE:
        beside.append(f"some have waited since {waiting[0].at:%Y-%m-%d %H:%M} UTC: no worker seals")
    yield 0, [Finding(0, why) for why in beside]


def restore(catalog: Catalog, vault: Vault) -> int:
    """Bring back the rows of every segment that the catalog does not hold; may be repeated. Give their number.

    Raises:
        StorageUnavailable, CatalogBusy.
    """
    brought = 0
    # From the newest: ids go downwards, so what is older stays below.
    for number in range(_count(catalog, vault), 0, -1):
        try:
            data = vault.get(names.audit(number), LIMIT)
            sealed = form.read(data)
        except (BlobGone, FileTooLarge, Misfit):
            continue  # `verify` names it
        brought += _brought_back(catalog, number, data, sealed)
    return brought


def _count(catalog: Catalog, vault: Vault) -> int:
    numbers = [number for one in vault.list("audit/") if (number := names.parse_audit(one.name))]
    with catalog.read() as tx:
        known = audit.last_segment(tx)
    return max([*numbers, known.number if known else 0])


def _verified(catalog: Catalog, vault: Vault, number: int, previous: str | None) -> tuple[list[str], str | None]:
    """What is wrong with one segment, and the digest that the next one must repeat."""
    with catalog.read() as tx:
        known, rows = audit.segment(tx, number), audit.of_segment(tx, number)
    try:
        data = vault.get(names.audit(number), LIMIT)
    except BlobGone:
        return ["it is not in the vault"], known.sha256 if known else None
    except FileTooLarge:
        return ["it is longer than any segment"], known.sha256 if known else None
    digest, faults = form.digest(data), []
    if known and known.sha256 != digest:
        faults.append("its bytes are not those that were sealed")
    try:
        sealed = form.read(data)
    except Misfit as fault:
        return [*faults, str(fault)], digest
    if sealed.number != number:
        faults.append(f"it says that it is segment {sealed.number}")
    if sealed.previous != previous:
        faults.append("it does not follow from the segment before")
    if sealed.rows and not rows:
        faults.append("the catalog does not know its rows: `audit restore` brings them back")
    elif why := _differs(sealed.rows, rows):
        faults.append(why)
    return faults, digest


def _differs(sealed: tuple[AuditRow, ...], rows: list[AuditRow]) -> str:
    if len(sealed) != len(rows):
        return f"it holds {len(sealed)} rows, and the catalog {len(rows)} of it"
    wrong = [index for index, pair in enumerate(zip(sealed, rows, strict=True)) if _said(pair[0]) != _said(pair[1])]
    return f"row {wrong[0] + 1} is another one in the catalog ({len(wrong)} differ)" if wrong else ""


def _said(row: AuditRow) -> tuple[object, ...]:
    """What a row says, whatever its id: rows that were brought back have new ones."""
    return tuple(getattr(row, name) for name in form.FIELDS if name != "id")


def _brought_back(catalog: Catalog, number: int, data: bytes, sealed: Sealed) -> int:
    lines = [form.line(row) for row in sealed.rows]
    with catalog.write() as tx:
        if audit.of_segment(tx, number):
            return 0
        waiting = {form.line(row): row.id for row in audit.unsealed(tx, 10 * len(lines))}
        held = {waiting[text]: place for place, text in enumerate(lines) if text in waiting}
        missing = [place for place, text in enumerate(lines) if text not in waiting]
        audit.bring_back(tx, [sealed.rows[place] for place in missing], missing)
        audit.seal(tx, Segment(number, form.digest(data), len(lines), sealed.sealed_at), held)
    return len(missing)
