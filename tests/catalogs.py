"""A migrated SQLite catalog for a test, copied from a template, because migrating costs more than most tests."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import sqlalchemy as sa

from broker.catalog import Catalog, engine, migrate


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


@contextmanager
def quick() -> Iterator[None]:
    """Until the end, each new SQLite engine takes over the first one's statements, and waits for no disk.

    The service makes one engine in its life and the unit tests make thousands, each of which would compile every
    statement anew. What a power cut leaves is not a unit test's question.
    """
    make = engine._sqlite
    first: list[sa.Engine] = []

    def made(url: str) -> sa.Engine:
        one = make(url)
        sa.event.listen(one, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        if not first:
            one.connect().close()  # a dialect learns at its first connection what it speaks to
            first.append(one)
        one.dialect = one.pool._dialect = first[0].dialect
        one._compiled_cache = first[0]._compiled_cache
        return one

    with mock.patch.object(engine, "_sqlite", made):
        yield
