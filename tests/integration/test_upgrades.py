"""A catalog of an older release on PostgreSQL, with rows in it, becomes what a rebuild by this one gives."""

from __future__ import annotations

from broker.catalog import Catalog
from tests import upgrades
from tests.postgres import Postgres


def test_the_catalog_before_merges_becomes_what_a_rebuild_gives(postgres: Postgres) -> None:
    new, old = Catalog(postgres.url(postgres.create())), Catalog(postgres.url(postgres.create(migrated=False)))
    upgrades.check(old, new)
    new.close()
    old.close()
