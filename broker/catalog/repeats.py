"""Queries over repeats that are wanted: which are open, which are answered, and by what.

A scan answers one if it is of that patient, eye and kind by now, and was captured and declared after the request; what
nobody knows the time of answers it only if a person said so. All is derived from what scans are by now, so a repeat is
open again when its answer is withdrawn or moved. It is read from an index that holds nothing but wanted repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from ..words import CaptureSource, Eye, Kind
from .engine import Tx
from .tables import REPEAT, scans


class Group(StrEnum):
    """Where a wanted repeat stands; a picture counts more than what was said before it came."""

    OPEN = "open"
    ANSWERED = "answered"
    NOT_POSSIBLE = "not_possible"


_other = scans.alias("other")
_link = scans.alias("link")
_BY_ITSELF = (
    _other.c.patient_id == scans.c.patient_id,
    _other.c.eye == scans.c.eye,
    _other.c.kind == scans.c.kind,
    scans.c.eye != Eye.UNKNOWN.value,
    scans.c.kind != Kind.UNKNOWN.value,
    _other.c.captured_at > scans.c.requested_at,
    _other.c.sent_at > scans.c.requested_at,
    _other.c.captured_source != CaptureSource.UPLOAD.value,
    _other.c.withdrawn.is_(False),
)
_LINKED = (
    _link.c.id == scans.c.answer_by,
    _link.c.id != scans.c.id,
    _link.c.patient_id == scans.c.patient_id,
    _link.c.sent_at > scans.c.requested_at,
    (_link.c.captured_source == CaptureSource.UPLOAD.value) | (_link.c.captured_at > scans.c.requested_at),
    _link.c.withdrawn.is_(False),
)
_ANSWERED = sa.exists(_other.c.captured_at).where(*_BY_ITSELF) | sa.exists(_link.c.id).where(*_LINKED)
_GROUPS: dict[Group, sa.ColumnElement[bool]] = {
    Group.OPEN: ~_ANSWERED & scans.c.not_possible.is_(False),
    Group.ANSWERED: _ANSWERED,
    Group.NOT_POSSIBLE: ~_ANSWERED & scans.c.not_possible.is_(True),
}
_LIMIT = sa.bindparam("limit", type_=sa.Integer)


def wanted(tx: Tx, *, limit: int) -> dict[Group, list[str]]:
    """List the scans of which a repeat is wanted by where it stands, the newest request first, up to ``limit`` each."""
    found: dict[Group, list[str]] = {group: [] for group in Group}
    for group, scan in tx.execute(_wanted(), {"limit": limit}):
        found[Group(group)].append(scan)
    return found


def counts(tx: Tx, *, most: int) -> tuple[int, int]:
    """Count, up to ``most`` each, the repeats that are open, and those that wait for a physician to close them."""
    row = tx.execute(_counts(), {"limit": most}).one()
    return row[0], row[1]


def answers(tx: Tx, ids: Sequence[str], *, most: int) -> dict[str, list[str]]:
    """Give the scans that answer wanted repeats, by the scan of which a repeat is wanted: a linked one first, then the
    newest capture, up to ``most`` of each."""
    found: dict[str, list[str]] = {}
    for query in _answers():
        for scan, answer in tx.execute(query, {"ids": list(ids)}):
            kept = found.setdefault(scan, [])
            if answer not in kept and len(kept) < most:
                kept.append(answer)
    return found


@lru_cache(maxsize=1)
def _wanted() -> sa.CompoundSelect[Any]:
    newest = (scans.c.requested_at.desc(), scans.c.id.desc())
    groups = [
        sa.select(sa.literal_column(f"'{group}'").label("stands"), scans.c.id)
        .where(REPEAT, which)
        .order_by(*newest)
        .limit(_LIMIT)
        for group, which in _GROUPS.items()
    ]
    return sa.union_all(*(sa.select(group.subquery()) for group in groups))


@lru_cache(maxsize=1)
def _counts() -> sa.Select[Any]:
    open_ones, to_close = (
        sa.select(scans.c.id).where(REPEAT, which).limit(_LIMIT).subquery()
        for which in (_GROUPS[Group.OPEN], ~_GROUPS[Group.OPEN])
    )
    counted = (sa.select(sa.func.count()).select_from(one).scalar_subquery() for one in (open_ones, to_close))
    return sa.select(*counted)


@lru_cache(maxsize=1)
def _answers() -> tuple[sa.Select[Any], sa.Select[Any]]:
    these = scans.c.id.in_(sa.bindparam("ids", expanding=True))
    linked = sa.select(scans.c.id, _link.c.id).join(_link, sa.and_(*_LINKED)).where(REPEAT, these)
    by_itself = sa.select(scans.c.id, _other.c.id).join(_other, sa.and_(*_BY_ITSELF)).where(REPEAT, these)
    return linked, by_itself.order_by(scans.c.id, _other.c.captured_at.desc(), _other.c.id)
