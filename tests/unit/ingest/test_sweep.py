"""The sweeper: receives what came silently, ends what is overdue, deletes only what is certainly nobody's any more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.blocks import block_id
from broker.catalog import tables
from broker.errors import StorageUnavailable
from broker.ids import new_id
from broker.ingest.crashpoint import Effect
from broker.ingest.sweep import Fate, Swept, fate
from broker.names import IntakeBlob
from broker.storage.containers import Listed
from broker.words import Rejection, State
from tests.lanes import KEEP, Died, Rig, fault_at, rejected
from tests.people import NOW
from tests.unit.ingest.test_manifest import upload

DAY = timedelta(days=1)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def blobs(rig: Rig) -> set[str]:
    return set(rig.store.intake.blobs)


@pytest.mark.parametrize(
    ("state", "size", "committed", "days", "expected"),
    [
        (State.PENDING, 1234, True, 0, Fate.RECEIVE),
        (State.PENDING, 1233, True, 0, Fate.KEEP),
        (State.PENDING, 1235, True, 0, Fate.PURGE),
        (State.PENDING, 1234, False, 5, Fate.KEEP),
        (State.RECEIVED, 9999, True, 30, Fate.KEEP),
        (State.VERIFYING, 9999, True, 30, Fate.KEEP),
        (State.STORED, 1234, True, 0, Fate.PURGE),
        (State.EXPIRED, 1234, True, 0, Fate.PURGE),
        (State.EXPIRED, 0, False, 0, Fate.PURGE),
        (State.REJECTED, 1234, True, 6, Fate.KEEP),
        (State.REJECTED, 1234, True, 7, Fate.PURGE),
        (State.REJECTED, 1235, True, 0, Fate.PURGE),
        (State.MISSING, 1235, True, 6, Fate.KEEP),
        (State.MISSING, 1234, True, 7, Fate.PURGE),
        (None, 1, True, 5, Fate.KEEP),
        (None, 1, True, 6, Fate.PURGE),
        (None, 0, False, 6, Fate.PURGE),
    ],
)
def test_the_fate_of_each_name(state: State | None, size: int, committed: bool, days: int, expected: Fate) -> None:
    ended = NOW if state in (State.REJECTED, State.MISSING, State.STORED, State.EXPIRED) else None
    row = upload(state=state, ended_at=ended) if state else None
    assert fate(row, Listed("x", size, "e", NOW, committed), KEEP, NOW + days * DAY) is expected


def test_a_file_without_a_told_digest_waits_for_its_client() -> None:
    row = upload(state=State.PENDING, digest=None)
    assert fate(row, Listed("x", 1234, "e", NOW, True), KEEP, NOW) is Fate.KEEP


def test_a_silent_upload_is_received_and_stored(rig: Rig) -> None:
    silent = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(silent.id), b"picture")
    assert rig.sweeper.sweep() == Swept(1, 0, 0, 0)
    assert rig.acts(silent) == ["upload.received"]
    rig.run()
    assert rig.row(silent).state is State.STORED
    rig.check()


def test_a_silent_upload_is_received_even_on_the_day_it_would_expire(rig: Rig) -> None:
    silent = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(silent.id), b"picture")
    rig.clock.now += 10 * DAY
    rig.sweeper.sweep()
    assert rig.row(silent).state is State.RECEIVED


def test_an_overdue_upload_expires_and_its_bytes_go(rig: Rig) -> None:
    late = rig.declare(b"picture", digest=None)
    rig.store.arrive(IntakeBlob(late.id), b"picture")
    staged = rig.declare(b"blocks")
    rig.store.stage(IntakeBlob(staged.id), block_id(0, bytes(32)), b"blo")
    rig.sweeper.sweep()
    assert len(blobs(rig)) == 2
    rig.clock.now += 6 * DAY
    assert rig.sweeper.sweep().expired == 2
    assert rig.acts(late) == ["upload.expired"]
    assert (rig.row(late).state, rig.row(late).reason) == (State.EXPIRED, "overdue")
    assert rig.sweeper.sweep().purged == 2
    assert blobs(rig) == set()
    assert rig.sweeper.sweep() == Swept(0, 0, 0, 0)
    rig.check()


def test_a_rejected_file_stays_for_its_days(rig: Rig) -> None:
    rig.fake.verdict = rejected(Rejection.DECODE)
    bad = rig.send(b"picture")
    rig.run()
    rig.clock.now += 6 * DAY
    rig.sweeper.sweep()
    assert blobs(rig) == {IntakeBlob(bad.id).name}
    rig.clock.now += DAY
    rig.sweeper.sweep()
    assert blobs(rig) == set()
    assert rig.acts(bad)[-1] == "upload.purged"


def test_a_file_longer_than_declared_is_deleted_at_once(rig: Rig) -> None:
    large = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(large.id), b"picture and more")
    rig.sweeper.sweep()
    assert blobs(rig) == set()
    assert rig.row(large).state is State.PENDING, "it may be sent again, as declared"


def test_what_arrives_after_storing_is_deleted(rig: Rig) -> None:
    stored = rig.send(b"picture")
    rig.run()
    rig.store.arrive(IntakeBlob(stored.id), b"again")
    rig.sweeper.sweep()
    rig.check()


def test_unknown_bytes_wait_and_foreign_names_are_left_alone(rig: Rig) -> None:
    rig.store.arrive(IntakeBlob(new_id(NOW)), b"a catalog that was lost knew me")
    rig.store.intake.blobs["somebody/else's"] = next(iter(rig.store.intake.blobs.values()))
    assert rig.sweeper.sweep() == Swept(0, 0, 0, 1)
    rig.clock.now += 6 * DAY
    assert rig.sweeper.sweep() == Swept(0, 0, 1, 1)
    assert blobs(rig) == {"somebody/else's"}


def test_what_changed_since_the_listing_is_not_deleted(rig: Rig) -> None:
    gone = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(gone.id), b"too long for it")

    def overwrite(act: str, name: str) -> None:
        if act == "delete":
            rig.store.arrive(IntakeBlob(gone.id), b"picture")

    rig.store.before = overwrite
    assert rig.sweeper.sweep().purged == 0
    assert blobs(rig) == {IntakeBlob(gone.id).name}


def test_the_row_is_read_again_before_a_deletion(rig: Rig) -> None:
    kept = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(kept.id), b"too long for it")
    reads: list[int] = []
    original = rig.catalog.read

    def read() -> Any:
        # The second read is the one just before the deletion: meanwhile the upload was received.
        if len(reads) == 1:
            rig.receive(kept)
        reads.append(1)
        return original()

    rig.catalog.read = read  # type: ignore[method-assign]
    assert rig.sweeper.sweep().purged == 0


@pytest.mark.parametrize("fault", [Died(), StorageUnavailable("lost")])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", [Effect.RECEIVE, Effect.EXPIRE, Effect.PURGE])
def test_a_sweeper_may_die_anywhere(rig: Rig, what: Effect, moment: str, fault: BaseException) -> None:
    silent = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(silent.id), b"picture")
    large = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(large.id), b"picture and more")
    late = rig.declare(b"late", keep_until=NOW)
    with fault_at((what, moment), fault) as hits, pytest.raises(type(fault)):
        rig.sweeper.sweep()
    assert hits
    rig.sweeper.sweep()
    rig.run()
    assert [rig.row(one).state for one in (silent, large, late)] == [State.STORED, State.PENDING, State.EXPIRED]
    assert blobs(rig) == set()
    rig.check()


def test_hundreds_of_overdue_uploads_expire_in_one_run(rig: Rig) -> None:
    with rig.catalog.write() as tx:
        tx.execute(tables.batches.delete())
    for _ in range(520):
        rig.declare(b"x", keep_until=NOW)
    assert rig.sweeper.sweep().expired == 520
