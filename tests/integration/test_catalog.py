"""The catalog's queries on SQLite and on a real PostgreSQL: the same tests, the same answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from broker import names
from broker.catalog import (
    Catalog,
    Conflict,
    Tx,
    accounts,
    audit,
    leases,
    migrate,
    outbox,
    patients,
    scans,
    tables,
    unsettled,
    uploads,
)
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.catalog.unsettled import Settlement
from broker.catalog.uploads import Batch, Upload
from broker.errors import CatalogBusy
from broker.ids import new_id
from broker.ingest.promote import DECLARED_BY_PERSONS
from broker.ingest.rows import scan_rows
from broker.ops.rebuild import OUTDATED
from broker.patients import Patients
from broker.records import Records
from broker.unsettled import Unsettled
from broker.words import Attention, Expiry, Eye, Kind, Rejection, Role, Settled, State
from tests import catalogs, golden
from tests.lanes import FakeDecoder, Rig
from tests.people import NOW, actor
from tests.postgres import Postgres
from tests.unit import test_unsettled_migration
from tests.unit.ingest.test_manifest import described, upload

LEASE = timedelta(seconds=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    sqlite = request.param == "sqlite"
    made = catalogs.fresh(tmp_path) if sqlite else Catalog(request.getfixturevalue("postgres_url"))
    yield made
    made.close()


def add_upload(catalog: Catalog, **changes: Any) -> Upload:
    row = upload(**{"state": State.PENDING, "fence": 0, "attempts": 0, "received_at": None, "position": 0} | changes)
    batch = Batch(row.batch_id, row.account_id, row.patient_id, "0" * 64, "", row.urgent, NOW)
    with catalog.write() as tx:
        uploads.add(tx, batch, [row])
    return row


def received(catalog: Catalog, **changes: Any) -> Upload:
    row = add_upload(catalog, **changes)
    with catalog.write() as tx:
        assert uploads.receive(tx, row.id, digest=row.digest or "", now=NOW)
    return row


def make_patient(number: int, **changes: Any) -> Patient:
    values = {"id": new_id(NOW), "issuer": "clinic", "mrn": f"{number:05d}", "name": f"Name {number:03d}"}
    return Patient(**{**values, "birth_date": "1957-03-21", "sex": None, "version": 1} | changes)


def make_scans(catalog: Catalog, patient: Patient, count: int, *, first: int = 0) -> list[Scan]:
    """Scans a minute apart; every third has the same time as the one before it."""
    made = []
    for number in range(first, first + count):
        row = scan_rows(described(upload(patient_id=patient.id)))[0]
        at = NOW + timedelta(minutes=number - (number % 3 == 2))
        eye = Eye.OD if number % 2 else Eye.OS
        made.append(replace(row, captured_at=at, eye=eye, visit_day=f"2026-11-{1 + number % 20:02d}"))
    with catalog.write() as tx:
        patients.put(tx, patient, {"n": 1}, NOW)
        scans.put(tx, made)
    return made


def pages(catalog: Catalog, which: scans.Filter, size: int) -> Iterator[Scan]:
    after: scans.Key | None = None
    while True:
        with catalog.read() as tx:
            page = scans.page(tx, which, after=after, limit=size)
        yield from (scan for scan, _ in page)
        if len(page) < size:
            return
        after = page[-1][0].captured_at, page[-1][0].id


def test_migrations_bring_an_empty_postgresql_to_the_very_tables_of_the_code(postgres: Postgres) -> None:
    catalog = Catalog(postgres.url(postgres.create(migrated=False)))
    assert not migrate.is_current(catalog)
    threads = [threading.Thread(target=migrate.upgrade, args=(catalog,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert migrate.is_current(catalog)
    found = sa.inspect(catalog.engine)
    for table in tables.METADATA.sorted_tables:
        columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
        assert columns == {column.name: column.nullable for column in table.columns}, table.name
        assert {index["name"] for index in found.get_indexes(table.name) if not index.get("duplicates_constraint")} == {
            index.name for index in table.indexes
        }
    catalog.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_rows_of_an_older_release_are_marked_to_be_read_again(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if kind == "sqlite":
        url = f"sqlite+pysqlite:///{tmp_path / 'old.sqlite'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = server.url(server.create(migrated=False))
    catalog = golden.old_catalog(url)
    migrate.upgrade(catalog)
    with catalog.read() as tx:
        assert leases.marked(tx, OUTDATED) is not None
        assert leases.marked(tx, DECLARED_BY_PERSONS) is not None
        found = scans.find(tx, [one["id"] for one in golden.ROWS["scans"]])
    assert len(found) == len(golden.ROWS["scans"])
    catalog.close()


def test_a_postgresql_of_before_is_brought_up_with_rows_in_it(postgres: Postgres) -> None:
    catalog = Catalog(postgres.url(postgres.create(migrated=False)))
    test_unsettled_migration.as_before(catalog)
    test_unsettled_migration.test_what_ended_lately_stays_open_and_the_rest_is_settled_as_of_before_the_upgrade(catalog)
    catalog.close()


def test_the_same_settling_that_arrives_many_times_at_once_is_done_once_and_never_refused(catalog: Catalog) -> None:
    rows = [replace(upload(created_at=NOW), state=State.REJECTED, reason="type", ended_at=NOW) for _ in range(2)]
    with catalog.write() as tx:
        uploads.restore(tx, *rows)
    act, who, start = new_id(NOW), actor(Role.TECHNICIAN), threading.Barrier(6)
    told: list[object] = []

    def settle(turn: int) -> None:
        ids = [row.id for row in (rows if turn % 2 else reversed(rows))]
        start.wait()
        try:
            found = Unsettled(catalog).settle(who, act, ids, how=Settled.GIVEN_UP, now=NOW, reason="Lost card.")
            told.append({one.upload.settled_act for one in found})
        except Exception as fault:  # all that a thread raises is to be seen
            told.append(fault)

    threads = [threading.Thread(target=settle, args=[turn]) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [{act}] * 6
    with catalog.read() as tx:
        acts = [row.act for row in audit.newest(tx, before=None, limit=50)]
    assert acts.count("upload.settle") == 1


def test_what_was_not_stored_is_open_until_it_is_settled_or_its_bytes_are_stored(catalog: Catalog) -> None:
    patient = make_patient(1)
    with catalog.write() as tx:
        patients.put(tx, patient, {"n": 1}, NOW)
    lost = received(catalog, patient_id=patient.id)
    with catalog.write() as tx:
        claimed = uploads.claim(catalog, tx, lease=LEASE)
        assert claimed is not None
        assert uploads.end(tx, claimed, State.REJECTED, now=NOW, reason=Rejection.DECODE)
    pending = add_upload(catalog, patient_id=patient.id)
    since = pending.created_at
    other = Settlement(how=Settled.SENT_AGAIN, at=NOW, name="Tess", act=new_id(NOW))
    with catalog.write() as tx:
        assert unsettled.count(tx, since - LEASE, most=5) == 1
        assert unsettled.count(tx, since, most=5) == 2
        assert unsettled.count(tx, since, most=1) == 2
        found = uploads.some(tx, uploads.Filter(patient=patient.id, open_since=since), after=None, limit=5)
        assert {one.id for one in found} == {lost.id, pending.id}
        assert unsettled.answered(tx, since, limit=5) == []
        # The very bytes are stored, for this patient: with a scan that is not withdrawn.
        twin = replace(upload(patient_id=patient.id, digest=lost.digest), state=State.STORED)
        uploads.restore(tx, twin)
        scans.put(tx, scan_rows(described(twin)))
        wanted = [(one.id, one.state, twin.id) for one in found]
        assert unsettled.answered(tx, since, limit=5) == sorted(wanted)
        assert unsettled.twins_of(tx, twin.id) == [lost.id]
        assert unsettled.settle(tx, lost.id, other)
        assert not unsettled.settle(tx, lost.id, other)
        assert not unsettled.settle(tx, pending.id, other)
        tx.execute(tables.scans.update().values(withdrawn=True))
        assert unsettled.answered(tx, since, limit=5) == []
        assert uploads.stored_with(tx, [lost.digest or ""]) == {}
        row = uploads.find(tx, [lost.id])[lost.id]
    assert (row.settled_how, row.settled_at, row.settled_name) == (Settled.SENT_AGAIN, NOW, "Tess")


def test_an_upload_comes_back_as_it_went_in(catalog: Catalog) -> None:
    row = add_upload(catalog, captured_at="2026-11-22T10:00+01:00", size=5 << 40, note="größer 眼 “x”")
    with catalog.read() as tx:
        assert uploads.find(tx, [row.id]) == {row.id: row}
        batch = uploads.batch(tx, row.batch_id)
        assert batch is not None
        assert uploads.of_batch(tx, batch.id) == [row]


def test_the_same_batch_twice_is_a_conflict(catalog: Catalog) -> None:
    row = add_upload(catalog)
    with pytest.raises(Conflict):
        add_upload(catalog, batch_id=row.batch_id)


def test_uploads_are_listed_newest_first_without_gaps_or_doubles(catalog: Catalog) -> None:
    account = new_id(NOW)
    rows = [add_upload(catalog, id=new_id(NOW + timedelta(seconds=n)), account_id=account) for n in range(25)]
    add_upload(catalog)
    found: list[str] = []
    after = None
    while True:
        with catalog.read() as tx:
            page = uploads.some(tx, uploads.Filter(account=account), after=after, limit=7)
        found += [row.id for row in page]
        if len(page) < 7:
            break
        after = page[-1].id
    assert found == [row.id for row in reversed(rows)]
    with catalog.read() as tx:
        assert uploads.waiting(tx, account) == (25, 25 * 1234)
        assert uploads.counts(tx, [State.PENDING, State.STORED]) == {State.PENDING: 26}


def test_the_moves_of_an_upload_happen_once(catalog: Catalog) -> None:
    row = add_upload(catalog)
    with catalog.write() as tx:
        assert uploads.receive(tx, row.id, digest=row.digest or "", now=NOW)
        assert not uploads.receive(tx, row.id, digest=row.digest or "", now=NOW)
        assert not uploads.expire(tx, row.id, reason=Expiry.OVERDUE, now=NOW)
    with catalog.write() as tx:
        claimed = uploads.claim(catalog, tx, lease=LEASE)
        assert claimed is not None
        assert (claimed.state, claimed.fence, claimed.attempts) == (State.VERIFYING, 1, 1)
        assert uploads.claim(catalog, tx, lease=LEASE) is None
    with catalog.write() as tx:
        assert uploads.end(tx, claimed, State.REJECTED, now=NOW, reason=Rejection.DECODE, detail="x")
        assert not uploads.end(tx, claimed, State.STORED, now=NOW)
    with catalog.read() as tx:
        ended = uploads.find(tx, [row.id])[row.id]
    assert (ended.state, ended.reason, ended.detail, ended.ended_at) == (State.REJECTED, "decode", "x", NOW)


def test_a_lease_that_ran_out_is_taken_over_and_shuts_the_first_one_out(catalog: Catalog) -> None:
    received(catalog)
    with catalog.write() as tx:
        first = uploads.claim(catalog, tx, lease=timedelta(seconds=-1))
    with catalog.write() as tx:
        second = uploads.claim(catalog, tx, lease=LEASE)
    assert first is not None
    assert second is not None
    assert (second.fence, second.attempts) == (2, 2)
    with catalog.write() as tx:
        assert not uploads.renew_lease(catalog, tx, first, lease=LEASE)
        assert not uploads.release(catalog, tx, first, delay=LEASE)
        assert not uploads.end(tx, first, State.STORED, now=NOW)
        assert uploads.renew_lease(catalog, tx, second, lease=LEASE)
        assert uploads.release(catalog, tx, second, delay=LEASE, counted=True)
    with catalog.write() as tx:
        assert uploads.claim(catalog, tx, lease=LEASE) is None, "it waits for its delay"
        assert uploads.find(tx, [second.id])[second.id].attempts == 2, "this one counted"


def test_one_that_was_taken_over_waits_behind_those_not_tried_yet(catalog: Catalog) -> None:
    tried, fresh = sorted(received(catalog).id for _ in range(2))
    with catalog.write() as tx:
        first = uploads.claim(catalog, tx, lease=timedelta(seconds=-1))
        second = uploads.claim(catalog, tx, lease=timedelta(seconds=-1))
        third = uploads.claim(catalog, tx, lease=timedelta(seconds=-1))
    assert [one.id for one in (first, second, third) if one] == [tried, fresh, tried]


def test_urgent_ones_are_claimed_first(catalog: Catalog) -> None:
    received(catalog, urgent=False)
    urgent = received(catalog, urgent=True)
    with catalog.write() as tx:
        claimed = uploads.claim(catalog, tx, lease=LEASE)
    assert claimed is not None
    assert claimed.id == urgent.id


def test_overdue_and_stored_ones_are_found(catalog: Catalog) -> None:
    late = add_upload(catalog, keep_until=NOW)
    add_upload(catalog, keep_until=NOW + timedelta(seconds=1))
    with catalog.write() as tx:
        assert uploads.overdue(tx, NOW, 10) == [late.id]
        stored = replace(upload(), state=State.STORED, ended_at=NOW)
        uploads.restore(tx, stored)
        uploads.restore(tx, stored, replace(late, state=State.STORED))
        assert uploads.stored_with(tx, [stored.digest or ""])[stored.digest or ""]


def test_pages_of_scans_are_complete_and_without_doubles(catalog: Catalog) -> None:
    patient = make_patient(1)
    made = make_scans(catalog, patient, 50)
    expected = [row.id for row in sorted(made, key=lambda row: (row.captured_at, row.id), reverse=True)]
    for size in (1, 7, 50, 60):
        assert [scan.id for scan in pages(catalog, scans.Filter(), size)] == expected


def test_scans_that_come_while_one_turns_pages_double_and_hide_nothing(catalog: Catalog) -> None:
    patient = make_patient(1)
    before = {row.id for row in make_scans(catalog, patient, 30)}
    found: list[str] = []
    for number, scan in enumerate(pages(catalog, scans.Filter(), 4)):
        found.append(scan.id)
        if number % 4 == 0:
            # Newer, older and in between.
            make_scans(catalog, patient, 1, first=100 + number)
            make_scans(catalog, patient, 1, first=-100 - number)
            make_scans(catalog, patient, 1, first=number % 30)
            if number > 60:
                break
    assert len(found) == len(set(found))
    assert before <= set(found) or len(found) > 60


def test_the_filters_of_the_gallery(catalog: Catalog) -> None:
    first, second = make_patient(1), make_patient(2)
    ours, others = make_scans(catalog, first, 12), make_scans(catalog, second, 5)
    with catalog.write() as tx:
        scans.put(tx, [replace(ours[0], attention=[Attention.EYE], kind=Kind.OCT), replace(ours[1], withdrawn=True)])

    def ids(**which: Any) -> set[str]:
        return {scan.id for scan in pages(catalog, scans.Filter(**which), 100)}

    assert ids(patient=second.id) == {row.id for row in others}
    assert ids(patient=first.id) == {row.id for row in ours} - {ours[1].id}
    assert ids(kind=Kind.OCT) == ids(attention=True) == {ours[0].id}
    assert ids(attention=False) == ids() - {ours[0].id}
    assert ids(eye=Eye.OD) == {row.id for row in [*ours, *others] if row.eye is Eye.OD} - {ours[1].id}
    with catalog.write() as tx:  # a visit's day is that of the capture, in the clinic's zone
        dated = [replace(row, captured_at=datetime.fromisoformat(f"{row.visit_day}T12:00+00:00")) for row in ours[2:]]
        scans.put(tx, dated)
    days = {"first_day": date(2026, 11, 3), "last_day": date(2026, 11, 4)}
    assert ids(patient=first.id, **days) == {ours[2].id, ours[3].id}


def test_a_scan_comes_back_as_it_went_in_with_its_patient(catalog: Catalog) -> None:
    patient = make_patient(1, name="Ümit Öz 眼")
    (row,) = make_scans(catalog, patient, 1)
    with catalog.read() as tx:
        assert scans.find(tx, [row.id]) == {row.id: (row, patient)}
        assert uploads.scan_ids(tx, [row.upload_id]) == {row.upload_id: [row.id]}
        assert not scans.is_empty(tx)


def test_the_way_back_is_the_way_forth_reversed(catalog: Catalog) -> None:
    made = sorted(make_scans(catalog, make_patient(1), 9), key=lambda row: (row.captured_at, row.id))
    middle = made[4].captured_at, made[4].id
    with catalog.read() as tx:
        newer = [scan.id for scan, _ in scans.newer(tx, scans.Filter(), than=middle, limit=3)]
    assert newer == [row.id for row in made[5:8]]


def test_patients_are_searched_by_name_number_and_birth_date(catalog: Catalog) -> None:
    rows = [make_patient(n) for n in range(30)]
    odd = make_patient(99, mrn="00A%_", name="Öz Ümit O'Hara", birth_date="2001-01-01")
    with catalog.write() as tx:
        for row in [*rows, odd]:
            patients.put(tx, row, {"n": 1}, NOW)
    with catalog.read() as tx:

        def search(*words: str, **more: Any) -> list[Patient]:
            return patients.search(tx, list(words), **{"birth_date": None, "after": None, "limit": 100} | more)

        assert search("öz") == search("ümit", "o'hara") == search("00a%") == search(birth_date="2001-01-01") == [odd]
        assert search("%") == []
        assert search("name", "007") == [rows[7]]
        assert search("00007") == [rows[7]]
        first = search("name", limit=20)
        rest = search("name", after=(first[-1].name.casefold(), first[-1].id))
        assert [*first, *rest] == rows
        assert patients.find_by_mrn(tx, "clinic", "00A%_") == odd
        assert patients.find_by_mrn(tx, "clinic", "00a%_") is None


def test_a_record_number_belongs_to_one_patient(catalog: Catalog) -> None:
    with catalog.write() as tx:
        patients.put(tx, make_patient(1), {"n": 1}, NOW)
    with pytest.raises(Conflict), catalog.write() as tx:
        patients.put(tx, make_patient(1), {"n": 1}, NOW)
    with catalog.write() as tx:
        patients.put(tx, make_patient(1, issuer="elsewhere"), {"n": 1}, NOW)


def test_an_older_version_is_kept_and_changes_nothing(catalog: Catalog) -> None:
    newest = make_patient(1, version=3)
    with catalog.write() as tx:
        patients.put(tx, newest, {"n": 3}, NOW)
        patients.put(tx, replace(newest, version=1, name="Old"), {"n": 1}, NOW)
        patients.put(tx, newest, {"n": 3}, NOW)
        assert patients.find(tx, newest.id) == newest
        assert patients.versions(tx, newest.id) == [{"n": 1}, {"n": 3}]


def test_a_merge_takes_all_scans_along_and_its_undoing_gives_them_back(catalog: Catalog) -> None:
    known, first, second = Patients(catalog=catalog, issuer="clinic", new_id=new_id), make_patient(1), make_patient(2)
    ours, others = make_scans(catalog, first, 5), make_scans(catalog, second, 5)
    said: dict[str, Any] = {"absorbed": second.id, "reason": "One person.", "now": NOW}
    known.merge(actor(), new_id(NOW), into=first.id, **said)
    with catalog.read() as tx:
        assert set(scans.ids_of(tx, patient=first.id)) == {row.id for row in [*ours, *others]}
        assert patients.search(tx, ["00002"], birth_date=None, after=None, limit=9)[0].id == first.id
        assert patients.many(tx, [first.id, second.id]).keys() == {first.id, second.id}
        assert [one.id for one in patients.of_person(tx, second.id)] == [second.id, first.id]
    known.unmerge(actor(), new_id(NOW), **said)
    with catalog.read() as tx:
        assert set(scans.ids_of(tx, patient=second.id)) == {row.id for row in others}


def patiently(act: Callable[[], object]) -> None:
    """Do it as a client does that is told that the catalog is busy."""
    for _ in range(20):
        try:
            act()
            return
        except CatalogBusy:
            continue


def store(catalog: Catalog, row: list[Scan]) -> None:
    with catalog.write() as tx:
        scans.put(tx, row)


def test_what_is_stored_or_moved_while_records_are_merged_ends_with_whom_they_stand_for(catalog: Catalog) -> None:
    known = Patients(catalog=catalog, issuer="clinic", new_id=new_id)
    kept = Records(catalog=catalog, zone=ZoneInfo("UTC"))
    people = first, second = make_patient(1), make_patient(2)
    moving = make_scans(catalog, first, 4)
    make_scans(catalog, second, 4)
    start = threading.Barrier(3)
    said: dict[str, Any] = {"absorbed": second.id, "reason": "x", "now": NOW}

    def merging() -> None:
        start.wait()
        for _ in range(6):
            patiently(lambda: known.merge(actor(), new_id(NOW), into=first.id, **said))
            patiently(lambda: known.unmerge(actor(), new_id(NOW), **said))
        patiently(lambda: known.merge(actor(), new_id(NOW), into=first.id, **said))

    def storing() -> None:
        start.wait()
        for number in range(25):
            patiently(partial(store, catalog, scan_rows(described(upload(patient_id=people[number % 2].id)))))

    def moves() -> None:
        start.wait()
        for number in range(12):
            one, to = [moving[number % 4].id], people[(number + 1) % 2].id
            patiently(partial(kept.correct, actor(), new_id(NOW), one, changes={"patient": to}, reason="x", now=NOW))

    run_all([threading.Thread(target=work) for work in (merging, storing, moves)])
    with catalog.read() as tx:
        rows = tx.execute(sa.select(tables.scans.c.id, tables.scans.c.patient_id)).all()
        stands = scans.filed(tx, [row.id for row in rows])
    assert len(rows) == 33
    assert {row.id: row.patient_id for row in rows} == {scan: end for scan, (_, end) in stands.items()}


def test_a_merge_undone_while_another_is_made_above_it_is_undone(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Y was merged into X and X into A. Somebody merges A into B while somebody else takes Y out."""
    kept = Patients(catalog=catalog, issuer="clinic", new_id=new_id)
    b, a, x, y = (
        kept.make(actor(Role.TECHNICIAN), mrn=n, name=n, birth_date=date(1957, 3, 21), now=NOW)[0].id for n in "baxy"
    )

    def merge(absorbed: str, into: str) -> None:
        kept.merge(actor(Role.TECHNICIAN), new_id(NOW), absorbed=absorbed, into=into, reason="one", now=NOW)

    merge(y, x)
    merge(x, a)
    below, read, undone = patients._below, threading.Event(), threading.Event()

    def slow(tx: Tx, patient: str) -> set[str]:
        found = below(tx, patient)
        if patient == a:
            read.set()
            undone.wait(1)
        return found

    def undo() -> None:
        assert read.wait(5)
        kept.unmerge(actor(Role.TECHNICIAN), new_id(NOW), absorbed=y, reason="two", now=NOW)
        undone.set()

    monkeypatch.setattr(patients, "_below", slow)
    other = threading.Thread(target=undo)
    other.start()
    merge(a, b)
    other.join()
    assert undone.is_set()
    with catalog.read() as tx:
        assert patients.stands_for(tx, [a, x, y]) == {a: b, x: b, y: y}


