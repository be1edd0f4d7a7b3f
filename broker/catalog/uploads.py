"""Queries about batches and uploads: the state of an upload is the queue.

Moves follow ``words.MOVES``; each is one UPDATE that names the state it comes from, so that of two who try only
one succeeds. A worker's moves also name its fence number.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ..words import MOVES, Expiry, Eye, Kind, Rejection, Settled, State
from . import patients as patient_rows
from .engine import Catalog, Tx, insert_new, upsert
from .tables import batches, moves, opened, patients, records, scans, uploads
from .unsettled import Settlement, is_open


@dataclass(frozen=True, slots=True)
class Batch:
    """The files of one declaration. ``body_hash`` tells a repeated declaration from another one."""

    id: str
    account_id: str
    patient_id: str
    body_hash: str
    note: str
    urgent: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way in. ``block_size`` 0 means one Put Blob; sizes are bytes; ``reason`` is a code.

    ``duplicate_of`` names the stored upload that has the very bytes. ``settled_...``: of a file that was not stored,
    whether and how somebody settled that; see ``unsettled.Settlement``.
    """

    id: str
    batch_id: str
    position: int
    ref: str
    account_id: str
    account_name: str
    patient_id: str
    filename: str
    size: int
    block_size: int
    media_type: str | None
    eye: Eye
    kind: Kind
    captured_at: str | None
    digest: str | None
    note: str
    urgent: bool
    state: State
    reason: str | None
    detail: str | None
    created_at: datetime
    keep_until: datetime
    received_at: datetime | None
    ended_at: datetime | None
    fence: int
    attempts: int
    duplicate_of: str | None = None
    settled_at: datetime | None = None
    settled_by: str | None = None
    settled_name: str | None = None
    settled_how: Settled | None = None
    settled_reason: str | None = None
    settled_twin: str | None = None
    settled_act: str | None = None

    @property
    def identical(self) -> str | None:
        """The stored upload that has the very bytes: found when this one was declared, or after it was not stored.

        What a person names as sent in its place may be a new export, with other bytes.
        """
        return self.duplicate_of or (self.settled_twin if self.settled_by is None else None)


