"""Two records of one person: merged by an act of its own, found by either number, undone whenever somebody sees it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest
import sqlalchemy as sa

from broker.access.actor import Actor
from broker.catalog import audit, outbox, patients, records, scans, tables, uploads
from broker.catalog.patients import Patient
from broker.catalog.scans import Filter, Scan
from broker.errors import IllegalMove, Invalid, NotAllowed, PatientExists, PatientNotFound
from broker.ids import new_id
from broker.parts import Parts
from broker.patients import from_document
from broker.words import Review, Role
from tests import people
from tests.people import NOW, actor
from tests.unit.clinic import DOC, TECH, Clinic
from tests.unit.pages import shelf

DAY = timedelta(days=1)


@pytest.fixture
def old(parts: Parts) -> Patient:
    """Another record of the same person."""
    return shelf.patient(parts, mrn="0099", name="Maiden, Ada")


def of(parts: Parts, who: Patient | str) -> set[str]:
    """The scans on the page of a patient."""
    chart = parts.reading.chart(DOC, who if isinstance(who, str) else who.id, now=NOW)
    return {scan.id for visit in chart.visits for scan in visit.scans}


def found(parts: Parts, text: str) -> list[str]:
    return [patient.id for patient in parts.patients.find(TECH, text, now=NOW)]


def test_everything_of_both_stands_with_the_survivor_and_reviews_stand(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    mine, theirs = shelf.scan(parts, ada), shelf.scan(parts, old, NOW - DAY)
    clinic.review(theirs)
    before = clinic.now_is(theirs)
    left = clinic.merge(old, ada)
    assert (left.id, left.name, left.version) == (ada.id, ada.name, 2)
    now = clinic.now_is(theirs)
    assert (now.patient_id, now.review, now.records, now.attention) == (ada.id, Review.REVIEWED, 1, [])
    assert now.visit_day == before.visit_day
    assert of(parts, ada) == of(parts, old) == {mine.id, theirs.id}
    with parts.catalog.read() as tx:
        assert [row.id for row, _ in scans.page(tx, Filter(old.id), after=None, limit=9)] == [mine.id, theirs.id]
        row = audit.newest(tx, before=None, limit=50)
    [told] = [one for one in row if one.act == "patient.merge"]
    assert set(told.subjects) == {ada.id, old.id}


def test_the_old_number_finds_the_survivor_and_no_list_shows_what_was_merged(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    clinic.merge(old, ada)
    assert found(parts, "0099") == found(parts, "00") == found(parts, "") == found(parts, "maiden") == [ada.id]
    assert found(parts, "1957-03-21") == [ada.id]
    assert parts.patients.one(TECH, old.id, now=NOW).id == ada.id
    assert parts.patients.some(TECH, [old.id], now=NOW)[old.id].id == ada.id
    same = parts.patients.make(TECH, mrn="0099", name="maiden, ada", birth_date=date(1957, 3, 21), now=NOW)
    also = parts.patients.make(TECH, mrn="0099", name="Example, Ada", birth_date=date(1957, 3, 21), now=NOW)
    assert {(patient.id, made) for patient, made in (same, also)} == {(ada.id, False)}
    with pytest.raises(PatientExists):
        parts.patients.make(TECH, mrn="0099", name="Other, Bea", birth_date=date(1957, 3, 21), now=NOW)
    with pytest.raises(PatientExists):
        parts.patients.change(TECH, ada.id, {"mrn": "0099"}, now=NOW)
    with pytest.raises(IllegalMove) as caught:
        parts.patients.change(TECH, old.id, {"name": "New, Ada"}, now=NOW)
    assert caught.value.members == {"patient": ada.id}


def test_it_is_one_notice_with_who_and_why_and_can_be_undone(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    rows = [*shelf.series(parts, old, 3), shelf.scan(parts, ada)]
    clinic.merge(old, ada)
    [notice] = parts.reading.chart(DOC, ada.id, now=NOW).merged
    assert (notice.patient.mrn, notice.by, notice.reason, notice.at) == (
        "0099",
        TECH.name,
        "One person.",
        NOW.isoformat(),
    )
    assert notice.undo
    assert parts.reading.chart(DOC, ada.id, now=NOW).moved == {}
    freed = clinic.unmerge(old)
    assert (freed.id, freed.merged_into, freed.version) == (old.id, None, 3)
    assert of(parts, old) == {row.id for row in rows[:3]}
    assert of(parts, ada) == {rows[3].id}
    assert found(parts, "0099") == [old.id]
    assert parts.reading.chart(DOC, ada.id, now=NOW).merged == ()
    clinic.merge(old, ada)
    assert of(parts, ada) == {row.id for row in rows}


def test_what_was_moved_to_the_survivor_stays_there_and_what_was_confirmed_goes_back(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    confirmed, moved, away = (
        shelf.scan(parts, old, attention=["patient"]),
        shelf.scan(parts, bea),
        shelf.scan(parts, old),
    )
    clinic.merge(old, ada)
    for same in (ada, old):
        [made] = clinic.move(confirmed, to=same)
        assert made["set"]["patient"] == {"from": old.id, "to": old.id}
    assert clinic.now_is(confirmed).attention == []
    clinic.move(moved, to=ada)
    [made] = clinic.move(away, to=bea)
    assert made["set"]["patient"] == {"from": old.id, "to": bea.id}
    told = [one for some in parts.reading.chart(DOC, ada.id, now=NOW).moved.values() for one in some]
    assert {one.move.scan_id: one.away for one in told} == {moved.id: False, away.id: True}
    with parts.catalog.read() as tx:
        rows = audit.newest(tx, before=None, limit=9)
    assert {ada.id, old.id, bea.id} < set(next(row for row in rows if row.act == "scan.correct").subjects)
    clinic.unmerge(old)
    assert of(parts, old) == {confirmed.id}
    assert of(parts, ada) == {moved.id}
    assert of(parts, bea) == {away.id}


def test_merges_can_follow_each_other_and_each_be_undone(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    oldest = shelf.patient(parts, mrn="0001", name="First, Ada")
    rows = {who.id: shelf.scan(parts, who).id for who in (ada, old, oldest)}
    clinic.merge(oldest, old)
    clinic.merge(old, ada)
    assert of(parts, ada) == of(parts, oldest.id) == set(rows.values())
    assert found(parts, "0001") == [ada.id]
    assert {one.patient.id for one in parts.reading.chart(DOC, ada.id, now=NOW).merged} == {old.id, oldest.id}
    clinic.unmerge(oldest)
    assert (of(parts, ada), of(parts, oldest)) == ({rows[ada.id], rows[old.id]}, {rows[oldest.id]})
    clinic.unmerge(old)
    assert of(parts, old) == {rows[old.id]}
    # Put together again, and parted in the middle.
    clinic.merge(oldest, old)
    clinic.merge(old, ada)
    clinic.unmerge(old)
    assert (of(parts, ada), of(parts, oldest.id)) == ({rows[ada.id]}, {rows[old.id], rows[oldest.id]})


def test_what_cannot_be_merged_is_refused(clinic: Clinic, parts: Parts, ada: Patient, old: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    with pytest.raises(Invalid):
        clinic.merge(ada, ada)
    with pytest.raises(IllegalMove):
        clinic.unmerge(old)
    clinic.merge(old, ada)
    for absorbed, into in ((bea, old), (ada, old), (old, bea), (old, ada)):
        with pytest.raises(IllegalMove) as caught:
            clinic.merge(absorbed, into)
        assert caught.value.members == {"patient": ada.id}
    for who in (actor(Role.ADMIN),):
        with pytest.raises(NotAllowed):
            parts.patients.merge(who, new_id(NOW), absorbed=bea.id, into=ada.id, reason="x", now=NOW)
    with pytest.raises(PatientNotFound):
        parts.patients.merge(TECH, new_id(NOW), absorbed=new_id(NOW), into=ada.id, reason="x", now=NOW)
    with pytest.raises(PatientNotFound):
        parts.patients.unmerge(TECH, new_id(NOW), absorbed=new_id(NOW), reason="x", now=NOW)


def test_a_merge_said_again_is_the_same_merge(clinic: Clinic, parts: Parts, ada: Patient, old: Patient) -> None:
    act, undo = new_id(NOW), new_id(NOW)
    assert clinic.merge(old, ada, act=act).id == clinic.merge(old, ada, act=act).id == ada.id
    assert clinic.unmerge(old, act=undo).id == clinic.unmerge(old, act=undo).id == old.id
    with pytest.raises(Invalid):
        clinic.unmerge(old, act=act)
    with parts.catalog.read() as tx:
        assert [one["version"] for one in patients.versions(tx, old.id)] == [1, 2, 3]


def newest(parts: Parts) -> audit.AuditRow:
    with parts.catalog.read() as tx:
        return audit.newest(tx, before=None, limit=1)[0]


def test_whoever_says_a_merge_again_is_shown_the_patient_and_that_is_a_view(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    act, undo = new_id(NOW), new_id(NOW)
    asks: list[Callable[[], Patient]] = [
        lambda: clinic.merge(old, ada, act=act),
        lambda: clinic.unmerge(old, act=undo),
    ]
    for ask in asks:
        ask()
        done = newest(parts)
        shown = ask()
        again = newest(parts)
        assert again.id > done.id
        assert again.act == "patient.see"
        assert {shown.id, old.id} <= set(again.subjects)


def test_an_act_of_one_account_is_no_act_of_another(clinic: Clinic, parts: Parts, ada: Patient, old: Patient) -> None:
    act, undo = new_id(NOW), new_id(NOW)
    clinic.merge(old, ada, act=act)
    with pytest.raises(Invalid):
        parts.patients.merge(DOC, act, absorbed=old.id, into=ada.id, reason="One person.", now=NOW)
    clinic.unmerge(old, act=undo)
    with pytest.raises(Invalid):
        parts.patients.unmerge(DOC, undo, absorbed=old.id, reason="They are two.", now=NOW)


def test_whoever_is_refused_and_told_the_record_to_go_on_with_has_seen_it(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    clinic.merge(old, ada)
    third = shelf.patient(parts, mrn="0100", name="Third, Ada")

    def merge(by: Actor, absorbed: Patient, into: Patient) -> object:
        return parts.patients.merge(by, new_id(NOW), absorbed=absorbed.id, into=into.id, reason="x", now=NOW)

    asks: list[Callable[[Actor], object]] = [
        lambda by: merge(by, old, third),
        lambda by: merge(by, third, old),
        lambda by: parts.patients.change(by, old.id, {"name": "New, Ada"}, now=NOW),
    ]
    for ask in asks:
        who = actor()
        with pytest.raises(IllegalMove) as refused:
            ask(who)
        assert refused.value.members["patient"] == ada.id
        row = newest(parts)
        assert (row.account_id, row.act) == (who.account, "patient.see")
        assert ada.id in row.subjects


def test_the_versions_say_it_and_no_record_is_written(clinic: Clinic, parts: Parts, ada: Patient, old: Patient) -> None:
    shelf.series(parts, old, 3)
    clinic.merge(old, ada)
    with parts.catalog.read() as tx:
        waiting = {row.name: row.document for row in outbox.first(tx, 50)}
    assert not [name for name in waiting if "/records/" in name]
    absorbed = waiting[f"patients/{old.id[-2:]}/{old.id}/2.json"]
    left = waiting[f"patients/{ada.id[-2:]}/{ada.id}/2.json"]
    assert (absorbed["form"], absorbed["merged_into"], absorbed["reason"]) == (2, ada.id, "One person.")
    assert left["aliases"] == [{"issuer": "clinic", "mrn": "0099", "patient": old.id}]
    assert (from_document(absorbed).merged_into, from_document(left).merged_into) == (ada.id, None)
    # A later change of the survivor keeps the alias.
    parts.patients.change(TECH, ada.id, {"name": "Newname, Ada"}, now=NOW)
    with parts.catalog.read() as tx:
        assert patients.versions(tx, ada.id)[-1]["aliases"] == left["aliases"]


def test_documents_written_before_there_were_merges_stay_readable() -> None:
    """Word for word as the vault of an older release holds them."""
    document: dict[str, Any] = {
        "id": "01a20297-4dc0-700a-8d38-7732b38eda18", "issuer": "clinic", "mrn": "0012345", "name": "Example, Ada",
        "birth_date": "1957-03-21", "sex": None, "version": 1, "changed_at": "2026-11-22T09:30:00+00:00",
        "changed_by": "Tess Technician", "account": "01a20297-4dc0-7b77-96a8-ff7a2c5b4f6e",
    }  # fmt: skip
    assert from_document(document) == Patient(
        document["id"], "clinic", "0012345", "Example, Ada", "1957-03-21", None, 1
    )
    for wrong in ({"form": 3}, {"form": 2}, {"form": 2, "merged_into": "nobody"}):
        with pytest.raises((ValueError, KeyError)):
            from_document(document | wrong)


def test_files_declared_for_the_old_record_are_the_survivors(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    clinic.merge(old, ada)
    upload = shelf.checked(parts, old)
    assert parts.uploads.one(TECH, upload, now=NOW).upload.patient_id == old.id, "what was said is kept"
    assert [patient.id for _, patient in parts.reading.checking(DOC, now=NOW)] == [ada.id]
    scan = shelf.scan(parts, old, upload=shelf.stored(parts, upload))
    assert clinic.now_is(scan).patient_id == ada.id


def test_the_same_bytes_under_both_records_are_one_patients(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient
) -> None:
    stored = shelf.stored(parts, shelf.checked(parts, old))
    shelf.scan(parts, old, upload=stored)
    with parts.catalog.read() as tx:
        row = uploads.find(tx, [stored])[stored]
    file = people.file("again", digest=row.digest)

    def offered(who: Patient) -> Any:
        offer = parts.uploads.declare(people.actor(), people.declaration(who.id, file), NOW)[0]
        with parts.catalog.read() as tx:
            return offer.duplicate_of, offer.stored_elsewhere, uploads.known_elsewhere(tx, offer.upload)

    assert offered(ada) == (None, True, True)
    clinic.merge(old, ada)
    assert offered(ada) == offered(old) == (stored, False, False)
    clinic.unmerge(old)
    assert offered(ada) == (None, True, True)


def test_a_merge_of_a_thousand_scans_is_one_update(clinic: Clinic, parts: Parts, ada: Patient, old: Patient) -> None:
    shelf.put(parts, [shelf.made(old, NOW - timedelta(minutes=n)) for n in range(1_000)])
    said: list[str] = []

    @sa.event.listens_for(parts.catalog.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    clinic.merge(old, ada)
    updates = [one for one in said if one.startswith("UPDATE scans")]
    assert len(updates) == 1
    assert len(said) < 40
    assert clinic.now_is(shelf.scan(parts, old)).patient_id == ada.id
    with parts.catalog.read() as tx:
        plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {updates[0]}", ("a", "b", "c")).all()
    assert all("ix_scans_filed_under" in str(step) for step in plan), plan


@pytest.mark.parametrize("seed", range(12))
def test_in_whatever_order_versions_and_scans_are_read_the_catalog_is_the_same(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient, seed: int
) -> None:
    order = random.Random(seed)
    oldest, bea = shelf.patient(parts, mrn="0001"), shelf.patient(parts, mrn="2", name="Other, Bea")
    rows = [shelf.made(who, NOW - DAY) for who in (ada, old, oldest, bea, old)]
    shelf.put(parts, rows)
    clinic.merge(oldest, old)
    clinic.merge(old, ada)
    clinic.merge(bea, ada)
    clinic.unmerge(bea)
    clinic.move(rows[3], to=oldest)
    clinic.unmerge(oldest)
    clinic.merge(oldest, bea)
    clinic.move(rows[4], to=bea)
    wanted = everything(parts)
    with parts.catalog.write() as tx:
        versions = patients.versions(tx, *(one.id for one in (ada, old, oldest, bea)))
        documents = [one.document for one in tx.execute(sa.select(tables.records.c.document))]
        for table in (tables.patients, tables.patient_versions, tables.scans, tables.records, tables.moves):
            tx.execute(table.delete())
    steps: list[Any] = [*versions, *order.sample(versions, 3), *rows, *documents]
    order.shuffle(steps)
    for step in steps:
        with parts.catalog.write() as tx:
            if isinstance(step, Scan):
                scans.put(tx, [step])
            elif "kind" in step:
                records.apply(tx, [step])
            else:
                patients.put(tx, from_document(step), step, NOW)
    assert everything(parts) == wanted


def everything(parts: Parts) -> dict[str, list[Any]]:
    """All that follows from the vault's documents."""
    kept = (tables.patients, tables.patient_versions, tables.scans, tables.records, tables.moves)
    with parts.catalog.read() as tx:
        rows = {table.name: [dict(row._mapping) for row in tx.execute(sa.select(table))] for table in kept}
    return {name: sorted(some, key=str) for name, some in rows.items()}


