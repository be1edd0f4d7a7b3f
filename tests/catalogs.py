"""A migrated SQLite catalog for a test, copied from a template, because migrating costs more than most tests."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from broker.catalog import Catalog, migrate


def fresh(folder: Path) -> Catalog:
    """Give an empty catalog in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(_template(), folder / "catalog.sqlite")
    return Catalog(f"sqlite+pysqlite:///{folder / 'catalog.sqlite'}")


@functools.cache
def _template() -> Path:
    path = Path(tempfile.mkdtemp(prefix="catalog-")) / "template.sqlite"
    catalog = Catalog(f"sqlite+pysqlite:///{path}")
    migrate.upgrade(catalog)
    catalog.close()  # the last connection's end writes the log back into the one file that is copied
    return path