def test_the_outbox_keeps_its_order(catalog: Catalog) -> None:
    blobs = [names.patient(new_id(NOW), 1) for _ in range(5)]
    with catalog.write() as tx:
        for number, blob in enumerate(blobs):
            outbox.add(tx, blob, {"n": number, "text": "ü"}, NOW)
    with catalog.read() as tx:
        rows = outbox.first(tx, 3)
        rest = outbox.first(tx, 10, after=rows[-1].id)
    assert [row.name for row in [*rows, *rest]] == [blob.name for blob in blobs]
    assert rows[1].document == {"n": 1, "text": "ü"}
    with catalog.write() as tx:
        outbox.published(tx, [row.id for row in rows])
        assert outbox.count(tx) == 2
    with pytest.raises(Conflict), catalog.write() as tx:
        outbox.add(tx, blobs[4], {}, NOW)


def test_a_lease_has_one_holder(catalog: Catalog) -> None:
    minute = timedelta(minutes=1)
    with catalog.write() as tx:
        assert leases.take(catalog, tx, "sweep", holder="a", life=minute) == 1
        assert leases.take(catalog, tx, "sweep", holder="b", life=minute) is None
        assert leases.take(catalog, tx, "sweep", holder="a", life=-minute) == 1
        assert leases.take(catalog, tx, "sweep", holder="b", life=minute) == 2
        leases.give_back(tx, "sweep", holder="a")
        assert leases.take(catalog, tx, "sweep", holder="a", life=minute) is None
        leases.give_back(tx, "sweep", holder="b")
        assert leases.take(catalog, tx, "sweep", holder="a", life=minute) == 3
        assert leases.marked(tx, "worker") is None
        leases.mark(tx, "worker", NOW)
        leases.mark(tx, "worker", NOW + minute)
        assert leases.marked(tx, "worker") == NOW + minute


