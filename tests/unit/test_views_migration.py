"""From the audit rows of before views had a key: every row and every segment stays what it was."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from broker import audit
from broker.catalog import Catalog, migrate
from broker.catalog import audit as rows
from broker.ingest.seal import Sealer
from broker.ops.chain import restore, verify
from broker.words import Role
from tests.fakes import FakeStore
from tests.people import NOW, actor
from tests.unit.conftest import Clock

BEFORE = "0012"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """A catalog of before, with two rows of which nothing is sealed yet."""
    catalog = Catalog(f"sqlite+pysqlite:///{tmp_path / 'catalog.sqlite'}")
    with catalog.write() as tx:
        alembic = migrate._alembic()
        alembic.attributes["connection"] = tx
        command.upgrade(alembic, BEFORE)
    with catalog.write() as tx:
        for number in range(2):
            tx.execute(
                sa.text(
                    "insert into audit (at, act, outcome, account_name, address, request, subjects, detail) "
                    "values (:at, 'gallery.see', 'done', 'Tess', '', 'r', :subjects, '{}')"
                ),
                {"at": int(NOW.timestamp() * 1e6) + number, "subjects": json.dumps([f"scan-{number}"])},
            )
    return catalog


def test_rows_of_before_stay_as_they_are_and_new_views_find_their_own(catalog: Catalog) -> None:
    migrate.upgrade(catalog)
    who = actor(Role.PHYSICIAN)
    with catalog.write() as tx:
        before = rows.newest(tx, before=None, limit=9)
        assert [row.subjects for row in before] == [["scan-1"], ["scan-0"]]
        for _ in range(2):
            audit.view(tx, who, "gallery.see", now=NOW, subjects=["scan-0"])
        assert rows.newest(tx, before=None, limit=9)[1:] == before


def test_segments_of_before_and_of_views_are_one_whole_chain(catalog: Catalog) -> None:
    clock = Clock(NOW + timedelta(seconds=1))
    store = FakeStore(clock)
    sealer = Sealer(catalog=catalog, vault=store.vault, clock=clock, name="test")
    assert sealer.seal(at_once=True) == 2
    migrate.upgrade(catalog)
    with catalog.write() as tx:
        audit.view(tx, actor(Role.PHYSICIAN), "scan.see", now=NOW, subjects=["b", "a"])
    assert sealer.seal(at_once=True) == 1
    assert [found for _, some in verify(catalog, store.vault) for found in some] == []
    # The key is the catalog's own: no segment has it, and a row comes back from its segment without it.
    assert all(b"view" not in blob.data for blob in store.vault.blobs.values())
    with catalog.write() as tx:
        tx.execute(sa.text("delete from audit"))
    assert restore(catalog, store.vault) == 3
    assert [found for _, some in verify(catalog, store.vault) for found in some] == []
    with catalog.read() as tx:
        assert {tuple(row.subjects) for row in rows.newest(tx, before=None, limit=9)} == {
            ("scan-0",),
            ("scan-1",),
            ("b", "a"),
        }


def test_a_view_is_found_by_an_index_however_long_the_trail_is(catalog: Catalog) -> None:
    migrate.upgrade(catalog)
    with catalog.read() as tx:
        plan = tx.execute(
            sa.text("explain query plan select id from audit where view_key = 'x' and at between 1 and 2 limit 1")
        ).all()
    assert "USING INDEX ix_audit_view_key_at" in plan[0].detail.replace("COVERING ", "")
