"""The chain: whatever is flipped, dropped, added or swapped, in the vault or in the catalog, is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from broker import audit, names
from broker.catalog import audit as rows
from broker.catalog import tables
from broker.ingest import segment as form
from broker.ingest.seal import Sealer
from broker.ops.chain import restore, verify
from tests.lanes import Rig
from tests.people import NOW, actor

AUDIT = tables.audit


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Three segments of four rows each."""
    rig = Rig(tmp_path)
    change(rig, AUDIT.delete())  # the rig's own patient
    for number in range(3):
        write(rig, 4, f"act{number}")
        seal(rig)
    return rig


def write(rig: Rig, count: int, act: str) -> None:
    with rig.catalog.write() as tx:
        for index in range(count):
            audit.record(tx, actor(name=f"Person {index}"), act, now=NOW + timedelta(seconds=index), subjects=["s"])


def seal(rig: Rig) -> None:
    Sealer(catalog=rig.catalog, vault=rig.store.vault, clock=rig.clock, name="test").seal(at_once=True)


def findings(rig: Rig) -> dict[int, list[str]]:
    found = {number: [one.why for one in some] for number, some in verify(rig.catalog, rig.store.vault)}
    return {number: whys for number, whys in found.items() if whys}


def change(rig: Rig, statement: sa.Executable) -> None:
    with rig.catalog.write() as tx:
        tx.execute(statement)


def edit(rig: Rig, number: int, how: Callable[[list[bytes]], list[bytes]]) -> None:
    blob = rig.store.vault.blobs[names.audit(number).name]
    blob.data = b"".join(how(blob.data.splitlines(keepends=True)))


def test_a_chain_that_nobody_touched_is_whole(rig: Rig) -> None:
    assert findings(rig) == {}
    assert [number for number, _ in verify(rig.catalog, rig.store.vault)] == [1, 2, 3, 0]


@pytest.mark.parametrize("column", ["act", "outcome", "account_id", "account_name", "address", "request"])
def test_a_word_changed_in_the_catalog_is_found(rig: Rig, column: str) -> None:
    change(rig, AUDIT.update().where(AUDIT.c.id == 6).values({column: "x"}))
    assert list(findings(rig)) == [2]
    assert "row 2" in findings(rig)[2][0]


@pytest.mark.parametrize(
    "values", [{"subjects": ["other"]}, {"detail": {"more": 1}}, {"at": NOW + timedelta(microseconds=1)}]
)
def test_a_changed_subject_detail_or_time_in_the_catalog_is_found(rig: Rig, values: dict[str, object]) -> None:
    change(rig, AUDIT.update().where(AUDIT.c.id == 12).values(values))
    assert list(findings(rig)) == [3]