def test_of_many_who_take_a_new_lease_at_once_one_gets_it(catalog: Catalog) -> None:
    got: list[str] = []
    start = threading.Barrier(6)

    def take(holder: str) -> None:
        start.wait()
        try:
            with catalog.write() as tx:
                if leases.take(catalog, tx, "race", holder=holder, life=LEASE) is not None:
                    got.append(holder)
        except (Conflict, CatalogBusy):
            pass

    run_all([threading.Thread(target=take, args=(f"holder-{n}",)) for n in range(6)])
    assert len(got) >= 1
    with catalog.write() as tx:
        holders = [name for name in got if leases.take(catalog, tx, "race", holder=name, life=LEASE) is not None]
    assert len(holders) == 1


def test_accounts_sessions_and_tokens(catalog: Catalog) -> None:
    account = new_id(NOW)
    with catalog.write() as tx:
        accounts.add(tx, account=account, name="Ümit", roles=frozenset({Role.ADMIN, Role.PHYSICIAN}), now=NOW)
        assert not accounts.any_with_role(tx, Role.ADMIN), "without a password it cannot sign in"
        accounts.set_password(tx, account, "hash")
        assert accounts.any_with_role(tx, Role.ADMIN)
        found = accounts.find_by_name(tx, "üMIT")
        assert found is not None
        assert (found.id, found.roles) == (account, frozenset({Role.ADMIN, Role.PHYSICIAN}))
        session = {"id_hash": "s", "session": "s1", "way": "password", "address": "10.0.0.7"}
        accounts.add_session(tx, **session, account=account, now=NOW, expires_at=NOW + LEASE)
        accounts.add_token(tx, token="t1", token_hash="t", account=account, name="n", now=NOW, expires_at=None)
        accounts.add_invite(tx, token_hash="i", account=account, now=NOW, expires_at=NOW + LEASE)
    with pytest.raises(Conflict), catalog.write() as tx:
        accounts.add(tx, account=new_id(NOW), name="ümit", roles=frozenset(), now=NOW)
    with catalog.write() as tx:
        living = accounts.session(tx, "s", now=NOW)
        assert living is not None
        assert (living[0], living[1].id, living[1].active_at) == (found, "s1", NOW)
        assert accounts.all_sessions(tx, now=NOW) == [living[1]]
        assert accounts.session(tx, "s", now=NOW + LEASE) is None
        assert accounts.bearer(tx, "t", NOW) == ("t1", found, None)
        assert accounts.use_invite(tx, "i", NOW)
        assert not accounts.use_invite(tx, "i", NOW)
        assert accounts.revoke(tx, "t1", NOW)
        assert accounts.bearer(tx, "t", NOW) is None
        accounts.set_disabled(tx, account, NOW)
        assert accounts.session(tx, "s", now=NOW) is None
        for count in (1, 2):
            accounts.failed(tx, "k", NOW, LEASE)
            assert accounts.failed_since(tx, "k", NOW - LEASE) == count
        accounts.failed(tx, "k", NOW + 2 * LEASE, LEASE)
        assert accounts.failed_since(tx, "k", NOW + LEASE) == 1
        accounts.remember_browser(tx, "b", account, NOW + LEASE)
        accounts.remember_browser(tx, "b", account, NOW + 2 * LEASE)
        assert accounts.knows_browser(tx, "b", account, NOW + LEASE)
        accounts.set_totp(tx, account, "S", 5)
        assert [accounts.take_step(tx, account, step) for step in (5, 6, 6, 4)] == [False, True, False, False]
        accounts.spend(tx, "once", NOW)
    with pytest.raises(Conflict), catalog.write() as tx:
        accounts.spend(tx, "once", NOW)


