"""Queries over repeats that are wanted: which are open, which are answered, and by what.

A scan answers one if it is of that patient, eye and kind by now, and was captured and declared after the request; what
nobody knows the time of answers it only if a person said so. While its patient or eye is in doubt it answers nothing:
it is shown, and not counted. All is derived from what scans are by now, so a repeat is open again when its answer is
withdrawn or moved. It is read from an index that holds nothing but wanted repeats, and no further than the oldest
thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import sqlalchemy as sa

from ..words import BLOCKING, CaptureSource, Eye, Kind
from .engine import Tx
from .tables import REPEAT, scans


class Group(StrEnum):
    """Where a wanted repeat stands; a picture counts more than what was said before it came."""

    OPEN = "open"
    ANSWERED = "answered"
    NOT_POSSIBLE = "not_possible"


#: Requests that are looked at, the oldest ones: who has waited longest is not forgotten, and no page waits for a
#: longer backlog.
LOOKED_AT = 1_000
_other = scans.alias("other")
_link = scans.alias("link")
_doubtful = scans.alias("doubtful")


def wanted(tx: Tx, *, limit: int) -> dict[Group, list[str]]:
    """List the scans of which a repeat is wanted by where it stands, the oldest request first, up to ``limit`` each."""
    found: dict[Group, list[str]] = {group: [] for group in Group}
    for scan, group in tx.execute(_STANDS):
        if len(found[Group(group)]) < limit:
            found[Group(group)].append(scan)
    return found


def counts(tx: Tx, *, most: int) -> tuple[int, int]:
    """Count, up to ``most`` each, the repeats that are open, and those that wait for a physician to close them."""
    whole, open_ones = tx.execute(_COUNTS).one()
    return min(open_ones, most), min(whole - open_ones, most)


def answers(tx: Tx, ids: Sequence[str], *, most: int) -> dict[str, list[str]]:
    """Give the scans that answer wanted repeats, or would if they were not in doubt, by the scan of which a repeat is
    wanted: a linked one first, then the newest capture, up to ``most`` of each."""
    found: dict[str, list[str]] = {}
    for query in _ANSWERS:
        for scan, answer in tx.execute(query, {"ids": list(ids)}):
            kept = found.setdefault(scan, [])
            if answer not in kept and len(kept) < most:
                kept.append(answer)
    return found


def _by_itself(asked: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(
        _other.c.id != asked.c.id,
        _other.c.patient_id == asked.c.patient_id,
        _other.c.eye == asked.c.eye,
        _other.c.kind == asked.c.kind,
        asked.c.eye != Eye.UNKNOWN.value,
        asked.c.kind != Kind.UNKNOWN.value,
        _other.c.captured_at > asked.c.requested_at,
        _other.c.sent_at > asked.c.requested_at,
        _other.c.captured_source != CaptureSource.UPLOAD.value,
        _other.c.withdrawn.is_(False),
    )


def _linked(asked: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(
        _link.c.id == asked.c.answer_by,
        _link.c.id != asked.c.id,
        _link.c.patient_id == asked.c.patient_id,
        _may_be(_link.c.eye, asked.c.eye, Eye.UNKNOWN),
        _may_be(_link.c.kind, asked.c.kind, Kind.UNKNOWN),
        _link.c.sent_at > asked.c.requested_at,
        (_link.c.captured_source == CaptureSource.UPLOAD.value) | (_link.c.captured_at > asked.c.requested_at),
        _link.c.withdrawn.is_(False),
    )


def _may_be(one: sa.ColumnElement[str], other: sa.ColumnElement[str], unknown: str) -> sa.ColumnElement[bool]:
    """Whether two values are one, as far as they are known: what differs is another picture."""
    return (one == other) | (one == str(unknown)) | (other == str(unknown))


def _certain(answer: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether its patient and its eye are in no doubt: looked up by its id, and only of what fits."""
    claims = sa.cast(_doubtful.c.attention, sa.Text)
    doubts = sa.or_(*(claims.contains(f'"{code}"') for code in sorted(BLOCKING)))
    doubted = sa.exists(_doubtful.c.id).where(_doubtful.c.id == answer.c.id, _doubtful.c.flagged.is_(True), doubts)
    return ~doubted


# Built once: building them costs more than running them.
_ASKED = ("id", "patient_id", "eye", "kind", "requested_at", "answer_by", "not_possible")
_oldest = (
    sa.select(*(scans.c[name] for name in _ASKED))
    .where(REPEAT)
    .order_by(scans.c.requested_at, scans.c.id)
    .limit(LOOKED_AT)
    .subquery("asked")
)
_ANSWERED = sa.exists(_other.c.id).where(_by_itself(_oldest), _certain(_other)) | sa.exists(_link.c.id).where(
    _linked(_oldest), _certain(_link)
)
_GROUP = sa.case(
    (_ANSWERED, Group.ANSWERED.value), (_oldest.c.not_possible, Group.NOT_POSSIBLE.value), else_=Group.OPEN.value
)
_STANDS = sa.select(_oldest.c.id, _GROUP).order_by(_oldest.c.requested_at, _oldest.c.id)
_OPEN = sa.case((_ANSWERED | _oldest.c.not_possible, 0), else_=1)
_COUNTS = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(_OPEN), 0)).select_from(_oldest)
_THESE = scans.c.id.in_(sa.bindparam("ids", expanding=True))
_ANSWERS = (
    sa.select(scans.c.id, _link.c.id).join(_link, _linked(scans)).where(REPEAT, _THESE),
    sa.select(scans.c.id, _other.c.id)
    .join(_other, _by_itself(scans))
    .where(REPEAT, _THESE)
    .order_by(scans.c.id, _other.c.captured_at.desc(), _other.c.id),
)
