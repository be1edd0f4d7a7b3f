"""Catalogs of older releases, with rows in them, to be brought up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as Alembic

from broker.catalog import Catalog, patients, scans, tables, uploads
from broker.catalog import migrate as migrations
from broker.catalog import records as rows
from broker.catalog.patients import Patient
from broker.ids import new_id
from tests.people import NOW
from tests.unit.ingest.test_manifest import upload
from tests.unit.pages import shelf

FIRST = json.loads((Path(__file__).parent / "unit" / "records-version-1.json").read_text(encoding="utf-8"))


def check(old: Catalog, new: Catalog) -> None:
    """Fill ``new``, an empty one of today, and ``old``, without tables, with the same as it was then; bring that up to
    date, and find no difference."""
    fill(new)
    to(old, "0012")
    back(old, new)
    to(old, "head")
    found = everything(old)
    assert found == everything(new)
    assert len(found["scans"]) == len(FIRST) + 2


def to(catalog: Catalog, revision: str) -> None:
    """Run migrations up to ``revision``."""
    alembic = Alembic()
    alembic.set_main_option("script_location", str(Path(migrations.__file__).parent / "migrations"))
    alembic.set_main_option("path_separator", "os")
    with catalog.write() as tx:
        alembic.attributes["connection"] = tx
        command.upgrade(alembic, revision)


def fill(catalog: Catalog) -> None:
    """Put patients, uploads, scans and records of version 1 into a catalog of today, as a rebuild would."""
    ada = Patient(new_id(NOW), "clinic", "1", "Example, Ada", "1957-03-21", None, 1)
    with catalog.write() as tx:
        patients.put(tx, ada, {"n": 1}, NOW)
        for number, case in enumerate(FIRST):
            patients.put(tx, Patient(case["other"], "clinic", "77", "Other", "1957-03-21", None, 1), {"n": 1}, NOW)
            row = upload(patient_id=ada.id, created_at=NOW, position=0)
            uploads.restore(tx, row)
            scan = shelf.made(ada, NOW, row.id, attention=["eye", "stored_elsewhere"])
            scans.put(tx, [scan])
            rows.apply(tx, [_about(one, scan.id, f"{number:x}") for one in case["records"]])
        # Of this one the catalog knows no upload, as after a rebuild that was cut short.
        scans.put(tx, [shelf.made(ada, NOW, new_id(NOW)), shelf.made(ada, NOW, new_id(NOW), withdrawn=True)])


def _about(one: dict[str, Any], scan: str, place: str) -> dict[str, Any]:
    return one | {"scan": scan, "act": one["act"][:-1] + place}


def back(old: Catalog, new: Catalog) -> None:
    """Fill ``old``, at revision 0012, with what stands in ``new``, as it stood in it then."""
    old_tables = sa.MetaData()
    old_tables.reflect(old.engine)
    names = ("patients", "patient_versions", "uploads", "scans", "records")
    with new.read() as given, old.write() as taken:
        for name in names:
            known = [column.name for column in old_tables.tables[name].columns]
            for row in given.execute(sa.text(f"SELECT {', '.join(known)} FROM {name}")).mappings():  # noqa: S608
                values = dict(row)
                if values.get("base"):
                    values["base"] = values["base"].replace('"filed_under":', '"patient_id":')
                taken.execute(old_tables.tables[name].insert(), values)


def everything(catalog: Catalog) -> dict[str, list[str]]:
    """All rows of the tables that a rebuild brings back."""
    kept = (tables.patients, tables.patient_versions, tables.uploads, tables.scans, tables.records, tables.moves)
    with catalog.read() as tx:
        return {table.name: sorted(str(tuple(row)) for row in tx.execute(sa.select(table))) for table in kept}