def test_audit_rows_are_kept_in_order(catalog: Catalog) -> None:
    values = {"at": NOW, "outcome": "done", "account_id": None, "account_name": "n", "address": "", "request": ""}
    with catalog.write() as tx:
        for number in range(5):
            audit.add(tx, values | {"act": f"act-{number}", "subjects": ["a"], "detail": {"ü": number}})
    with catalog.read() as tx:
        first = audit.newest(tx, before=None, limit=3)
        rest = audit.newest(tx, before=first[-1].id, limit=3)
    assert [row.act for row in [*first, *rest]] == [f"act-{number}" for number in (4, 3, 2, 1, 0)]
    assert (first[0].detail, first[0].at, first[0].segment) == ({"ü": 4}, NOW, None)


def test_a_failed_write_leaves_nothing(catalog: Catalog) -> None:
    def fail() -> None:
        with catalog.write() as tx:
            leases.mark(tx, "half", NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with catalog.read() as tx:
        assert leases.marked(tx, "half") is None


def test_the_clock_of_the_catalog_is_about_ours(catalog: Catalog) -> None:
    with catalog.read() as tx:
        assert abs(catalog.now(tx) - datetime.now(UTC)) < timedelta(seconds=5)


def test_claims_from_many_threads_are_never_doubled(catalog: Catalog) -> None:
    sent = {received(catalog).id for _ in range(40)}
    claimed: list[str] = []
    faults: list[Exception] = []

    def work() -> None:
        try:
            while True:
                with catalog.write() as tx:
                    mine = uploads.claim(catalog, tx, lease=LEASE)
                if mine is None:
                    return
                claimed.append(mine.id)
        except Exception as fault:
            faults.append(fault)

    run_all([threading.Thread(target=work) for _ in range(6)])
    # SKIP LOCKED may show a thread nothing while others hold the rest: go on until nothing waits.
    work()
    assert faults == []
    assert Counter(claimed) == Counter(dict.fromkeys(sent, 1))


def test_two_workers_do_no_upload_twice(catalog: Catalog, tmp_path: Path) -> None:
    rig = Rig(tmp_path / "rig", catalog=catalog)
    sent = [rig.send(f"picture {number}".encode()) for number in range(40)]
    decoders = [FakeDecoder() for _ in range(4)]

    def work(decoder: FakeDecoder) -> None:
        lane = rig.new_lane(decoder)
        while lane.step():
            pass

    run_all([threading.Thread(target=work, args=(decoder,)) for decoder in decoders])
    rig.run()
    seen = Counter(data for decoder in [*decoders, rig.fake] for data in decoder.seen)
    assert seen == Counter({f"picture {number}".encode(): 1 for number in range(40)})
    assert {rig.row(upload).state for upload in sent} == {State.STORED}
    rig.check()


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
