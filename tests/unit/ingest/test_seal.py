"""Sealing: every row ends in exactly one segment, each segment repeats the digest of the one before, whoever seals."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from broker import audit, names
from broker.catalog import audit as rows
from broker.catalog import tables
from broker.errors import StorageUnavailable
from broker.ingest import segment as form
from broker.ingest.crashpoint import Effect
from broker.ingest.seal import Sealer
from broker.ingest.segment import MOST_ROWS, Sealed
from broker.ingest.strict import Misfit
from tests.lanes import Died, Rig, fault_at
from tests.people import NOW, actor

SEALING = (Effect.SEAL, Effect.SEALED)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path)
    with rig.catalog.write() as tx:
        tx.execute(tables.audit.delete())  # the rig's own patient
    return rig


def sealer(rig: Rig, name: str = "one") -> Sealer:
    return Sealer(catalog=rig.catalog, vault=rig.store.vault, clock=rig.clock, name=name)


def write(rig: Rig, count: int, *, act: str = "scan.see", detail: str = "") -> None:
    with rig.catalog.write() as tx:
        for index in range(count):
            audit.record(tx, actor(), act, now=NOW, subjects=[f"{index}"], detail={"ü": detail} if detail else {})


def segment(rig: Rig, number: int) -> Sealed:
    return form.read(rig.store.vault.get(names.audit(number), form.LIMIT))


def waiting(rig: Rig) -> int:
    with rig.catalog.read() as tx:
        return len(rows.unsealed(tx, 100_000))


def test_a_row_is_sealed_within_a_minute_and_not_at_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    write(rig, 3)
    rig.clock.now = NOW + timedelta(seconds=49)
    monkeypatch.setattr(rig.catalog, "now", lambda tx: rig.clock.now)
    assert sealer(rig).seal() == 0
    rig.clock.now = NOW + timedelta(seconds=50)
    assert sealer(rig).seal() == 3
    assert waiting(rig) == 0
    assert [row.subjects for row in segment(rig, 1).rows] == [["0"], ["1"], ["2"]]


def test_a_thousand_rows_do_not_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rig.catalog, "now", lambda tx: NOW)
    rig.clock.now = NOW
    write(rig, 2 * MOST_ROWS + 5)
    assert sealer(rig).seal() == 2 * MOST_ROWS
    assert waiting(rig) == 5
    assert [len(segment(rig, number).rows) for number in (1, 2)] == [MOST_ROWS, MOST_ROWS]


def test_each_segment_repeats_the_digest_of_the_one_before(rig: Rig) -> None:
    for _ in range(3):
        write(rig, 2)
        sealer(rig).seal(at_once=True)
    data = [rig.store.vault.get(names.audit(number), form.LIMIT) for number in (1, 2, 3)]
    assert [form.read(one).previous for one in data] == [None, form.digest(data[0]), form.digest(data[1])]
    head = json.loads(data[2].splitlines()[0])
    assert (head["version"], head["segment"], head["rows"]) == (1, 3, 2)


def test_large_rows_make_more_segments_not_longer_ones(rig: Rig) -> None:
    write(rig, 30, detail="x" * (1 << 20))
    assert sealer(rig).seal(at_once=True) == 30
    numbers = [names.parse_audit(one.name) for one in rig.store.vault.list("audit/")]
    assert numbers == [1, 2, 3, 4, 5]
    assert all(one.size <= form.MOST_BYTES + (1 << 21) for one in rig.store.vault.list("audit/"))


@pytest.mark.parametrize("what", SEALING)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_sealer_may_die_at_any_line_and_the_next_one_adopts_what_it_wrote(
    rig: Rig, what: Effect, moment: str
) -> None:
    write(rig, 2)
    with fault_at((what, moment), Died()), pytest.raises(Died):
        sealer(rig, "first").seal(at_once=True)
    write(rig, 2)
    rig.forget_leases()
    sealer(rig, "second").seal(at_once=True)
    assert waiting(rig) == 0
    found = [row.id for one in rig.store.vault.list("audit/") for row in segment_named(rig, one.name).rows]
    assert found == sorted(set(found))
    assert len(found) == 4


def segment_named(rig: Rig, name: str) -> Sealed:
    return segment(rig, names.parse_audit(name) or 0)


def test_only_the_holder_of_the_lease_seals(rig: Rig) -> None:
    write(rig, 1)
    first, second = sealer(rig, "first"), sealer(rig, "second")
    assert first._mine()
    assert second.seal(at_once=True) == 0
    assert first.seal(at_once=True) == 1


def test_two_sealers_that_both_think_they_are_alone_lose_and_double_nothing(rig: Rig) -> None:
    write(rig, 3)
    slow, fast = sealer(rig, "slow"), sealer(rig, "fast")
    seen = slow._due(at_once=True)
    write(rig, 1)
    rows_of_fast = fast._due(at_once=True)
    quiet = rig.store.before

    def overtaken(act: str, name: str) -> None:
        if act == "put":
            rig.store.before = quiet
            fast._one(*rows_of_fast)

    rig.store.before = overtaken
    assert slow._one(*seen) == 3  # adopted: the other one's segment holds them
    assert waiting(rig) == 0
    assert len(segment(rig, 1).rows) == 4
    assert rig.store.vault.head(names.audit(2)) is None


def test_a_rebuilt_catalog_goes_on_behind_the_last_segment(rig: Rig) -> None:
    for _ in range(2):
        write(rig, 2)
        sealer(rig).seal(at_once=True)
    with rig.catalog.write() as tx:
        tx.execute(tables.audit.delete())
        tx.execute(tables.audit_segments.delete())
    write(rig, 1, act="new")
    assert sealer(rig).seal(at_once=True) == 1
    third = segment(rig, 3)
    assert third.previous == form.digest(rig.store.vault.get(names.audit(2), form.LIMIT))
    assert [row.act for row in third.rows] == ["new"]


def test_rubbish_under_a_segments_name_stops_nobody(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.store.vault.put(names.audit(1), b"rubbish", "text/plain")
    with rig.catalog.write() as tx:
        tx.execute(tables.audit_segments.delete())
    write(rig, 1)
    assert sealer(rig).seal(at_once=True) == 1
    assert segment(rig, 2).previous == form.digest(b"rubbish")


def test_a_store_that_is_away_loses_no_row(rig: Rig) -> None:
    write(rig, 2)

    def away(act: str, name: str) -> None:
        if act == "put":
            raise StorageUnavailable()

    rig.store.before = away
    with pytest.raises(StorageUnavailable):
        sealer(rig).seal(at_once=True)
    assert waiting(rig) == 2


def test_a_segment_reads_back_as_it_was_written_and_in_no_other_form(rig: Rig) -> None:
    write(rig, 2, detail="\u2028 line separator, \U0001f441 and quotes \"'")
    sealer(rig).seal(at_once=True)
    data = rig.store.vault.get(names.audit(1), form.LIMIT)
    assert form.write(form.read(data)) == data
    assert data.count(b"\n") == 3
    lines = data.splitlines(keepends=True)
    for other in (b"", data[:-1], data + b"\n", lines[0], data.replace(b'"id"', b'"ID"'), data.replace(b",", b", ", 1)):
        with pytest.raises(Misfit):
            form.read(other)
