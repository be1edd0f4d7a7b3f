"""Patients: found by name, number or birth date; made once; changed by new versions that are all kept."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from broker.catalog import Catalog, audit, outbox
from broker.catalog import patients as rows
from broker.errors import Invalid, NotAllowed, PatientExists, PatientNotFound
from broker.ids import new_id
from broker.patients import MOST_PATHS, Alike, Patients, from_document
from broker.words import Role, Sex
from tests import catalogs
from tests.people import NOW, actor, patient

BORN = date(1957, 3, 21)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalogs.fresh(tmp_path)


@pytest.fixture
def patients(catalog: Catalog) -> Patients:
    return Patients(catalog=catalog, issuer="clinic", new_id=new_id)


def make(patients: Patients, mrn: str, name: str, born: date = BORN) -> str:
    return patients.make(actor(), mrn=mrn, name=name, birth_date=born, now=NOW)[0].id


def test_a_record_number_is_text_whose_leading_zeros_count(patients: Patients) -> None:
    one = patients.make(actor(), mrn=" 0042 ", name=" Ada   Example ", birth_date=BORN, now=NOW)[0]
    other = patients.make(actor(), mrn="42", name="Ada Example", birth_date=BORN, now=NOW)[0]
    assert (one.mrn, one.name, one.issuer, one.version) == ("0042", "Ada Example", "clinic", 1)
    assert one.id != other.id


def test_the_same_patient_made_again_is_the_same_patient(patients: Patients, catalog: Catalog) -> None:
    first, made = patients.make(actor(), mrn="1", name="Ada Example", birth_date=BORN, now=NOW)
    again, made_again = patients.make(actor(), mrn="1", name="ADA EXAMPLE", birth_date=BORN, now=NOW)
    assert (made, made_again) == (True, False)
    assert again == first
    with catalog.read() as tx:
        assert outbox.count(tx) == 1


@pytest.mark.parametrize(("name", "born"), [("Bea Other", BORN), ("Ada Example", date(1958, 3, 21))])
def test_a_record_number_of_somebody_else_is_refused_without_saying_whose(
    patients: Patients, name: str, born: date
) -> None:
    make(patients, "1", "Ada Example")
    with pytest.raises(PatientExists) as caught:
        make(patients, "1", name, born)
    assert "Ada" not in str(caught.value.detail) + str(caught.value.members)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "  "},
        {"mrn": ""},
        {"mrn": "1" * 65},
        {"name": "x" * 201},
        {"name": "a\u202eb"},
        {"birth_date": NOW.date() + timedelta(days=1)},
        {"birth_date": date(1879, 12, 31)},
    ],
)
def test_what_cannot_be_a_patient_is_refused(patients: Patients, values: dict[str, object]) -> None:
    good = {"mrn": "1", "name": "Ada Example", "birth_date": BORN}
    with pytest.raises(Invalid):
        patients.make(actor(), now=NOW, **good | values)  # type: ignore[arg-type]


def test_a_search_takes_parts_of_the_name_the_start_of_the_number_and_a_birth_date(patients: Patients) -> None:
    ada = make(patients, "0012345", "Ada Example")
    zoe = make(patients, "0099", "Zoë Ångström", date(1988, 5, 2))

    def find(text: str) -> list[str]:
        return [found.id for found in patients.find(actor(), text, now=NOW)]

    assert find("") == [ada, zoe]
    assert find("exam ada") == [ada]
    assert find("ZOË") == [zoe]
    assert find("0012") == [ada]
    assert find("00") == [ada, zoe]
    assert find("21.03.1957") == find("1957-03-21") == find("Example 21/03/1957") == [ada]
    assert find("example 1988-05-02") == []
    assert find("%") == find("_") == []


def test_a_whole_record_number_as_a_barcode_gives_it_comes_first(patients: Patients) -> None:
    make(patients, "12345", "Aaron First")
    exact = make(patients, "123", "Zoe Last")
    assert patients.find(actor(), "123", now=NOW)[0].id == exact


def test_pages_of_a_search_have_no_doubles_and_no_gaps(patients: Patients) -> None:
    wanted = [make(patients, str(number), f"Person {number % 4}") for number in range(23)]
    seen: list[str] = []
    after = None
    while page := patients.find(actor(), "person", now=NOW, after=after, limit=5):
        seen += [found.id for found in page]
        after = (page[-1].name.casefold(), page[-1].id)
    assert sorted(seen) == sorted(wanted)


def test_a_change_is_a_new_version_and_every_version_is_kept(patients: Patients, catalog: Catalog) -> None:
    made = patient(patients)
    changed = patients.change(actor(name="Dr Ruth"), made.id, {"name": "Ada Sample", "sex": Sex.FEMALE}, now=NOW)
    assert (changed.version, changed.name, changed.sex, changed.mrn) == (2, "Ada Sample", "F", made.mrn)
    assert patients.one(actor(), made.id, now=NOW) == changed
    with catalog.read() as tx:
        versions = rows.versions(tx, made.id)
    assert [(version["version"], version["name"]) for version in versions] == [(1, "Ada Example"), (2, "Ada Sample")]
    assert versions[1]["changed_by"] == "Dr Ruth"
    with catalog.read() as tx:
        waiting = outbox.first(tx, 10)
    assert [row.name.rsplit("/", 1)[1] for row in waiting] == ["1.json", "2.json"]
    assert [from_document(row.document) for row in waiting] == [made, changed]


def test_the_same_values_again_make_no_version(patients: Patients) -> None:
    made = patient(patients)
    assert patients.change(actor(), made.id, {"name": made.name}, now=NOW) == made


def test_a_change_cannot_take_another_patients_number(patients: Patients) -> None:
    make(patients, "1", "Ada Example")
    other = make(patients, "2", "Bea Other")
    with pytest.raises(PatientExists):
        patients.change(actor(), other, {"mrn": "1"}, now=NOW)
    assert patients.one(actor(), other, now=NOW).mrn == "2"


def test_an_unknown_patient_is_not_found(patients: Patients) -> None:
    with pytest.raises(PatientNotFound):
        patients.one(actor(), new_id(NOW), now=NOW)


def test_an_administrator_sees_no_patient(patients: Patients) -> None:
    with pytest.raises(NotAllowed):
        patients.find(actor(Role.ADMIN), "", now=NOW)


def test_every_act_leaves_one_audit_row_without_a_name(patients: Patients, catalog: Catalog) -> None:
    made = patient(patients)
    patients.find(actor(), "ada", now=NOW)
    patients.change(actor(), made.id, {"name": "Ada Sample"}, now=NOW)
    with catalog.read() as tx:
        rows = audit.newest(tx, before=None, limit=10)
    assert [row.act for row in rows] == ["patient.change", "patient.find", "patient.make"]
    assert all(row.subjects == [made.id] for row in rows)
    assert "Ada" not in repr([row.detail for row in rows])


def test_a_document_that_is_no_patient_is_not_read() -> None:
    for bad in ({}, {"id": 1}, {"id": "x", "issuer": "c", "mrn": "1", "name": "A", "birth_date": "soon"}):
        with pytest.raises((KeyError, ValueError, TypeError)):
            from_document(bad)


def test_namesakes_and_twins_are_told_apart_from_everybody_else(patients: Patients) -> None:
    ada = make(patients, "1", "Example, Ada")
    namesake = make(patients, "2", "ADA EXAMPLE", date(1990, 1, 1))
    twin = make(patients, "3", "Example, Bea")
    alone = make(patients, "4", "Nobody, Else")
    other_day = make(patients, "5", "Example, Cleo", date(1958, 3, 21))
    ids = [ada, namesake, twin, alone, other_day]
    assert patients.alike(actor(), ids) == {ada: Alike.TWIN, namesake: Alike.NAMESAKE, twin: Alike.TWIN}
    assert patients.alike(actor(), []) == {}


def test_nobody_is_alike_to_himself_under_another_version(patients: Patients) -> None:
    ada = make(patients, "1", "Example, Ada")
    patients.change(actor(), ada, {"sex": "F"}, now=NOW)
    assert patients.alike(actor(), [ada]) == {}


def test_looking_for_those_alike_reads_no_whole_table(catalog: Catalog, patients: Patients) -> None:
    asked: list[str] = []
    with catalog.read() as tx:
        explain = "EXPLAIN QUERY PLAN SELECT id FROM patients WHERE name_key IN ('a', 'b') OR birth_date IN ('c')"
        asked += [row[3] for row in tx.exec_driver_sql(explain)]
        explain = "EXPLAIN QUERY PLAN SELECT id FROM patients WHERE mrn IN ('a', 'b') OR name_key IN ('c')"
        asked += [row[3] for row in tx.exec_driver_sql(explain)]
    assert asked
    assert not [step for step in asked if step.startswith("SCAN")]


def test_a_path_names_whose_number_or_full_name_stands_in_it(patients: Patients) -> None:
    ada = make(patients, "0012345", "Example, Ada Maria")
    bea = make(patients, "A-77.9", "van der Berg, Bea")
    make(patients, "123", "Li, Bo")

    def named(*paths: str) -> list[str]:
        return [one.id for one in patients.named(actor(), paths, now=NOW)]

    for path in ("day/0012345/1.jpg", "0012345_OD.jpg", "Ada_Maria_Example/x.jpg", "EXAMPLE Ada-Maria"):
        assert named(path) == [ada], path
    for path in ("a-77.9_OS.tif", "Bea van der Berg"):
        assert named(path) == [bea], path
    for path in ("00123456.jpg", "12345.jpg", "123/1.jpg", "Example/Maria.jpg", "Ada.jpg"):
        assert named(path) == [], path
    assert named("0012345.jpg", "x", "a-77.9") == [ada, bea]


def test_whom_paths_name_is_written_down_and_the_question_is_bounded(patients: Patients, catalog: Catalog) -> None:
    ada = make(patients, "0012345", "Example, Ada")
    patients.named(actor(), ["0012345"], now=NOW)
    with catalog.read() as tx:
        row = audit.some(tx, audit.Filter(act="patient.named"), after=None, limit=1)[0]
    assert row.subjects == [ada]
    for paths in ([f"word{number}" for number in range(51)], ["x"] * (MOST_PATHS + 1), [" ".join(map(str, range(51)))]):
        with pytest.raises(Invalid):
            patients.named(actor(), paths, now=NOW)
    with pytest.raises(NotAllowed):
        patients.named(actor(Role.ADMIN), ["0012345"], now=NOW)