def test_records_merged_in_a_circle_by_nobody_we_know_come_to_one_end_in_any_order(parts: Parts) -> None:
    """No act makes one; a vault that somebody wrote into must not hang a rebuild."""
    ids = [new_id(NOW) for _ in range(3)]
    ends = set()
    for order in permutations(range(3)):
        with parts.catalog.write() as tx:
            for one in ids:
                patients.forget(tx, one)
            for place in order:
                circle = Patient(ids[place], "clinic", f"c{place}", "Ring", "1957-03-21", None, 1, ids[(place + 1) % 3])
                patients.put(tx, circle, {"n": 1}, NOW)
            ends.add(tuple(sorted(patients.stands_for(tx, ids).items())))
    assert ends == {tuple(sorted(dict.fromkeys(ids, min(ids)).items()))}


@pytest.mark.parametrize("wrong", range(3))
def test_whatever_record_of_a_chain_stands_for_the_wrong_one_all_are_put_right(
    clinic: Clinic, parts: Parts, ada: Patient, old: Patient, wrong: int
) -> None:
    oldest, stranger = (shelf.patient(parts, mrn=n, name=n) for n in ("3", "4"))
    shelf.scan(parts, oldest)
    clinic.merge(oldest, old)
    clinic.merge(old, ada)
    before = everything(parts)
    where = tables.patients.c.id == (ada, old, oldest)[wrong].id
    with parts.catalog.write() as tx:
        tx.execute(tables.patients.update().where(where).values(survivor=stranger.id))
        patients.settle_all(tx)
    assert everything(parts) == before
