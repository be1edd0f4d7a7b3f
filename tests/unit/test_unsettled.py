"""What was not stored: one list for the clinic, and two ways to settle each file of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from broker import unsettled as module
from broker.catalog import audit, scans, tables
from broker.catalog import unsettled as rows
from broker.catalog import uploads as all_rows
from broker.catalog.unsettled import SILENT
from broker.catalog.uploads import Upload
from broker.errors import BrokerError, IllegalMove, Invalid, NotAllowed, UploadNotFound
from broker.ids import new_id
from broker.unsettled import COUNTED, Unsettled
from broker.words import Expiry, Rejection, Role, Settled, State, sentence
from tests import people
from tests.lanes import Rig, rejected
from tests.people import NOW, actor

TECH, OTHER, DOC = actor(), actor(name="Theo Technician"), actor(Role.PHYSICIAN)
ENDED = (State.REJECTED, State.MISSING, State.EXPIRED)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def unsettled(rig: Rig) -> Unsettled:
    return Unsettled(rig.catalog)


def lost(rig: Rig, data: bytes = b"picture", **changes: Any) -> Upload:
    """A file that was rejected."""
    good, rig.fake.verdict = rig.fake.verdict, rejected(Rejection.DECODE)
    bad = rig.send(data, **changes)
    rig.run()
    rig.fake.verdict = good
    return bad


def ended(rig: Rig, state: State, **changes: Any) -> Upload:
    return rig.declare(b"picture", state=state, ended_at=NOW, reason=None, **changes)


def open_ids(unsettled: Unsettled, rig: Rig) -> list[str]:
    return [one.upload.id for one in unsettled.page(OTHER, now=rig.clock(), after=None, limit=200)]


def test_what_was_rejected_lost_or_never_came_stands_in_one_list_for_everybody_who_sends(
    rig: Rig, unsettled: Unsettled
) -> None:
    made = [ended(rig, state).id for state in ENDED]
    ended(rig, State.STORED)
    rig.send(b"another")
    for who in (TECH, OTHER, DOC):
        found = [one.upload.id for one in unsettled.page(who, now=NOW, after=None, limit=10)]
        assert sorted(found) == sorted(made)
        assert unsettled.count(who, now=NOW) == 3
    with pytest.raises(NotAllowed):
        unsettled.page(actor(Role.ADMIN), now=NOW, after=None, limit=10)
    with pytest.raises(NotAllowed):
        unsettled.count(actor(Role.ADMIN), now=NOW)


def test_a_pending_file_counts_as_not_arrived_once_it_has_been_silent_for_an_hour(
    rig: Rig, unsettled: Unsettled
) -> None:
    pending = rig.declare(b"picture")
    rig.clock.now += SILENT - timedelta(minutes=1)
    assert open_ids(unsettled, rig) == []
    with rig.catalog.write() as tx:
        all_rows.heard(tx, [pending.id], rig.clock())
    rig.clock.now += timedelta(minutes=30)
    assert open_ids(unsettled, rig) == []
    rig.clock.now += timedelta(minutes=30)
    assert open_ids(unsettled, rig) == [pending.id]
    assert unsettled.count(OTHER, now=rig.clock()) == 1


def test_the_list_has_pages_and_the_count_an_end(rig: Rig, unsettled: Unsettled) -> None:
    made = [ended(rig, State.REJECTED).id for _ in range(COUNTED + 5)]
    first = unsettled.page(TECH, now=NOW, after=None, limit=100)
    rest = unsettled.page(TECH, now=NOW, after=first[-1].upload.id, limit=100)
    assert [one.upload.id for one in (*first, *rest)] == sorted(made, reverse=True)
    assert unsettled.count(TECH, now=NOW) == COUNTED + 1


@pytest.mark.parametrize("state", ENDED)
def test_anybody_who_sends_may_settle_a_file_once(rig: Rig, unsettled: Unsettled, state: State) -> None:
    row, act = ended(rig, state), new_id(NOW)

    def give_up(who: Any = OTHER, act: str = act, reason: str = "The patient left.") -> Upload:
        return unsettled.settle(who, act, [row.id], how=Settled.GIVEN_UP, reason=reason, now=NOW)[0].upload

    settled = give_up()
    assert (settled.state, settled.settled_at, settled.settled_how) == (state, NOW, Settled.GIVEN_UP)
    assert (settled.settled_by, settled.settled_name) == (OTHER.account, OTHER.name)
    assert settled.settled_reason == "The patient left."
    assert open_ids(unsettled, rig) == []
    assert give_up() == settled, "said again, it is the same act"
    with pytest.raises(Invalid):
        give_up(reason="Something else.")
    with pytest.raises(Invalid):
        give_up(who=TECH)
    with pytest.raises(IllegalMove, match="Theo Technician"):
        give_up(act=new_id(NOW))
    assert rig.acts(row).count("upload.settle") == 1


def test_whoever_settles_a_file_again_is_shown_it_and_that_is_a_view(rig: Rig, unsettled: Unsettled) -> None:
    row, act = ended(rig, State.REJECTED), new_id(NOW)
    for _ in range(2):
        unsettled.settle(OTHER, act, [row.id], how=Settled.GIVEN_UP, reason="The patient left.", now=NOW)
    with rig.catalog.read() as tx:
        [seen, done] = audit.newest(tx, before=None, limit=2)
    assert (seen.act, done.act) == ("upload.see", "upload.settle")
    assert set(seen.subjects) == set(done.subjects) == {row.id, row.patient_id}


def test_giving_up_needs_a_reason_and_nothing_else_can_be_said(rig: Rig, unsettled: Unsettled) -> None:
    row = ended(rig, State.REJECTED)
    for how, reason in ((Settled.GIVEN_UP, " "), (Settled.DUPLICATE, "x"), (Settled.BEFORE, "x")):
        with pytest.raises(Invalid):
            unsettled.settle(TECH, new_id(NOW), [row.id], how=how, reason=reason, now=NOW)
    with pytest.raises(NotAllowed):
        unsettled.settle(actor(Role.ADMIN), new_id(NOW), [row.id], how=Settled.GIVEN_UP, reason="x", now=NOW)
    assert open_ids(unsettled, rig) == [row.id]


def test_the_audit_names_the_act_and_the_ids_but_neither_file_nor_reason(rig: Rig, unsettled: Unsettled) -> None:
    row, act = ended(rig, State.REJECTED, filename="Example Ada.jpg"), new_id(NOW)
    unsettled.settle(TECH, act, [row.id], how=Settled.GIVEN_UP, reason="Ada left.", now=NOW)
    with rig.catalog.read() as tx:
        said = audit.newest(tx, before=None, limit=1)[0]
    assert (said.act, said.subjects) == ("upload.settle", [row.id, row.patient_id])
    assert said.detail == {"how": "given_up", "act": act, "by": None}
    assert "Ada" not in repr(said)


def test_a_person_may_say_which_upload_was_sent_in_its_place(rig: Rig, unsettled: Unsettled) -> None:
    bad, again = lost(rig), rig.send(b"a new export")
    rig.run()
    row = unsettled.settle(TECH, new_id(NOW), [bad.id], how=Settled.SENT_AGAIN, by=again.id, now=NOW)[0].upload
    assert (row.settled_how, row.settled_twin) == (Settled.SENT_AGAIN, again.id)


@pytest.mark.parametrize("case", ["of another patient", "not stored", "nobody's", "withdrawn"])
def test_what_is_named_in_its_place_must_be_stored_for_the_same_patient(
    rig: Rig, unsettled: Unsettled, case: str
) -> None:
    bad = lost(rig)
    bob = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    again = rig.send(b"a new export", patient_id=bob.id if case == "of another patient" else rig.patient.id)
    if case != "not stored":
        rig.run()
    if case == "withdrawn":
        with rig.catalog.write() as tx:
            tx.execute(tables.scans.update().values(withdrawn=True))
    by = new_id(NOW) if case == "nobody's" else again.id
    with pytest.raises(Invalid):
        unsettled.settle(TECH, new_id(NOW), [bad.id], how=Settled.SENT_AGAIN, by=by, now=NOW)
    assert open_ids(unsettled, rig) == [bad.id]


def test_what_is_on_its_way_or_stored_cannot_be_settled(rig: Rig, unsettled: Unsettled) -> None:
    def settle(upload: str) -> None:
        unsettled.settle(OTHER, new_id(NOW), [upload], how=Settled.GIVEN_UP, reason="x", now=rig.clock())

    moving, stored = rig.declare(b"moving"), rig.send(b"stored")
    rig.run()
    received = rig.send(b"received")
    answers: list[type[BrokerError]] = []
    for upload in (moving.id, new_id(NOW), stored.id, received.id):
        with pytest.raises(BrokerError) as caught:
            settle(upload)
        answers.append(caught.type)
    # What somebody else is sending just now answers like what never was.
    assert answers == [UploadNotFound, UploadNotFound, IllegalMove, IllegalMove]


def test_a_silent_file_that_is_given_up_is_waited_for_no_more(rig: Rig, unsettled: Unsettled) -> None:
    silent = rig.declare(b"picture")
    rig.clock.now += SILENT
    settled = unsettled.settle(
        OTHER, new_id(NOW), [silent.id], how=Settled.GIVEN_UP, reason="Card is gone.", now=rig.clock()
    )
    assert (settled[0].upload.state, settled[0].upload.reason) == (State.EXPIRED, Expiry.ABANDONED)
    assert settled[0].upload.settled_name == OTHER.name
    assert open_ids(unsettled, rig) == []


def test_many_files_are_settled_in_one_act_all_or_none(rig: Rig, unsettled: Unsettled) -> None:
    made, act = [ended(rig, State.EXPIRED).id for _ in range(3)], new_id(NOW)

    def settle(*ids: str) -> int:
        return len(unsettled.settle(TECH, act, ids, how=Settled.GIVEN_UP, reason="Lost card.", now=NOW))

    with pytest.raises(UploadNotFound):
        settle(*made, new_id(NOW))
    assert len(open_ids(unsettled, rig)) == 3
    assert settle(*made) == 3
    assert settle(*made) == 3
    assert open_ids(unsettled, rig) == []


def test_a_silent_file_that_was_sent_again_is_not_called_given_up(rig: Rig, unsettled: Unsettled) -> None:
    silent = rig.declare(b"picture")
    rig.clock.now += SILENT
    [settled] = unsettled.settle(OTHER, new_id(NOW), [silent.id], how=Settled.SENT_AGAIN, now=rig.clock())
    row = settled.upload
    assert (row.state, row.reason, row.settled_how) == (State.EXPIRED, Expiry.OVERDUE, Settled.SENT_AGAIN)
    assert sentence(row.state, row.reason, settled=row.settled_how) == "Never arrived."


def test_a_file_that_is_named_twice_is_settled_once(rig: Rig, unsettled: Unsettled) -> None:
    row = ended(rig, State.REJECTED)
    settled = unsettled.settle(TECH, new_id(NOW), [row.id, row.id], how=Settled.GIVEN_UP, reason="Lost card.", now=NOW)
    assert [one.upload.id for one in settled] == [row.id]
    assert rig.acts(row).count("upload.settle") == 1


def test_who_is_shown_other_peoples_files_is_written_down_with_each_file(rig: Rig, unsettled: Unsettled) -> None:
    bob = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    made = [ended(rig, State.REJECTED), ended(rig, State.MISSING, patient_id=bob.id)]
    for _ in range(2):
        unsettled.page(OTHER, now=NOW, after=None, limit=10)
    with rig.catalog.read() as tx:
        seen = [row for row in audit.newest(tx, before=None, limit=10) if row.act == "upload.see"]
    assert [row.account_name for row in seen] == [OTHER.name]
    assert set(seen[0].subjects) == {row.id for row in made} | {rig.patient.id, bob.id}


def test_settling_that_is_said_again_shows_the_file_and_is_a_view(rig: Rig, unsettled: Unsettled) -> None:
    row, act = ended(rig, State.REJECTED), new_id(NOW)
    for _ in range(2):
        unsettled.settle(TECH, act, [row.id], how=Settled.GIVEN_UP, reason="Lost card.", now=NOW)
    assert [one for one in rig.acts(row) if one in ("upload.settle", "upload.see")] == ["upload.settle", "upload.see"]


def test_a_patients_open_files_are_found_with_the_patient(rig: Rig) -> None:
    bob = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    mine, _ = ended(rig, State.REJECTED), ended(rig, State.REJECTED, patient_id=bob.id)
    rig.declare(b"on its way")
    with rig.catalog.read() as tx:
        assert [one.id for one in module.of_patient(tx, rig.patient.id, NOW)] == [mine.id]


def test_counting_what_is_open_does_not_read_what_was_ever_sent(rig: Rig) -> None:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(rig.catalog.engine, "before_cursor_execute", note)
    with rig.catalog.read() as tx:
        rows.count(tx, NOW, most=100)
        counting = next(statement for statement in said if "count" in statement)
        plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {counting.replace('?', '1')}").all()
    found = [row[3] for row in plan if "uploads" in row[3]]
    assert len(found) == 2
    assert any("INDEX ix_uploads_unsettled" in step for step in found), found
    assert any("INDEX ix_uploads_state_not_before (state=? AND not_before<?)" in step for step in found), found


@pytest.mark.parametrize("move", [lambda tx: None, lambda tx: tx.execute(tables.scans.update().values(withdrawn=True))])
def test_twins_are_stored_and_not_withdrawn(rig: Rig, move: Callable[[Any], None]) -> None:
    bad, again = lost(rig), rig.send(b"picture")
    rig.run()
    with rig.catalog.write() as tx:
        assert rows.twins(tx, [bad.id]) == {bad.id: again.id}
        move(tx)
        there = bool(scans.ids_of(tx, batch=again.batch_id))
        assert rows.twins(tx, [bad.id, again.id]) == ({bad.id: again.id} if there else {})