_COLUMNS = [uploads.c[name] for name in Upload.__dataclass_fields__]
_SETTLED = [name for name in Upload.__dataclass_fields__ if name.startswith("settled_")]
_WITH_SCANS = uploads.outerjoin(scans, scans.c.upload_id == uploads.c.id).outerjoin(
    patients, patients.c.id == uploads.c.patient_id
)
#: Ids in one statement: databases take no more than some ten thousand values.
_AT_ONCE = 1_000
#: Whose an upload is by now: corrections and merges count.
_PATIENT = sa.func.coalesce(scans.c.patient_id, patients.c.survivor, uploads.c.patient_id)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which uploads a list shows; None means any."""

    batch: str | None = None
    ids: Sequence[str] | None = None
    states: Sequence[State] | None = None
    account: str | None = None
    patient: str | None = None
    received_after: datetime | None = None
    viewer: str | None = None  # pending uploads only of this account, whatever else is asked for
    open_since: datetime | None = None  # not stored and not settled; pending ones if they are silent since then


def batch(tx: Tx, batch_id: str) -> Batch | None:
    """Give the batch with this id."""
    row = tx.execute(sa.select(batches).where(batches.c.id == batch_id)).first()
    return Batch(*row) if row else None


def add(tx: Tx, new: Batch, rows: list[Upload]) -> None:
    """Add a batch and its uploads. Raises Conflict if the batch id exists already."""
    tx.execute(batches.insert(), {name: getattr(new, name) for name in Batch.__dataclass_fields__})
    tx.execute(uploads.insert(), [_values(row) | {"not_before": row.created_at} for row in rows])


def restore(tx: Tx, *rows: Upload) -> None:
    """Add uploads that the vault knows, or make them what they are there: stored, for their manifests exist.

    Raises Conflict if another upload has the place of one in its batch.
    """
    upsert(tx, uploads, [_values(row) | {"not_before": row.created_at} for row in rows], key=["id"])


def restore_batches(tx: Tx, known: Iterable[Batch]) -> None:
    """Add batches that the vault knows; one that is there already stays as it is."""
    values = {one.id: {name: getattr(one, name) for name in Batch.__dataclass_fields__} for one in known}
    insert_new(tx, batches, list(values.values()))


def extend(tx: Tx, rows: list[Upload]) -> None:
    """Add uploads to a batch of which some were lost. Raises Conflict if somebody was faster."""
    if rows:
        tx.execute(uploads.insert(), [_values(row) | {"not_before": row.created_at} for row in rows])


def forget(tx: Tx, ids: Iterable[str]) -> int:
    """Take out uploads that were erased, with their scans and all records about them; says how many were there.

    Those that were not sent because of them go too, also if they were declared a moment ago: their rows name the erased
    file. What was sent again as one of them is not stored any more, and its question is open again.
    """
    which = list(ids)
    which += duplicates(tx, which)
    again = uploads.c.settled_twin.in_(which) & uploads.c.id.not_in(which)
    tx.execute(uploads.update().where(again).values(dict.fromkeys(_SETTLED)))
    left = sa.select(uploads.c.batch_id).where(uploads.c.id.not_in(which))
    of_these = sa.select(uploads.c.batch_id).where(uploads.c.id.in_(which))
    tx.execute(batches.delete().where(batches.c.id.in_(of_these) & batches.c.id.not_in(left)))
    of_scans = sa.select(scans.c.id).where(scans.c.upload_id.in_(which))
    for table in (records, moves, opened):
        tx.execute(table.delete().where(table.c.scan_id.in_(of_scans)))
    tx.execute(scans.delete().where(scans.c.upload_id.in_(which)))
    return tx.execute(uploads.delete().where(uploads.c.id.in_(which))).rowcount


def duplicates(tx: Tx, ids: Iterable[str]) -> list[str]:
    """List what was not sent because one of these has its very bytes, without these themselves."""
    which = list(ids)
    query = sa.select(uploads.c.id).where(uploads.c.duplicate_of.in_(which), uploads.c.id.not_in(which))
    return list(tx.execute(query.order_by(uploads.c.id)).scalars())


def forget_homeless(tx: Tx) -> dict[str, int]:
    """Take out scans that are filed under a record which nobody knows, and uploads of which no scan is left.

    Gives how many scans went, by upload.
    """
    unknown = scans.c.filed_under.not_in(sa.select(patients.c.id))
    counted = sa.select(scans.c.upload_id, sa.func.count()).where(unknown).group_by(scans.c.upload_id)
    found = {row[0]: row[1] for row in tx.execute(counted)}
    for table in (records, moves, opened) if found else ():
        tx.execute(table.delete().where(table.c.scan_id.in_(sa.select(scans.c.id).where(unknown))))
    if found:
        tx.execute(scans.delete().where(unknown))
    which = list(found)
    for some in (which[at : at + _AT_ONCE] for at in range(0, len(which), _AT_ONCE)):
        forget(tx, set(some) - scan_ids(tx, some).keys())
    return found


def about(tx: Tx, people: Collection[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Give the uploads of a person's records with all scans, and those that hold a scan of somebody else.

    An upload is the person's if a scan of it is or, if it has none, if it was declared so.
    """
    mine = set(tx.execute(sa.select(scans.c.upload_id).where(scans.c.patient_id.in_(people))).scalars())
    declared = set(tx.execute(sa.select(uploads.c.id).where(uploads.c.patient_id.in_(people))).scalars())
    found = scan_ids(tx, mine | declared)
    ours = {upload: found.get(upload, []) for upload in sorted(mine | (declared - found.keys()))}
    others = sa.select(scans.c.upload_id).where(scans.c.upload_id.in_(mine), scans.c.patient_id.not_in(people))
    return ours, sorted(set(tx.execute(others).scalars()))


def on_their_way(tx: Tx, people: Collection[str]) -> int:
    """Count the uploads of a person's records that may still become scans."""
    moving = uploads.c.state.in_([State.PENDING, State.RECEIVED, State.VERIFYING])
    query = sa.select(sa.func.count()).where(moving, uploads.c.patient_id.in_(people))
    return tx.execute(query).scalar_one()


def ids_in(tx: Tx, states: Sequence[State]) -> list[str]:
    """List the ids of all uploads in these states."""
    return list(tx.execute(sa.select(uploads.c.id).where(uploads.c.state.in_(states))).scalars())


