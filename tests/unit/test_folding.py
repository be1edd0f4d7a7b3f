"""What a scan is follows from its records: the same in any order, and for records written long ago what it was then."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from broker.catalog import patients, scans, tables
from broker.catalog import records as rows
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.ops import recorded
from broker.parts import Parts
from broker.words import Role
from tests.people import NOW, actor
from tests.unit.clinic import DOC, MINUTE, TECH, Clinic
from tests.unit.pages import shelf

#: Records as the vault of an older release holds them, word for word, each with what it made of its scan.
FIRST = json.loads((Path(__file__).parent / "records-version-1.json").read_text(encoding="utf-8"))


def state(parts: Parts, scan: Scan) -> dict[str, Any]:
    """The whole row of a scan, and its moves."""
    with parts.catalog.read() as tx:
        row = tx.execute(sa.select(tables.scans).where(tables.scans.c.id == scan.id)).mappings().one()
        moves = tx.execute(sa.select(tables.moves).where(tables.moves.c.scan_id == scan.id)).all()
    return {**row, "moves": sorted(moves, key=str)}


def everything_said(clinic: Clinic, parts: Parts, scan: Scan, ada: Patient, bea: Patient) -> list[str]:
    """Say all that can be said about one scan; the kinds in their order."""
    clinic.repeat(scan, at=NOW)
    clinic.correct(scan, eye="OS", patient=bea.id)
    answer = new_id(NOW)
    parts.records.answer(TECH, answer, scan.id, possible=False, reason="Left.", now=NOW)
    parts.records.retract(TECH, new_id(NOW), answer, now=NOW)
    parts.records.answer(TECH, new_id(NOW), scan.id, possible=False, reason="Left again.", now=NOW)
    clinic.close(scan)
    first = new_id(NOW)
    clinic.review(scan, act=first)
    parts.records.retract(DOC, new_id(NOW), first, now=NOW)
    clinic.review(scan)
    parts.records.add(DOC, new_id(NOW), [scan.id], note="Also this.", now=NOW)
    clinic.correct(scan, captured_at="2026-11-01", kind="oct")
    clinic.move(scan, to=ada)
    clinic.withdraw(scan)
    clinic.withdraw(scan, restore=True)
    clinic.review(scan, by=actor(Role.PHYSICIAN))
    clinic.move(scan, to=bea)
    with parts.catalog.read() as tx:
        return [one["kind"] for one in rows.of_scans(tx, [scan.id])[scan.id]]


@pytest.mark.parametrize("seed", range(8))
def test_records_give_the_same_scan_in_whatever_order_a_rebuild_reads_them(
    clinic: Clinic, parts: Parts, ada: Patient, seed: int
) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    scan = shelf.scan(parts, ada, attention=["stored_elsewhere"])
    kinds = everything_said(clinic, parts, scan, ada, bea)
    assert set(kinds) == {"review", "correction", "answer", "retraction", "addendum", "withdrawal"}
    wanted, order = state(parts, scan), random.Random(seed)
    assert (wanted["review"], wanted["patient_id"], wanted["visit_day"]) == ("unreviewed", bea.id, "2026-11-01")
    assert (wanted["attention"], len(wanted["moves"])) == (["moved"], 3)
    with parts.catalog.write() as tx:
        documents = rows.of_scans(tx, [scan.id])[scan.id]
        for table in (tables.records, tables.moves):
            tx.execute(table.delete())
    # What a rebuild does: scans and records in any order, some of them twice, each in a transaction of its own.
    steps: list[Any] = [*documents, *order.sample(documents, 3), scan, scan]
    order.shuffle(steps)
    for step in steps:
        with parts.catalog.write() as tx:
            if isinstance(step, Scan):
                scans.put(tx, [step])
            else:
                rows.apply(tx, [step])
    assert state(parts, scan) == wanted


def test_every_record_that_is_written_is_one_that_a_rebuild_takes(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    frames = shelf.facts()["renditions"] | {"frames": shelf.facts()["renditions"]["display"]}
    volume = shelf.scan(parts, ada, facts=shelf.facts(frames=3, renditions=frames))
    everything_said(clinic, parts, volume, ada, bea)
    wanted = shelf.scan(parts, ada)
    clinic.repeat(wanted)
    later = shelf.facts(sent_at=(NOW + MINUTE).isoformat())
    answer = shelf.scan(parts, ada, captured_source="upload", facts=later)
    parts.records.answer(TECH, new_id(NOW), wanted.id, possible=True, by=answer.id, reason="", now=NOW)
    with parts.catalog.read() as tx:
        kept = [one for some in rows.of_scans(tx, [volume.id, wanted.id]).values() for one in some]
    assert {one["version"] for one in kept} == {2}
    for one in kept:
        recorded.check(json.loads(json.dumps(one)))


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case["name"])
def test_records_of_version_1_make_of_a_scan_what_they_made_of_it_then(
    parts: Parts, ada: Patient, case: dict[str, Any]
) -> None:
    scan = shelf.scan(parts, ada, id=case["records"][0]["scan"], attention=["eye", "patient"])
    for one in case["records"]:
        recorded.check(one)
    with parts.catalog.write() as tx:
        other = Patient(case["other"], "clinic", "77", "Other, Bea", "1957-03-21", None, 1)
        patients.put(tx, other, {"n": 1}, NOW)
        rows.apply(tx, case["records"])
        found = scans.find(tx, [scan.id]) | scans.find(tx, [scan.id], withdrawn=True)
        moves = tx.execute(sa.select(tables.moves)).all()
    now = found[scan.id][0]
    told = {name: getattr(now, name) for name in case["gives"]}
    assert told == case["gives"]
    assert (now.reopened_for, moves) == (None, []), "nothing was reopened, and nothing shows as a move"


def test_a_repeat_of_version_1_is_asked_for_when_it_was_said(parts: Parts, ada: Patient) -> None:
    case = next(case for case in FIRST if case["name"] == "repeat")
    scan = shelf.scan(parts, ada, id=case["records"][0]["scan"])
    with parts.catalog.write() as tx:
        rows.apply(tx, case["records"])
        now = scans.find(tx, [scan.id])[scan.id][0]
    assert now.requested_at == datetime(2026, 10, 1, 8, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 3},
        {"version": "2"},
        {"kind": "opinion"},
        {"scan": "x"},
        {"act": None},
        {"number": 0},
        {"number": True},
        {"at": "2026-11-22T09:30:00"},
        {"at": "soon"},
        {"by": 1},
        {"more": 1},
        {"note": None},
        {"status": "closed"},
        {"seen": {"records": -1, "manifest": 1}},
        {"seen": {"records": 0}},
        {"seen": 0},
        {"opened": 1},
        {"slices": [2, 1]},
        {"slices": [1, 1]},
        {"slices": [1]},
        {"slices": "12"},
    ],
)
def test_a_review_that_has_not_the_form_of_one_is_not_taken(change: dict[str, Any]) -> None:
    good = {
        "version": 2, "scan": new_id(NOW), "number": 1, "act": new_id(NOW), "kind": "review", "at": NOW.isoformat(),
        "account": "", "by": "x", "body": "", "status": "reviewed", "note": "", "opened": True, "slices": [1, 2],
        "seen": {"records": 0, "manifest": 1},
    }  # fmt: skip
    recorded.check(good)
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        recorded.check(good | change)
    for name in good:
        with pytest.raises((ValueError, KeyError)):
            recorded.check({key: value for key, value in good.items() if key != name})
    # Version 1 says neither what was seen nor whether it was opened.
    with pytest.raises(ValueError, match="more or less"):
        recorded.check(good | {"version": 1})


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "correction", "set": {"eye": {"from": "OD", "to": "left"}}, "reason": ""},
        {"kind": "correction", "set": {"eye": {"to": "OD"}}, "reason": ""},
        {"kind": "correction", "set": {"urgent": {"from": False, "to": True}}, "reason": ""},
        {"kind": "correction", "set": {"captured_at": {"from": "2026-11-22", "to": "2026-11-22"}}, "reason": ""},
        {"kind": "correction", "set": {"visit_day": {"from": "2026-11-22", "to": "22 Nov"}}, "reason": ""},
        {"kind": "correction", "set": {"patient": {"from": "a", "to": "b"}}, "reason": ""},
        {"kind": "correction", "set": [], "reason": ""},
        {"kind": "answer", "possible": None, "link": None, "reason": ""},
        {"kind": "answer", "possible": True, "link": "x", "reason": ""},
        {"kind": "retraction", "retracts": "x"},
        {"kind": "withdrawal", "withdrawn": 1, "reason": ""},
        {"kind": "addendum", "note": "", "closes": None},
    ],
)
def test_what_is_said_in_another_form_is_not_taken(said: dict[str, Any]) -> None:
    common = {
        "version": 2, "scan": new_id(NOW), "number": 1, "act": new_id(NOW), "at": NOW.isoformat(), "account": "",
        "by": "x", "body": "",
    }  # fmt: skip
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        recorded.check(common | said)


def test_answers_and_retractions_are_of_version_2_only() -> None:
    one = {
        "version": 1, "scan": new_id(NOW), "number": 1, "act": new_id(NOW), "at": NOW.isoformat(), "account": "",
        "by": "x", "body": "", "kind": "retraction", "retracts": new_id(NOW),
    }  # fmt: skip
    with pytest.raises(KeyError):
        recorded.check(one)
