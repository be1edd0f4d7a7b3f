"""Erasing: all of it goes and nothing else, a crash at any line can be repeated, and no rebuild brings it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broker import names
from broker.catalog import outbox, tables, unsettled, uploads
from broker.catalog.patients import Patient
from broker.catalog.unsettled import Settlement
from broker.catalog.uploads import Upload
from broker.ids import new_id, scan_id
from broker.ingest.crashpoint import Effect
from broker.names import IntakeBlob
from broker.ops import erase as erasing
from broker.ops.rebuild import index
from broker.records import Records
from broker.storage.containers import Kept, Unerasable
from broker.words import Expiry, Settled, State
from tests import catalogs, people
from tests.erasures import Case
from tests.lanes import JPEG, Died, fault_at
from tests.unit.test_layers import MODULES


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    made.rig.catalog.close()


def test_a_scan_goes_with_its_file_and_nothing_else(case: Case, tmp_path: Path) -> None:
    before = case.named(case.single, case.kept)
    assert case.scan() == 0
    assert case.named(case.volumes) == set()
    assert case.named(case.single, case.kept) == before
    assert names.tombstone(case.volumes.id).name in case.rig.store.vault.blobs
    assert {row["upload_id"] for row in case.rig.rows(tables.scans)} == {case.single.id, case.kept.id}
    assert case.acts() == ["begun", "done"]
    assert "2 scans" in case.lines[0]
    case.rebuilt(tmp_path / "rebuilt")


def test_a_patient_goes_with_everything_and_nobody_else(case: Case, tmp_path: Path) -> None:
    before = case.named(case.kept)
    assert case.patient() == 0
    assert case.named(case.volumes, case.single, case.bad) == set()
    assert case.named(case.kept) == before
    assert [row["id"] for row in case.rig.rows(tables.patients)] == [case.other.id]
    assert {row["id"] for row in case.rig.rows(tables.uploads)} == {case.kept.id}
    assert {row["patient_id"] for row in case.rig.rows(tables.batches)} == {case.other.id}
    with case.rig.catalog.read() as tx:
        assert outbox.count(tx) == 0, "a version that waited must not come back"
    left = [name for name in case.rig.store.vault.blobs if case.rig.patient.id in name]
    assert left == [names.patient_tombstone(case.rig.patient.id).name]
    assert "Ada Newname, born 1957-03-21, number 0012345" in case.lines[0]
    case.rebuilt(tmp_path / "rebuilt")


def duplicate(case: Case, of: Upload, **changes: object) -> Upload:
    """What was not sent, because ``of`` has its bytes."""
    said = {"state": State.EXPIRED, "reason": Expiry.DUPLICATE, "ended_at": people.NOW, "duplicate_of": of.id}
    said |= Settlement(how=Settled.DUPLICATE, at=people.NOW, twin=of.id).values
    return case.rig.declare(b"volumes", **said | changes)


def test_what_was_not_sent_because_of_an_erased_file_goes_with_it(case: Case) -> None:
    twin, other = duplicate(case, case.volumes), duplicate(case, case.single)
    assert case.scan() == 0
    assert {row["id"] for row in case.rig.rows(tables.uploads)} & {twin.id, other.id} == {other.id}
    assert names.tombstone(twin.id).name in case.rig.store.vault.blobs
    assert case.rig.acts(twin)[-1] == "erase"
    assert "2 files with 2 scans" in case.lines[0]


def test_a_patient_goes_with_what_was_not_sent_for_whomever_because_of_the_files(case: Case) -> None:
    twin = duplicate(case, case.single, patient_id=case.other.id)  # the file was moved to the first patient since
    assert case.patient() == 0
    assert {row["id"] for row in case.rig.rows(tables.uploads)} == {case.kept.id}
    assert names.tombstone(twin.id).name in case.rig.store.vault.blobs


def test_a_file_that_was_declared_while_its_twin_was_being_erased_is_not_called_stored(case: Case) -> None:
    with fault_at((Effect.FORGET, "before"), Died()), pytest.raises(Died):
        case.scan()
    duplicate(case, case.volumes)
    with case.rig.catalog.write() as tx:
        assert uploads.forget(tx, [case.volumes.id]) == 2
    assert all(row["duplicate_of"] is None for row in case.rig.rows(tables.uploads))


def test_what_was_sent_again_as_an_erased_file_is_open_again(case: Case) -> None:
    with case.rig.catalog.write() as tx:
        settlement = Settlement(how=Settled.SENT_AGAIN, at=people.NOW, twin=case.volumes.id)
        assert unsettled.settle(tx, case.bad.id, settlement)
        assert unsettled.count(tx, people.NOW, most=9) == 0
    assert case.scan() == 0
    row = case.rig.row(case.bad)
    assert [getattr(row, name) for name in settlement.values] == [None] * 7
    with case.rig.catalog.read() as tx:
        assert unsettled.count(tx, people.NOW, most=9) == 1


def merged(case: Case) -> tuple[Patient, Upload]:
    """Another record of the first patient, merged into that, with a file of its own; what is said is published."""
    old = people.patient(case.rig.patients, mrn="0001", name="Ada Maiden")
    case.rig.fake.verdict = JPEG
    upload = case.rig.send(b"of the old record", patient_id=old.id)
    case.rig.run()
    into = case.rig.patient.id
    case.rig.patients.merge(people.actor(), new_id(people.NOW), absorbed=old.id, into=into, reason="x", now=people.NOW)
    case.rig.publisher.publish()
    return old, upload


def test_a_person_goes_with_every_record_that_was_merged(case: Case, tmp_path: Path) -> None:
    old, upload = merged(case)
    before = case.named(case.kept)
    assert case.patient() == 0
    assert "with the record merged into it: Ada Maiden, born 1957-03-21, number 0001" in case.lines[0]
    assert case.named(case.volumes, case.single, case.bad, upload) == set()
    assert case.named(case.kept) == before
    assert [row["id"] for row in case.rig.rows(tables.patients)] == [case.other.id]
    people_left = [name for name in case.rig.store.vault.blobs if old.id in name or case.rig.patient.id in name]
    graves = {names.patient_tombstone(one).name for one in (old.id, case.rig.patient.id)}
    assert set(people_left) == graves
    assert all("Ada" not in case.rig.store.vault.blobs[name].data.decode() for name in graves)
    case.rebuilt(tmp_path / "rebuilt")


def test_a_record_that_was_merged_is_not_erased_alone(case: Case) -> None:
    old, _ = merged(case)
    assert case.run(scan=None, patient=old.id) == 1
    assert case.rig.patient.id in case.lines[-1]
    assert case.acts() == []


def test_what_was_moved_to_somebody_else_stays_when_the_wrong_patient_goes(case: Case, tmp_path: Path) -> None:
    """Its manifest names the patient who was erased; a rebuild must not look there, but at where it was moved."""
    kept = Records(catalog=case.rig.catalog, zone=ZoneInfo("UTC"))
    single, to = [scan_id(case.single.id, 0)], {"patient": case.other.id}
    kept.correct(people.actor(), new_id(people.NOW), single, changes=to, reason="wrong", now=people.NOW)
    case.rig.publisher.publish()
    assert case.patient() == 0
    uploads = {row["upload_id"]: row["patient_id"] for row in case.rig.rows(tables.scans)}
    assert uploads == {case.single.id: case.other.id, case.kept.id: case.other.id}
    case.rebuilt(tmp_path / "rebuilt")
    index(case.rig.catalog, case.rig.vault, lambda line: None)
    assert {row["upload_id"] for row in case.rig.rows(tables.scans)} == {case.single.id, case.kept.id}


@pytest.mark.parametrize("point", [(Effect.TOMBSTONE, "after"), (Effect.ERASE, "before"), (Effect.FORGET, "before")])
def test_an_erasure_of_merged_records_that_died_is_taken_up_from_an_empty_catalog(
    case: Case, tmp_path: Path, point: tuple[Effect, str]
) -> None:
    """Whatever it got to before it died, and although the catalog was lost too."""
    old, upload = merged(case)
    with fault_at(point, Died()), pytest.raises(Died):
        case.patient()
    empty = catalogs.fresh(tmp_path / "empty")
    index(empty, case.rig.vault, lambda line: None)
    case.rig.catalog = empty
    assert case.patient() == 0
    assert case.named(case.volumes, case.single, upload) == set()
    left = {name for name in case.rig.store.vault.blobs if old.id in name or case.rig.patient.id in name}
    assert left == {names.patient_tombstone(one).name for one in (old.id, case.rig.patient.id)}
    assert [row["id"] for row in case.rig.rows(tables.patients)] == [case.other.id]


def test_it_asks_twice(case: Case) -> None:
    before = set(case.rig.store.vault.blobs)
    asked: list[str] = []

    def answer(*answers: str) -> int:
        rest = iter(answers)

        def ask(question: str) -> str:
            asked.append(question)
            return next(rest)

        return case.scan(sure=False, ask=ask)

    assert answer("no") == 1
    assert answer("yes", "something else") == 1
    assert set(case.rig.store.vault.blobs) == before
    assert case.acts() == []
    assert answer("yes", scan_id(case.volumes.id, 1)) == 0
    assert len(asked) == 5


def test_what_is_on_its_way_has_to_arrive_first(case: Case) -> None:
    case.rig.declare(b"pending")
    assert case.patient() == 1
    assert "on their way" in case.lines[-1]
    assert case.acts() == []


def test_a_file_with_somebody_elses_scan_is_not_taken_along(case: Case) -> None:
    with case.rig.catalog.write() as tx:
        table = tables.scans
        moved = table.update().where(table.c.id == scan_id(case.volumes.id, 1)).values(patient_id=case.other.id)
        tx.execute(moved)
    for patient in (case.rig.patient.id, case.other.id):
        assert case.run(scan=None, patient=patient) == 1
        assert case.volumes.id in case.lines[-1]


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_wants_a_reason(case: Case, reason: str) -> None:
    assert case.scan(reason=reason) == 1
    assert case.acts() == []


def test_what_nobody_knows_is_not_erased(case: Case) -> None:
    for which in ({"scan": new_id(people.NOW), "patient": None}, {"scan": None, "patient": new_id(people.NOW)}):
        assert case.run(**which) == 1
        assert "No such" in case.lines[-1]


def test_what_a_policy_keeps_is_named_and_can_be_erased_later(case: Case) -> None:
    held = names.original(case.volumes.id).name

    def hold(act: str, name: str) -> None:
        if (act, name) == ("delete", held):
            raise Unerasable("BlobImmutableDueToPolicy")

    case.rig.store.before = hold
    assert case.scan() == 1
    assert any(held in line for line in case.lines)
    assert case.named(case.volumes) == {held}
    assert case.acts() == ["begun", "kept"]
    case.rig.store.before = lambda act, name: None
    assert case.scan() == 0
    assert case.named(case.volumes) == set()


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(Kept(True, 30), ["Versioning is on", "30 days"]), (Kept(False, None), ["may not ask"]), (Kept(False, 0), [])],
)
def test_it_says_what_the_account_still_keeps(kept: Kept, expected: list[str]) -> None:
    text = " ".join(erasing.outlives(kept)[:-1])
    assert all(part in text for part in expected)
    assert bool(text) == bool(expected)


def test_the_tombstone_names_nobody(case: Case) -> None:
    case.patient()
    for name, blob in case.rig.store.vault.blobs.items():
        if name.endswith("tombstone.json"):
            assert "Ada" not in blob.data.decode()
            assert json.loads(blob.data)["reason"] == "asked for"


def test_the_rejected_file_leaves_the_intake_too(case: Case) -> None:
    assert case.rig.intake.head(IntakeBlob(case.bad.id)) is not None
    case.patient()
    assert case.rig.intake.head(IntakeBlob(case.bad.id)) is None


def test_only_an_erasure_deletes_from_the_vault() -> None:
    found = {name for name, path in MODULES.items() if re.search(r"vault\.delete\(", path.read_text())}
    assert found == {"ops.erasing"}