@pytest.mark.parametrize("row", range(1, 13))
def test_every_dropped_row_of_the_catalog_is_found(rig: Rig, row: int) -> None:
    change(rig, AUDIT.delete().where(AUDIT.c.id == row))
    assert list(findings(rig)) == [(row + 3) // 4]


def test_swapped_rows_of_the_catalog_are_found(rig: Rig) -> None:
    for row, place in ((5, 1), (6, 0)):
        change(rig, AUDIT.update().where(AUDIT.c.id == row).values(position=place))
    assert list(findings(rig)) == [2]


def test_a_row_slipped_into_a_segment_of_the_catalog_is_found(rig: Rig) -> None:
    write(rig, 1, "forged")
    change(rig, AUDIT.update().where(AUDIT.c.act == "forged").values(segment=2, position=4))
    assert list(findings(rig)) == [2]


def test_a_row_that_claims_a_segment_that_never_was_is_found(rig: Rig) -> None:
    write(rig, 1, "forged")
    change(rig, AUDIT.update().where(AUDIT.c.act == "forged").values(segment=99, position=0))
    assert findings(rig) == {0: ["1 rows claim a segment that was never sealed"]}


@pytest.mark.parametrize(
    "how",
    [
        lambda lines: [lines[0], lines[1].replace(b"Person 0", b"Person 7"), *lines[2:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [lines[0].replace(b'"segment":2', b'"segment":3'), *lines[1:]],
        lambda lines: [lines[0].replace(b'"rows":4', b'"rows":3'), *lines[1:4]],
        lambda lines: [],
        lambda lines: [b"\xff\n"],
    ],
    ids=["flipped", "dropped", "swapped", "added", "renumbered", "shortened", "emptied", "rubbish"],
)
def test_whatever_is_changed_in_the_vault_is_found(rig: Rig, how: Callable[[list[bytes]], list[bytes]]) -> None:
    edit(rig, 2, how)
    assert {2, 3} <= set(findings(rig))  # in itself, and because the next one does not follow from it


def test_every_flipped_bit_is_found(rig: Rig) -> None:
    blob = rig.store.vault.blobs[names.audit(2).name]
    whole = blob.data
    for place in range(0, len(whole), 7):
        blob.data = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        assert 2 in findings(rig), place


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_segment_that_is_gone_is_found_the_last_one_too(rig: Rig, number: int) -> None:
    del rig.store.vault.blobs[names.audit(number).name]
    assert "it is not in the vault" in findings(rig)[number]


def test_segments_in_another_order_are_found(rig: Rig) -> None:
    blobs = rig.store.vault.blobs
    first, second = names.audit(1).name, names.audit(2).name
    blobs[first], blobs[second] = blobs[second], blobs[first]
    assert {1, 2} <= set(findings(rig))


def test_a_chain_that_was_forged_whole_does_not_fit_the_catalog(rig: Rig) -> None:
    previous = None
    for number in (1, 2, 3):
        blob = rig.store.vault.blobs[names.audit(number).name]
        sealed = form.read(blob.data)
        kept = sealed.rows[1:] if number == 1 else sealed.rows
        blob.data = form.write(form.Sealed(number, previous, sealed.sealed_at, kept))
        previous = form.digest(blob.data)
    assert set(findings(rig)) == {1, 2, 3}


def test_rows_that_nobody_seals_are_named(rig: Rig) -> None:
    write(rig, 1, "late")
    change(rig, AUDIT.update().where(AUDIT.c.act == "late").values(at=NOW - timedelta(days=400)))
    assert "no worker seals" in findings(rig)[0][0]


def test_a_lost_catalog_gets_its_rows_back_and_new_rows_stay(rig: Rig) -> None:
    before = everything(rig)
    change(rig, AUDIT.delete())
    change(rig, tables.audit_segments.delete())
    write(rig, 2, "after")
    seal(rig)
    assert set(findings(rig)) == {1, 2, 3}
    assert restore(rig.catalog, rig.store.vault) == 12
    assert findings(rig) == {}
    assert [row for row in everything(rig) if row[0] != "after"] == before
    assert restore(rig.catalog, rig.store.vault) == 0
    write(rig, 1, "next")
    seal(rig)
    assert findings(rig) == {}


def test_a_restored_backup_takes_its_own_unsealed_rows_for_what_they_are(rig: Rig) -> None:
    change(rig, AUDIT.update().where(AUDIT.c.segment == 3).values(segment=None, position=None))
    change(rig, AUDIT.delete().where(AUDIT.c.id == 12))
    change(rig, tables.audit_segments.delete().where(tables.audit_segments.c.number == 3))
    assert restore(rig.catalog, rig.store.vault) == 1
    assert findings(rig) == {}
    assert len(everything(rig)) == 12


def everything(rig: Rig) -> list[tuple[str, str]]:
    with rig.catalog.read() as tx:
        found = [row for number in (1, 2, 3, 4) for row in rows.of_segment(tx, number)]
    return [(row.act, json.dumps([row.account_name, row.at.isoformat(), row.subjects])) for row in found]
