"""The worklist on SQLite and on a real PostgreSQL: the right visits in the right order, without reading the backlog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from broker.catalog import Catalog, patients, repeats, scans, tables, visits
from broker.catalog.patients import Patient
from broker.catalog.repeats import Group
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.words import Eye, Kind
from tests import catalogs
from tests.people import NOW
from tests.unit.pages import shelf

ADA = Patient(new_id(NOW), "clinic", "1", "Ada", "1957-03-21", None, 1)
BEA = replace(ADA, id=new_id(NOW), mrn="2", name="Bea")


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    sqlite = request.param == "sqlite"
    made = catalogs.fresh(tmp_path) if sqlite else Catalog(request.getfixturevalue("postgres_url"))
    with made.write() as tx:
        for one in (ADA, BEA):
            patients.put(tx, one, {"n": 1}, NOW)
    yield made
    made.close()


def keep(catalog: Catalog, who: Patient, days: int, **changes: Any) -> Scan:
    """Put a scan of so many days ago."""
    made = shelf.made(who, NOW - timedelta(days=days), **changes)
    with catalog.write() as tx:
        scans.put(tx, [made])
    return made


def listed(catalog: Catalog, limit: int, but: tuple[str, str] = ("", "")) -> list[tuple[str, int, bool]]:
    with catalog.read() as tx:
        found = visits.waiting(tx, limit=limit, but=but)
    return [(f"{one.patient.name} {one.day}", one.scans, one.urgent) for one in found]


def test_urgent_visits_come_first_whole_and_then_the_oldest(catalog: Catalog) -> None:
    keep(catalog, ADA, 5)
    keep(catalog, BEA, 2, urgent=True)
    keep(catalog, BEA, 2, eye=Eye.OS)
    keep(catalog, ADA, 1, urgent=True)
    keep(catalog, BEA, 9)
    keep(catalog, BEA, 30, withdrawn=True, urgent=True)
    wanted = [
        ("Bea 2026-11-20", 2, True), ("Ada 2026-11-21", 1, True), ("Bea 2026-11-13", 1, False),
        ("Ada 2026-11-17", 1, False),
    ]  # fmt: skip
    assert listed(catalog, 9) == wanted
    assert [listed(catalog, limit) for limit in (1, 2, 3)] == [wanted[:1], wanted[:2], wanted[:3]]
    assert listed(catalog, 9, but=(BEA.id, "2026-11-20")) == wanted[1:]
    assert listed(catalog, 9, but=(BEA.id, "2026-11-13")) == [*wanted[:2], wanted[3]]
    with catalog.read() as tx:
        assert [visits.count_waiting(tx, most=most) for most in (9, 3, 1)] == [(4, 2), (3, 2), (1, 1)]


def test_a_repeat_is_open_until_a_scan_of_that_eye_and_kind_was_captured_and_sent_after_it(catalog: Catalog) -> None:
    wanted, linked, not_possible = keep(catalog, ADA, 5), keep(catalog, ADA, 6), keep(catalog, BEA, 7)
    unknown = keep(catalog, ADA, 1, captured_source="upload", kind=Kind.UNKNOWN)
    with catalog.write() as tx:
        asked = tables.scans.update().where(tables.scans.c.id.in_([wanted.id, linked.id, not_possible.id]))
        tx.execute(asked.values(review="repeat", requested_at=NOW - timedelta(days=3)))
        answer = tables.scans.update().where(tables.scans.c.id == linked.id)
        tx.execute(answer.values(answer_by=unknown.id, eye="unknown"))
        tx.execute(tables.scans.update().where(tables.scans.c.id == not_possible.id).values(not_possible=True))
    keep(catalog, ADA, 1, eye=Eye.OS)
    keep(catalog, ADA, 1, withdrawn=True)
    keep(catalog, ADA, 4)

    def stand() -> tuple[list[str], list[str], list[str]]:
        with catalog.read() as tx:
            found = repeats.wanted(tx, limit=9)
        return found[Group.OPEN], found[Group.ANSWERED], found[Group.NOT_POSSIBLE]

    assert stand() == ([wanted.id], [linked.id], [not_possible.id])
    with catalog.read() as tx:
        assert [repeats.counts(tx, most=most) for most in (9, 1)] == [(1, 2), (1, 1)]
    came = keep(catalog, ADA, 1)
    assert stand() == ([], sorted([wanted.id, linked.id]), [not_possible.id])
    with catalog.read() as tx:
        ids = [wanted.id, linked.id, not_possible.id]
        assert repeats.answers(tx, ids, most=4) == {wanted.id: [came.id], linked.id: [unknown.id]}


def test_the_worklist_is_read_in_its_order_from_what_waits_alone(tmp_path: Path) -> None:
    catalog = catalogs.fresh(tmp_path)
    said: list[tuple[str, Any]] = []
    with catalog.write() as tx:
        patients.put(tx, ADA, {"n": 1}, NOW)
    keep(catalog, ADA, 1, urgent=True)

    @sa.event.listens_for(catalog.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        said.append((statement, values))

    with catalog.read() as tx:
        visits.waiting(tx, limit=60)
        visits.count_waiting(tx, most=1_000)
        repeats.wanted(tx, limit=60)
        repeats.counts(tx, most=100)
        repeats.answers(tx, ["a", "b"], most=4)
        scans.reopened(tx, "a", limit=60)
        asked = [one for one in said if one[0].startswith("SELECT")]
        plans = [tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in asked]
    catalog.close()
    steps = [str(row[3]) for plan in plans for row in plan]
    reads = [step for step in steps if "INDEX ix_scans" in step]
    assert not [step for step in steps if step == "SCAN scans"]
    assert all("COVERING" in step for step in reads)
    assert len(asked) == 9
    assert {step.split("INDEX ")[1].split(" ")[0] for step in reads} == {
        *(
            "ix_scans_waiting",
            "ix_scans_urgent",
            "ix_scans_repeat",
            "ix_scans_reopened",
            "ix_scans_series",
        ),
    }
    assert any("ix_scans_waiting (visit_day=?" in step for step in reads)
    # Nothing is gathered before it is grouped: it comes in its order.
    assert not [step for step in steps if "GROUP BY" in step]
