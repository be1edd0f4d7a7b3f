"""Revision 0021 over a catalog of before, with rows in it: what is still asked about, and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from broker.catalog import Catalog, migrate, tables, uploads
from broker.catalog.engine import Instant
from broker.catalog.uploads import Filter
from broker.ids import new_id
from broker.words import Settled, State

DAY = timedelta(days=1)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Catalog]:
    """A catalog as revision 0012 made it."""
    catalog = Catalog(f"sqlite+pysqlite:///{tmp_path / 'catalog.sqlite'}")
    as_before(catalog)
    yield catalog
    catalog.close()


def as_before(catalog: Catalog) -> None:
    """Bring an empty database to revision 0012."""
    with catalog.write() as tx:
        alembic = migrate._alembic()
        alembic.attributes["connection"] = tx
        command.upgrade(alembic, "0012")


def add(catalog: Catalog, state: State, reason: str | None, ended: datetime | None) -> str:
    """One upload as it stood in that catalog."""
    now = datetime.now(UTC)
    upload = new_id(now)
    at = Instant()
    micro = {name: at.process_bind_param(value, sa.dialects.sqlite.dialect()) for name, value in {
        "created_at": now - 90 * DAY, "keep_until": now, "not_before": now, "received_at": None, "ended_at": ended,
    }.items()}  # fmt: skip
    values = {
        "id": upload, "batch_id": upload, "position": 0, "ref": "1", "account_id": "acc", "account_name": "Tess",
        "patient_id": "p", "filename": "a.jpg", "size": 1, "block_size": 0, "media_type": None, "eye": "OD",
        "kind": "oct", "captured_at": None, "digest": "sha256:0", "note": "", "urgent": False, "state": state,
        "reason": reason, "detail": None, "lease_until": None, "fence": 0, "attempts": 0,
    } | micro  # fmt: skip
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    with catalog.write() as tx:
        tx.execute(sa.text(f"INSERT INTO uploads ({names}) VALUES ({marks})"), values)  # noqa: S608
    return upload


def audited(catalog: Catalog, act: str, subjects: list[str], account: str | None, name: str, outcome: str) -> None:
    """One row of the audit as it stood in that catalog."""
    values = {"act": act, "subjects": json.dumps(subjects), "account": account, "name": name, "outcome": outcome}
    with catalog.write() as tx:
        tx.execute(
            sa.text(
                "INSERT INTO audit (at, act, outcome, account_id, account_name, address, request, subjects, detail) "
                "VALUES (1, :act, :outcome, :account, :name, '', 'r', :subjects, '{}')"
            ),
            values,
        )


def test_whoever_gave_a_file_up_is_named_by_the_audit_and_nobody_where_it_is_silent(old: Catalog) -> None:
    now = datetime.now(UTC)
    own, by_boss, by_nobody = (add(old, State.EXPIRED, "abandoned", now - DAY) for _ in range(3))
    overdue = add(old, State.EXPIRED, "overdue", now - DAY)
    audited(old, "upload.abandon", [own], "acc", "Tess", "done")
    audited(old, "upload.abandon", [by_boss], "boss", "Boss Admin", "done")
    # Neither of these gave anything up.
    audited(old, "upload.abandon", [by_nobody], "other", "Other", "refused")
    audited(old, "upload.declare", [by_nobody, overdue], "acc", "Tess", "done")
    migrate.upgrade(old)
    asked = [own, by_boss, by_nobody, overdue]
    with old.read() as tx:
        found = uploads.find(tx, asked)
    named = [(found[one].settled_how, found[one].settled_by, found[one].settled_name) for one in asked]
    given_up = Settled.GIVEN_UP
    assert named == [(given_up, "acc", "Tess"), (given_up, "boss", "Boss Admin"), (given_up, None, ""), (None,) * 3]


def test_what_ended_lately_stays_open_and_the_rest_is_settled_as_of_before_the_upgrade(old: Catalog) -> None:
    now = datetime.now(UTC)
    fresh = [add(old, State.REJECTED, "decode", now - 29 * DAY), add(old, State.MISSING, None, now - DAY)]
    fresh += [add(old, State.EXPIRED, "overdue", now - timedelta(minutes=5))]
    stale = [add(old, State.REJECTED, "decode", now - 31 * DAY), add(old, State.MISSING, None, now - 90 * DAY)]
    stale += [add(old, State.EXPIRED, "overdue", now - 31 * DAY), add(old, State.EXPIRED, None, None)]
    given_up = add(old, State.EXPIRED, "abandoned", now - DAY)
    others = [add(old, state, None, None) for state in (State.PENDING, State.RECEIVED, State.STORED)]
    migrate.upgrade(old)
    assert migrate.is_current(old)
    with old.read() as tx:
        found = uploads.find(tx, [*fresh, *stale, given_up, *others])
        opened = uploads.some(tx, Filter(open_since=now - DAY), after=None, limit=100)
    assert {one.id for one in opened} == set(fresh)
    assert all(found[one].settled_how is Settled.BEFORE and found[one].settled_at for one in stale)
    # Its bytes are kept no longer than they were to be.
    assert found[stale[1]].settled_at == found[stale[1]].ended_at
    row = found[given_up]
    assert (row.settled_how, row.settled_by, row.settled_name) == (Settled.GIVEN_UP, None, "")
    assert all(found[one].settled_how is None and found[one].settled_at is None for one in others)


def test_the_migrated_table_is_the_one_of_the_code(old: Catalog) -> None:
    migrate.upgrade(old)
    found = sa.inspect(old.engine)
    assert {column["name"] for column in found.get_columns("uploads")} == set(tables.uploads.c.keys())
    assert {index["name"] for index in found.get_indexes("uploads")} >= {index.name for index in tables.uploads.indexes}