def stored_ids(tx: Tx, *, after: str, limit: int) -> list[str]:
    """List the ids of stored uploads, in order, those behind ``after``."""
    where = (uploads.c.state == State.STORED) & (uploads.c.id > after)
    return list(tx.execute(sa.select(uploads.c.id).where(where).order_by(uploads.c.id).limit(limit)).scalars())


def of_batch(tx: Tx, batch_id: str) -> list[Upload]:
    """List a batch's uploads in the order they were declared."""
    query = sa.select(*_COLUMNS).where(uploads.c.batch_id == batch_id).order_by(uploads.c.position)
    return [_made(row) for row in tx.execute(query)]


def find(tx: Tx, ids: Iterable[str]) -> dict[str, Upload]:
    """Give the uploads with these ids, by id."""
    query = sa.select(*_COLUMNS).where(uploads.c.id.in_(list(ids)))
    return {row.id: _made(row) for row in tx.execute(query)}


def lock(tx: Tx, ids: Iterable[str]) -> dict[str, Upload]:
    """Give the same, as they stand when nobody else is changing them; until the transaction ends nobody else can."""
    query = sa.select(*_COLUMNS).where(uploads.c.id.in_(list(ids))).order_by(uploads.c.id).with_for_update()
    return {row.id: _made(row) for row in tx.execute(query)}


def some(tx: Tx, which: Filter, *, after: str | None, limit: int) -> list[Upload]:
    """List uploads, newest id first, those with a smaller id than ``after``."""
    query = sa.select(*_COLUMNS).order_by(uploads.c.id.desc()).limit(limit)
    if which.batch is not None:
        query = query.where(uploads.c.batch_id == which.batch)
    if which.ids is not None:
        query = query.where(uploads.c.id.in_(which.ids))
    if which.states is not None:
        query = query.where(uploads.c.state.in_(which.states))
    if which.account is not None:
        query = query.where(uploads.c.account_id == which.account)
    if which.patient is not None:
        query = query.where(uploads.c.patient_id.in_(patient_rows.ids_of_person(which.patient)))
    if which.received_after is not None:
        # Set when it is received, and indexed with the state, which ``received_at`` is not.
        query = query.where(uploads.c.not_before > which.received_after)
    if which.open_since is not None:
        query = query.where(is_open(which.open_since))
    elif which.viewer is not None:
        query = query.where((uploads.c.state != State.PENDING) | (uploads.c.account_id == which.viewer))
    if after is not None:
        query = query.where(uploads.c.id < after)
    return [_made(row) for row in tx.execute(query)]


def scan_ids(tx: Tx, ids: Iterable[str]) -> dict[str, list[str]]:
    """Give the ids of the scans that came out of these uploads, by upload."""
    query = sa.select(scans.c.upload_id, scans.c.id).where(scans.c.upload_id.in_(list(ids)))
    found: dict[str, list[str]] = {}
    for upload, scan in tx.execute(query.order_by(scans.c.upload_id, scans.c.position)):
        found.setdefault(upload, []).append(scan)
    return found


def waiting(tx: Tx, account: str) -> tuple[int, int]:
    """Count an account's pending uploads, and their bytes."""
    total = sa.func.coalesce(sa.func.sum(uploads.c.size), 0)
    query = sa.select(sa.func.count(), total).where(uploads.c.account_id == account, uploads.c.state == State.PENDING)
    count, size = tx.execute(query).one()
    return count, int(size)


def counts(tx: Tx, states: Sequence[State]) -> dict[State, int]:
    """Count the uploads in each of these states."""
    query = sa.select(uploads.c.state, sa.func.count()).where(uploads.c.state.in_(states)).group_by(uploads.c.state)
    return {State(state): count for state, count in tx.execute(query)}


