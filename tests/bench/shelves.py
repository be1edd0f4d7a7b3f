"""Catalogs with many scans, filled fast and kept: on SQLite a file, on PostgreSQL a database of a kept server.

Rows are made here and loaded in one go (``executemany``, COPY) while the table has no indexes; those are made
afterwards, as the migrations make them. What is kept is made anew when the tables or these rows change.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from broker.catalog import Catalog, leases, migrate
from broker.catalog.tables import METADATA, patients, scans
from broker.ids import scan_id
from broker.words import Kind
from tests.postgres import Postgres
from tests.unit.pages import shelf

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The first patient has this many scans, the others share the rest: forty each, ten of a visit.
CHART_SCANS = 200
KINDS = [Kind.COLOR_FUNDUS, Kind.OCT, Kind.AUTOFLUORESCENCE, Kind.INFRARED, Kind.VISUAL_FIELD]
_SCAN = [column.name for column in scans.columns if column.name != "base"]
_PATIENT = [column.name for column in patients.columns]


def sqlite(count: int) -> Path:
    """Give a kept SQLite catalog with so many scans; who writes into it copies it first."""
    kept = ROOT / "build" / "bench" / f"catalog-{count}-{_version()}.sqlite"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        for old in kept.parent.glob(f"catalog-{count}-*"):
            old.unlink()
        making = kept.with_suffix(".part")
        catalog = Catalog(f"sqlite+pysqlite:///{making}")
        migrate.upgrade(catalog)
        _fill(catalog, count)
        with catalog.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        catalog.close()
        making.rename(kept)
    return kept


def postgres() -> Postgres:
    """Start the kept PostgreSQL; the caller stops it.

    It lies where temporary files do: started by root the server runs as another user, who may not reach this folder.
    """
    place = Path(tempfile.gettempdir())
    kept = place / f"bench-postgres-{_version()}"
    for old in place.glob("bench-postgres-*"):
        if old != kept:
            shutil.rmtree(old)
    return Postgres(kept)


def database(server: Postgres, count: int) -> str:
    """Give the address of a kept database with so many scans; who writes into it cleans up."""
    name, making = f"scans_{count}", f"making_{count}"
    if not server.has(name):
        if server.has(making):
            server.drop(making)
        server.create(making)
        catalog = Catalog(server.url(making))
        _fill(catalog, count)
        catalog.close()
        server.rename(making, name)
    return server.url(name)


def person_id(number: int) -> str:
    """The id of the patient with this number; 0 has ``CHART_SCANS`` scans."""
    return f"01900000-0000-7000-8000-{number:012x}"


def _version() -> str:
    tables = sorted((ROOT / "broker" / "catalog" / "migrations" / "versions").glob("v*.py"))
    rows = repr([_person(1), *_scans(1_000, 25)])
    return hashlib.sha256(b"".join([*(path.read_bytes() for path in tables), rows.encode()])).hexdigest()[:12]


def _fill(catalog: Catalog, count: int) -> None:
    began = time.perf_counter()
    people = max(count // 40, 2)
    with catalog.write() as tx:
        leases.mark(tx, "vault_indexed", NOW)
        for index in scans.indexes:
            index.drop(tx)
    load = _load_sqlite if catalog.sqlite else _load_postgresql
    load(catalog, "patients", _PATIENT, (_person(number) for number in range(people)))
    load(catalog, "scans", _SCAN, _scans(count, people))
    with catalog.write() as tx:
        if not catalog.sqlite:
            tx.execute(sa.text("set local statement_timeout = 0"))
        for index in METADATA.tables["scans"].indexes:
            index.create(tx)
    with catalog.engine.connect() as connection:
        last = "ANALYZE" if catalog.sqlite else "VACUUM ANALYZE"
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text(last))
    taken = time.perf_counter() - began
    print(f"filled {catalog.engine.dialect.name} with {count:,} scans in {taken:.0f} s", file=sys.stderr)


def _load_sqlite(catalog: Catalog, table: str, names: list[str], rows: Iterator[list[Any]]) -> None:
    connection = sqlite3.connect(catalog.url.partition("///")[2])
    connection.execute("PRAGMA synchronous=OFF")
    places = ",".join("?" * len(names))
    connection.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({places})", rows)  # noqa: S608 - our own
    connection.commit()
    connection.close()


def _load_postgresql(catalog: Catalog, table: str, names: list[str], rows: Iterator[list[Any]]) -> None:
    address = catalog.url.replace("postgresql+psycopg://", "postgresql://")
    statement = f"COPY {table} ({','.join(names)}) FROM STDIN"
    with psycopg.connect(address) as connection, connection.cursor().copy(statement.encode()) as copy:
        for row in rows:
            # No value here has a tab, a line break or a backslash in it.
            copy.write("\t".join(["\\N" if value is None else str(value) for value in row]) + "\n")


def _person(number: int) -> list[Any]:
    name = f"Person, P {number:06}"
    values = {
        "id": person_id(number), "issuer": "clinic", "mrn": f"{number:08}", "name": name, "name_key": name.casefold(),
        "birth_date": "1957-03-21", "sex": None, "version": 1, "changed_at": _micros(NOW), "merged_into": None,
        "survivor": None,
    }  # fmt: skip
    return [values[column] for column in _PATIENT]


def _scans(count: int, people: int) -> Iterator[list[Any]]:
    """Four years of scans: one in a hundred to be checked, one in twenty to be repeated, one visit in ten waits.

    With few and with many ten visits are urgent, and more wait than a page shows: the same page, another backlog.
    """
    facts = json.dumps(shelf.facts(), separators=(",", ":"))
    placeholder = "data:image/webp;base64," + "A" * 100
    span = timedelta(days=4 * 365)
    chart_every = 10 * count // CHART_SCANS
    for number in range(count):
        captured = NOW - span * (number / count)
        upload = f"{int(captured.timestamp() * 1000):012x}"
        upload = f"{upload[:8]}-{upload[8:]}-7000-8000-{number:012x}"
        # Ten at a time make a visit, twenty visits the first patient's.
        visit = number // 10
        person = 0 if number % chart_every < 10 else 1 + visit * 7919 % (people - 1)
        flagged = number % 100 == 7
        review = "unreviewed" if number < 200 or visit % 10 == 3 else "repeat" if number % 20 == 9 else "reviewed"
        values = {
            "id": scan_id(upload, 0), "upload_id": upload, "position": 0, "patient_id": person_id(person),
            "eye": ("OD", "OS")[number % 2], "kind": KINDS[number // 2 % len(KINDS)].value,
            "captured_at": _micros(captured), "captured_source": "exif", "visit_day": captured.date().isoformat(),
            "device": f"Device {number % 8}", "facts": facts, "placeholder": placeholder,
            "attention": '["eye"]' if flagged else "[]", "flagged": flagged, "withdrawn": False,
            "urgent": visit < 1_000 and visit % 100 == 3, "review": review, "records": 0,
            "filed_under": person_id(person), "manifest": 1, "sent_at": _micros(captured),
            "requested_at": _micros(captured + timedelta(hours=1)) if review == "repeat" else None, "answer": None,
            "answer_by": None, "not_possible": False, "reopened_for": None,
        }  # fmt: skip
        yield [values[column] for column in _SCAN]


def _micros(when: datetime) -> int:
    return (when - _EPOCH) // timedelta(microseconds=1)
