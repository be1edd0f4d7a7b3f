"""Queries about audit rows: append, read, and mark as sealed; nothing changes what a row says, or deletes one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from .engine import Tx, insert_new, micros, moment
from .tables import audit, audit_segments

#: Where a page of rows ends: time and id of its last row.
Key = tuple[datetime, int]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One act: when, what, by whom, from where, about what. ``segment`` is None until it is sealed."""

    id: int
    at: datetime
    act: str
    outcome: str
    account_id: str | None
    account_name: str
    address: str
    request: str
    subjects: list[str]
    detail: dict[str, Any]
    segment: int | None


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment as the catalog knows it; ``sha256`` is that of its bytes, hex."""

    number: int
    sha256: str
    rows: int
    sealed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows a list shows; None means any. ``since`` is included, ``until`` is not; ``act`` may be a beginning."""

    act: str | None = None
    outcome: str | None = None
    account: str | None = None
    name: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


_KEY = re.compile(r"([0-9]{1,16})\.(-?[0-9]{1,18})")
_ADD = audit.insert()
_VIEWED = (
    sa.select(audit.c.id)
    .where(audit.c.view_key == sa.bindparam("key"))
    .where(
        audit.c.at.between(sa.bindparam("since", type_=audit.c.at.type), sa.bindparam("until", type_=audit.c.at.type))
    )
    .limit(1)
)
_COLUMNS = [audit.c[name] for name in AuditRow.__dataclass_fields__]


def add(tx: Tx, values: dict[str, Any]) -> None:
    """Append one row; ``values`` are the columns that ``AuditRow`` has, without id and segment; views have a key."""
    tx.execute(_ADD, values)


def viewed(tx: Tx, key: str, *, since: datetime, until: datetime) -> bool:
    """Say whether a row with this key was written between two times, both included."""
    return tx.execute(_VIEWED, {"key": key, "since": since, "until": until}).first() is not None


def newest(tx: Tx, *, before: int | None, limit: int) -> list[AuditRow]:
    """List rows in the order they were written here, last first, those with a smaller id than ``before``."""
    query = sa.select(*_COLUMNS).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [AuditRow(*row) for row in tx.execute(query)]


def some(tx: Tx, which: Filter, *, after: Key | None, limit: int) -> list[AuditRow]:
    """List rows by time, newest first, those behind ``after``."""
    query = sa.select(*_COLUMNS).order_by(audit.c.at.desc(), audit.c.id.desc()).limit(limit)
    for column, wanted in (
        (audit.c.outcome, which.outcome),
        (audit.c.account_id, which.account),
        (audit.c.account_name, which.name),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    if which.act is not None:
        query = query.where(sa.or_(audit.c.act == which.act, audit.c.act.startswith(which.act + ".", autoescape=True)))
    if which.subject is not None:
        # Subjects are ids in a JSON list: an id cannot be part of another one.
        query = query.where(sa.type_coerce(audit.c.subjects, sa.Text).contains(f'"{which.subject}"', autoescape=True))
    if which.since is not None:
        query = query.where(audit.c.at >= which.since)
    if which.until is not None:
        query = query.where(audit.c.at < which.until)
    if after is not None:
        at, row = after
        query = query.where(sa.or_(audit.c.at < at, sa.and_(audit.c.at == at, audit.c.id < row)))
    return [AuditRow(*row) for row in tx.execute(query)]


def write_key(row: AuditRow) -> str:
    """Write where a page ends: microseconds since 1970, a dot, the row's id."""
    return f"{micros(row.at)}.{row.id}"


def read_key(text: str | None) -> Key | None:
    """Read what ``write_key`` wrote; None, the beginning, where it cannot be read."""
    match = _KEY.fullmatch(text or "")
    return (moment(int(match[1])), int(match[2])) if match else None


def unsealed(tx: Tx, limit: int) -> list[AuditRow]:
    """List the rows that no segment holds, in the order they were written."""
    query = sa.select(*_COLUMNS).where(audit.c.segment.is_(None)).order_by(audit.c.id).limit(limit)
    return [AuditRow(*row) for row in tx.execute(query)]


def of_segment(tx: Tx, number: int) -> list[AuditRow]:
    """List the rows of one segment in their order there."""
    query = sa.select(*_COLUMNS).where(audit.c.segment == number).order_by(audit.c.position, audit.c.id)
    return [AuditRow(*row) for row in tx.execute(query)]


def seal(tx: Tx, segment: Segment, places: dict[int, int]) -> None:
    """Note that a segment lies in the vault, and which rows, by id, stand at which position in it."""
    insert_new(tx, audit_segments, [{name: getattr(segment, name) for name in Segment.__dataclass_fields__}])
    if places:
        free = (audit.c.id == sa.bindparam("row")) & audit.c.segment.is_(None)
        update = audit.update().where(free).values(segment=segment.number, position=sa.bindparam("place"))
        tx.execute(update, [{"row": row, "place": place} for row, place in places.items()])


def bring_back(tx: Tx, rows: Sequence[AuditRow], places: Sequence[int]) -> None:
    """Add rows that a segment holds and the catalog lost. They get ids below all others, never one of a new row."""
    lowest = tx.execute(sa.select(sa.func.min(audit.c.id))).scalar()
    start = min(lowest if lowest is not None else 0, 0) - len(rows)
    for offset, (row, place) in enumerate(zip(rows, places, strict=True)):
        values = {name: getattr(row, name) for name in AuditRow.__dataclass_fields__}
        tx.execute(audit.insert(), values | {"id": start + offset, "position": place})


def segment(tx: Tx, number: int) -> Segment | None:
    """Give a segment as it was when it was sealed."""
    row = tx.execute(sa.select(audit_segments).where(audit_segments.c.number == number)).first()
    return Segment(*row) if row else None


def last_segment(tx: Tx) -> Segment | None:
    """Give the newest segment."""
    row = tx.execute(sa.select(audit_segments).order_by(audit_segments.c.number.desc()).limit(1)).first()
    return Segment(*row) if row else None


def homeless(tx: Tx) -> int:
    """Count the rows that claim a segment that was never noted."""
    known = sa.select(audit_segments.c.number)
    lost = audit.c.segment.is_not(None) & audit.c.segment.not_in(known)
    return tx.execute(sa.select(sa.func.count()).select_from(audit).where(lost)).scalar_one()