def stored_with(tx: Tx, digests: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Give (upload, patient) of every stored upload that has one of these digests, by digest.

    The patient is the one whom its scans are of by now: corrections and merges count. Withdrawn scans do not.
    """
    query = sa.select(uploads.c.digest, uploads.c.id, _PATIENT).select_from(_WITH_SCANS).distinct()
    query = query.where(scans.c.withdrawn.is_not(sa.true()))
    query = query.where(uploads.c.digest.in_(list(digests)), uploads.c.state == State.STORED)
    found: dict[str, list[tuple[str, str]]] = {}
    for digest, upload, patient in tx.execute(query.order_by(uploads.c.id)):
        found.setdefault(digest, []).append((upload, patient))
    return found


def stored_patients(tx: Tx, ids: Iterable[str]) -> dict[str, set[str]]:
    """Give whom the scans of these stored uploads are of by now, by upload; withdrawn scans do not count."""
    query = sa.select(uploads.c.id, _PATIENT).select_from(_WITH_SCANS).where(scans.c.withdrawn.is_not(sa.true()))
    found: dict[str, set[str]] = {}
    for upload, patient in tx.execute(query.where(uploads.c.id.in_(list(ids)), uploads.c.state == State.STORED)):
        found.setdefault(upload, set()).add(patient)
    return found


def known_elsewhere(tx: Tx, claimed: Upload) -> bool:
    """Say whether the same bytes are stored, or being checked, under another patient.

    Of two that are checked at the same time at least one sees the other: each is in one of these states when it asks.
    """
    alive = uploads.c.state.in_([State.RECEIVED, State.VERIFYING, State.STORED])
    mine = patient_rows.stands_for(tx, [claimed.patient_id])[claimed.patient_id]
    where = alive & (uploads.c.digest == claimed.digest) & (mine != _PATIENT)
    return tx.execute(sa.select(uploads.c.id).select_from(_WITH_SCANS).where(where).limit(1)).first() is not None


def receive(tx: Tx, upload: str, *, digest: str, now: datetime) -> bool:
    """Move pending -> received. False if it was not pending any more."""
    return _move(tx, upload, State.PENDING, State.RECEIVED, digest=digest, received_at=now, not_before=now)


def receive_many(tx: Tx, digests: dict[str, str], now: datetime) -> None:
    """Move those that are pending to received, each with its digest, in one statement run."""
    one = uploads.update().where(uploads.c.id == sa.bindparam("upload"), uploads.c.state == State.PENDING)
    one = one.values(state=State.RECEIVED, digest=sa.bindparam("told"), received_at=now, not_before=now)
    tx.execute(one, [{"upload": upload, "told": digest} for upload, digest in digests.items()])


def expire(
    tx: Tx,
    upload: str,
    *,
    reason: Expiry,
    now: datetime,
    settled: Settlement | None = None,
    duplicate_of: str | None = None,
) -> bool:
    """Move pending -> expired, and with ``settled`` leave no question open. False if it was not pending any more."""
    values = (settled.values if settled else {}) | {"duplicate_of": duplicate_of}
    return _move(tx, upload, State.PENDING, State.EXPIRED, reason=reason, ended_at=now, **values)


def overdue(tx: Tx, now: datetime, limit: int) -> list[str]:
    """List pending uploads whose time to arrive is over."""
    late = (uploads.c.state == State.PENDING) & (uploads.c.keep_until <= now)
    return list(tx.execute(sa.select(uploads.c.id).where(late).limit(limit)).scalars())


def heard(tx: Tx, ids: Iterable[str], now: datetime) -> None:
    """Note that pending uploads were given fresh grants: until those are over, somebody may be sending."""
    # A pending upload waits for nobody, so the column by which the queue is ordered is free to hold this.
    where = uploads.c.id.in_(list(ids)) & (uploads.c.state == State.PENDING)
    tx.execute(uploads.update().where(where).values(not_before=now))


def silent(tx: Tx, ids: Iterable[str], since: datetime) -> set[str]:
    """Give those of these that are pending and were not heard of after ``since``."""
    where = uploads.c.id.in_(list(ids)) & (uploads.c.state == State.PENDING) & (uploads.c.not_before <= since)
    return set(tx.execute(sa.select(uploads.c.id).where(where)).scalars())


def refuse(tx: Tx, upload: str, reason: Rejection, *, detail: str, now: datetime) -> bool:
    """Move pending -> received -> verifying -> rejected at one stroke: what need not be read to be refused.

    False if it was not pending any more.
    """
    where = (uploads.c.id == upload) & (uploads.c.state == State.PENDING)
    values = {"state": State.REJECTED, "reason": reason, "detail": detail, "received_at": now, "ended_at": now}
    return tx.execute(uploads.update().where(where).values(values)).rowcount == 1


def unclaimed(tx: Tx, before: datetime, *, after: str, limit: int) -> list[str]:
    """List, by id, uploads received before this that no worker has claimed yet."""
    where = (uploads.c.state == State.RECEIVED) & (uploads.c.fence == 0) & (uploads.c.received_at < before)
    query = sa.select(uploads.c.id).where(where & (uploads.c.id > after)).order_by(uploads.c.id).limit(limit)
    return list(tx.execute(query).scalars())


def lose(tx: Tx, upload: str, *, detail: str, now: datetime) -> bool:
    """Move received -> missing. False if it was claimed, now or ever: then it is its worker's to say."""
    never = (uploads.c.id == upload) & (uploads.c.state == State.RECEIVED) & (uploads.c.fence == 0)
    values = {"state": State.MISSING, "detail": detail, "ended_at": now}
    return tx.execute(uploads.update().where(never).values(values)).rowcount == 1


def claim(catalog: Catalog, tx: Tx, *, lease: timedelta) -> Upload | None:
    """Take the next upload to verify: urgent ones first, then the one that waits longest.

    Also takes over an upload whose worker let its lease run out. The new fence number shuts that worker out. An upload
    waits anew from each claim: workers that die one after the other must not all die holding the same one, and a file
    that fells them must not fell them all before the others had their turn.
    """
    now = catalog.now(tx)
    ready = (uploads.c.state == State.RECEIVED) & (uploads.c.not_before <= now)
    stuck = (uploads.c.state == State.VERIFYING) & (uploads.c.lease_until <= now)
    query = (
        sa.select(uploads.c.id)
        .where(ready | stuck)
        .order_by(uploads.c.urgent.desc(), uploads.c.not_before, uploads.c.id)
    )
    upload = tx.execute(query.limit(1).with_for_update(skip_locked=True)).scalar()
    if upload is None:
        return None
    changes = {"state": State.VERIFYING, "lease_until": now + lease, "not_before": now}
    changes |= {"fence": uploads.c.fence + 1, "attempts": uploads.c.attempts + 1}
    tx.execute(uploads.update().where(uploads.c.id == upload).values(changes))
    return find(tx, [upload])[upload]


def renew_lease(catalog: Catalog, tx: Tx, claimed: Upload, *, lease: timedelta) -> bool:
    """Keep a claim. False if somebody else has it now."""
    until = catalog.now(tx) + lease
    return tx.execute(_held(claimed).values(lease_until=until)).rowcount == 1


def release(catalog: Catalog, tx: Tx, claimed: Upload, *, delay: timedelta, counted: bool = False) -> bool:
    """Give a claim back, to be taken again after ``delay``.

    A fault that passes is not counted as an attempt at the file; one that may be the file's own is.
    """
    back = {"state": State.RECEIVED, "lease_until": None, "not_before": catalog.now(tx) + delay}
    attempts = uploads.c.attempts - int(not counted)
    return tx.execute(_held(claimed).values(back | {"attempts": attempts})).rowcount == 1


def end(
    tx: Tx, claimed: Upload, state: State, *, now: datetime, reason: str | None = None, detail: str | None = None
) -> bool:
    """Move verifying -> stored, rejected or missing, under the fence. False if the claim was lost."""
    if state not in MOVES[State.VERIFYING]:
        raise ValueError(f"verifying -> {state} is no legal move")
    if state is State.REJECTED and reason is not None:
        reason = Rejection(reason)
    values = {"state": state, "reason": reason, "detail": detail, "ended_at": now, "lease_until": None}
    return tx.execute(_held(claimed).values(values)).rowcount == 1


def _held(claimed: Upload) -> sa.Update:
    same = (uploads.c.id == claimed.id) & (uploads.c.fence == claimed.fence)
    return uploads.update().where(same & (uploads.c.state == State.VERIFYING))


def _move(tx: Tx, upload: str, old: State, new: State, **values: Any) -> bool:
    if new not in MOVES[old]:
        raise ValueError(f"{old} -> {new} is no legal move")
    where = (uploads.c.id == upload) & (uploads.c.state == old)
    return tx.execute(uploads.update().where(where).values(state=new, **values)).rowcount == 1


def _values(row: Upload) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Upload.__dataclass_fields__}


def _made(row: sa.Row[Any]) -> Upload:
    values = row._asdict()
    settled = Settled(row.settled_how) if row.settled_how else None
    words = {"eye": Eye(row.eye), "kind": Kind(row.kind), "state": State(row.state), "settled_how": settled}
    return Upload(**values | words)
