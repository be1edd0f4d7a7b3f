"""Bring a database up to date with Alembic, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as Alembic
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .engine import Catalog

_FOLDER = Path(__file__).parent / "migrations"
#: Any number, as long as every release uses the same.
_ADVISORY_LOCK = 0x0715


def upgrade(catalog: Catalog) -> None:
    """Run the migrations that are missing. Safe to call from any number of processes at once."""
    with _alone(catalog) as connection:
        if MigrationContext.configure(connection).get_current_revision() != _head():
            alembic = _alembic()
            alembic.attributes["connection"] = connection
            command.upgrade(alembic, "head")


def is_current(catalog: Catalog) -> bool:
    """Say whether the database has the newest tables."""
    with catalog.read() as tx:
        return MigrationContext.configure(tx).get_current_revision() == _head()


@contextmanager
def _alone(catalog: Catalog) -> Iterator[sa.Connection]:
    """A write transaction that keeps other migrators out: SQLite's write lock, PostgreSQL's advisory lock."""
    with catalog.write() as tx:
        if not catalog.sqlite:
            tx.execute(sa.text("set local lock_timeout = 0; set local statement_timeout = 0"))
            tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
        yield tx


def _head() -> str | None:
    return ScriptDirectory.from_config(_alembic()).get_current_head()


def _alembic() -> Alembic:
    alembic = Alembic()
    alembic.set_main_option("script_location", str(_FOLDER))
    alembic.set_main_option("path_separator", "os")
    return alembic
