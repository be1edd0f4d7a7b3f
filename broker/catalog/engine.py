"""The catalog's engine: SQLite or PostgreSQL behind two kinds of transaction.

A *read* sees one consistent state. A *write* takes SQLite's write lock at once (BEGIN IMMEDIATE), because a
transaction that starts reading and then wants to write fails with SQLITE_BUSY whatever the timeout says.
SQLite runs in WAL mode with synchronous=FULL, so that what was acknowledged survives a power cut.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ..errors import CatalogBusy

#: A transaction, as the query modules take it. Opaque to everybody outside this folder.
Tx = sa.Connection

BUSY_SECONDS = 5
#: File systems over which SQLite's locks do not hold.
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "fuse.sshfs", "9p"})


class CatalogRefused(Exception):
    """The catalog's place cannot keep it safely; the text says why and what to do."""


class Conflict(Exception):
    """A row with this key exists already, or was made a moment ago by somebody else."""


class Catalog:
    """The index over the vault: hands out transactions.

    Raises:
        CatalogRefused: SQLite was asked to live on a network share.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        if self.sqlite:
            _refuse_network_share(Path(url.split("///", 1)[1]))
        self.engine = _sqlite(url) if self.sqlite else _postgresql(url)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Open a read transaction; nothing written in it is kept."""
        with _translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a write transaction: committed when the block ends, rolled back when it raises.

        Raises:
            CatalogBusy: the database does not answer, or another writer held it for too long.
            Conflict: a unique key exists already.
        """
        with _translated(), self.engine.connect() as connection:
            options = connection.execution_options(immediate=True)
            with options.begin():
                yield options

    def now(self, tx: Tx) -> datetime:
        """Read the database's clock, which decides about leases: replicas' own clocks may differ."""
        if self.sqlite:
            return datetime.now(UTC)
        found: datetime = tx.execute(sa.text("select clock_timestamp()")).scalar_one()
        return found.astimezone(UTC)

    def close(self) -> None:
        """Give back every connection; for a clean stop, and before a fork."""
        self.engine.dispose()


def upsert(tx: Tx, table: sa.Table, values: dict[str, Any] | list[dict[str, Any]], *, key: list[str]) -> None:
    """Insert rows, or replace all other columns where ``key`` exists already."""
    rows = values if isinstance(values, list) else [values]
    if not rows:
        return
    maker: Any = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    tx.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def insert_new(tx: Tx, table: sa.Table, values: list[dict[str, Any]]) -> None:
    """Insert rows and leave those alone whose key exists already."""
    if values:
        maker: Any = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
        tx.execute(maker(table).on_conflict_do_nothing(), values)


_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_EARLIEST, _LATEST = ((end.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND for end in (datetime.min, datetime.max))


def micros(when: datetime) -> int:
    """Write a time as whole microseconds since 1970 (UTC); before that they are negative."""
    return (when - _EPOCH) // _MICROSECOND


def moment(count: int) -> datetime:
    """Read microseconds since 1970; what no calendar holds is its nearer end."""
    return _EPOCH + min(max(count, _EARLIEST), _LATEST) * _MICROSECOND


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole microseconds since 1970: ordered, exact, the same in both databases."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else moment(value)


class Json(sa.types.TypeDecorator[Any]):
    """A JSON document kept as text, so that both databases give back exactly what was put in."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        if value == "[]":  # what most rows say of most things, and pages read hundreds of rows
            return []
        return None if value is None else json.loads(value)


def _sqlite(url: str) -> sa.Engine:
    engine = sa.create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=16, max_overflow=16
    )

    @sa.event.listens_for(engine, "connect")
    def _settle(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None  # the driver must not begin transactions on its own: we do
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
            dbapi.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _postgresql(url: str) -> sa.Engine:
    return sa.create_engine(
        url,
        pool_size=16,
        max_overflow=16,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "options": "-c statement_timeout=20000 -c lock_timeout=5000"},
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(type(error.orig).__name__) from None
    except (OperationalError, PoolTimeout) as error:
        raise CatalogBusy("The catalog did not answer in time. Try again in a moment.") from _without_values(error)


def _without_values(error: Exception) -> Exception:
    # SQLAlchemy spells the parameters of a failed statement out, and those are patients' data.
    return RuntimeError(type(error.orig if isinstance(error, DBAPIError) else error).__name__)


def _refuse_network_share(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = _file_system(path.parent.resolve())
    if kind in NETWORK_FILE_SYSTEMS:
        raise CatalogRefused(
            f"SQLite cannot live on a network share ({kind}): its locks do not hold there. "
            "Put DATA_DIR on a local disk, or set DATABASE_URL to a PostgreSQL."
        )


def _file_system(folder: Path) -> str:
    """Name the file system that ``folder`` is on, from the longest mount point above it ('' if unknown)."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    best = ("", "")
    for line in lines:
        left, _, right = line.partition(" - ")
        mount = left.split(" ")[4].replace("\\040", " ")
        if (folder == Path(mount) or Path(mount) in folder.parents) and len(mount) >= len(best[0]):
            best = (mount, right.split(" ")[0])
    return best[1]
