"""A catalog of an older release with rows in it becomes what a rebuild by this one gives."""

from __future__ import annotations

from pathlib import Path

from broker.catalog import Catalog
from tests import catalogs, upgrades


def test_the_catalog_before_merges_becomes_what_a_rebuild_gives(tmp_path: Path) -> None:
    new, old = catalogs.fresh(tmp_path / "new"), Catalog(f"sqlite+pysqlite:///{tmp_path / 'old.sqlite'}")
    upgrades.check(old, new)
    new.close()
    old.close()
