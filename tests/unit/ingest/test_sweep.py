"""The sweeper: receives what came silently, ends what is overdue, deletes only what is certainly nobody's any more."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import names
from broker.blocks import MIB, block_id
from broker.catalog import scans, tables, unsettled, uploads
from broker.catalog.unsettled import SILENT, Settlement
from broker.catalog.uploads import Upload
from broker.errors import StorageUnavailable
from broker.ids import new_id
from broker.ingest.crashpoint import Effect
from broker.ingest.fate import Fate, fate
from broker.ingest.purge import Purger
from broker.ingest.sweep import SETTLED, SILENCE, Swept
from broker.names import IntakeBlob
from broker.storage.containers import Listed
from broker.words import Expiry, Rejection, Settled, State
from tests import people
from tests.lanes import KEEP, Rig, digest_of, fault_at, rejected
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
        (State.PENDING, 1233, True, 0, Fate.REFUSE),
        (State.PENDING, 0, True, 0, Fate.REFUSE),
        (State.PENDING, 1235, True, 0, Fate.REFUSE),
        (State.PENDING, 1234, False, 5, Fate.KEEP),
        (State.RECEIVED, 9999, True, 30, Fate.KEEP),
        (State.VERIFYING, 9999, True, 30, Fate.KEEP),
        (State.STORED, 1234, True, 0, Fate.PURGE),
        (State.EXPIRED, 1234, True, 400, Fate.KEEP),
        (State.EXPIRED, 0, False, 400, Fate.KEEP),
        (State.REJECTED, 1234, True, 400, Fate.KEEP),
        (State.REJECTED, 1235, True, 400, Fate.KEEP),
        (State.MISSING, 1235, True, 400, Fate.KEEP),
        (State.MISSING, 1234, True, 400, Fate.KEEP),
        (None, 1, True, 5, Fate.KEEP),
        (None, 1, True, 6, Fate.PURGE),
        (None, 0, False, 6, Fate.PURGE),
    ],
)
def test_the_fate_of_each_name(state: State | None, size: int, committed: bool, days: int, expected: Fate) -> None:
    ended = NOW if state in (State.REJECTED, State.MISSING, State.STORED, State.EXPIRED) else None
    row = upload(state=state, ended_at=ended) if state else None
    assert fate(row, Listed("x", size, "e", NOW, committed), KEEP, NOW + days * DAY) is expected


SENDER, SOMEBODY = new_id(NOW), new_id(NOW)


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.MISSING])
@pytest.mark.parametrize("reason", [None, *Expiry])
@pytest.mark.parametrize("by", [None, SENDER, SOMEBODY], ids=["service", "sender", "somebody"])
@pytest.mark.parametrize(("days", "over"), [(0, False), (6, False), (7, True)])
def test_what_was_not_stored_is_deleted_some_days_after_somebody_settled_it(
    state: State, reason: Expiry | None, by: str | None, days: int, over: bool
) -> None:
    expired = state is State.EXPIRED
    long_ago = NOW - 400 * DAY
    row = upload(
        state=state, account_id=SENDER, ended_at=long_ago, settled_at=NOW, settled_by=by,
        reason=reason if expired else None,
    )  # fmt: skip
    given_up_by_its_sender = expired and reason is Expiry.ABANDONED and by == SENDER
    duplicate = expired and reason is Expiry.DUPLICATE
    purged = over or given_up_by_its_sender or duplicate
    found = fate(row, Listed("x", 1234, "e", long_ago, True), KEEP, NOW + days * DAY)
    assert found is (Fate.PURGE if purged else Fate.KEEP)


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED, State.MISSING])
@given(days=st.integers(0, 100_000), size=st.integers(0, 9999), committed=st.booleans())
def test_no_retention_ever_deletes_an_unsettled_file_that_arrived(
    state: State, days: int, size: int, committed: bool
) -> None:
    row = upload(state=state, reason=None, ended_at=NOW)
    assert fate(row, Listed("x", size, "e", NOW, committed), KEEP, NOW + days * DAY) is Fate.KEEP


@pytest.mark.parametrize(
    ("size", "committed", "digest", "expected"),
    [
        (1233, True, "sha256-blocks-8:0", Fate.COMPLETE),
        (1234, True, "sha256-blocks-8:0", Fate.RECEIVE),
        (1234, True, None, Fate.COMPLETE),
        (1235, True, "sha256-blocks-8:0", Fate.REFUSE),
        (0, False, None, Fate.COMPLETE),
    ],
)
def test_the_fate_of_blocks(size: int, committed: bool, digest: str | None, expected: Fate) -> None:
    row = upload(state=State.PENDING, block_size=8, digest=digest)
    assert fate(row, Listed("x", size, "e", NOW, committed), KEEP, NOW) is expected


def test_a_file_without_a_told_digest_waits_for_its_client() -> None:
    row = upload(state=State.PENDING, digest=None)
    assert fate(row, Listed("x", 1234, "e", NOW, True), KEEP, NOW) is Fate.KEEP


def test_a_silent_upload_is_received_and_stored(rig: Rig) -> None:
    silent = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(silent.id), b"picture")
    assert rig.sweeper.sweep() == Swept(received=1)
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


def settle(rig: Rig, upload: Upload) -> None:
    """Somebody gives it up."""
    with rig.catalog.write() as tx:
        assert unsettled.settle(tx, upload.id, Settlement(how=Settled.GIVEN_UP, at=rig.clock(), name="Tess"))


def test_an_overdue_upload_expires_and_its_bytes_stay_until_somebody_has_settled_it(rig: Rig) -> None:
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
    rig.clock.now += 400 * DAY
    assert rig.sweeper.sweep() == Swept()
    for one in (late, staged):
        settle(rig, one)
    assert rig.sweeper.sweep() == Swept()
    rig.clock.now += 7 * DAY
    assert rig.sweeper.sweep().purged == 2
    assert blobs(rig) == set()
    assert rig.sweeper.sweep() == Swept()
    rig.check()


def test_a_rejected_file_stays_for_its_days_after_it_was_settled(rig: Rig) -> None:
    rig.fake.verdict = rejected(Rejection.DECODE)
    bad = rig.send(b"picture")
    rig.run()
    rig.clock.now += 400 * DAY
    assert rig.sweeper.sweep() == Swept()
    settle(rig, bad)
    rig.clock.now += 6 * DAY
    rig.sweeper.sweep()
    assert blobs(rig) == {IntakeBlob(bad.id).name}
    rig.clock.now += DAY
    rig.sweeper.sweep()
    assert blobs(rig) == set()
    assert rig.acts(bad)[-1] == "upload.purged"


@pytest.mark.parametrize("digest", [None, "sha256:" + "0" * 64])
def test_a_file_longer_than_declared_is_refused_and_deleted_once_it_is_settled(rig: Rig, digest: str | None) -> None:
    large = rig.declare(b"picture", digest=digest)
    rig.store.arrive(IntakeBlob(large.id), b"picture and more")
    assert rig.sweeper.sweep() == Swept(refused=1)
    assert (rig.row(large).state, rig.row(large).reason) == (State.REJECTED, Rejection.SIZE)
    rig.clock.now += 400 * DAY
    assert rig.sweeper.sweep() == Swept()
    assert blobs(rig) == {IntakeBlob(large.id).name}, "it may have grown after it was declared, and be the only copy"
    with rig.catalog.write() as tx:
        assert unsettled.settle(tx, large.id, Settlement(how=Settled.GIVEN_UP, at=rig.clock()))
    assert rig.sweeper.sweep() == Swept(purged=1)
    assert blobs(rig) == set()
    assert rig.acts(large) == ["upload.rejected", "upload.purged"]
    rig.check()


@pytest.mark.parametrize(("data", "reason"), [(b"pic", Rejection.SIZE), (b"", Rejection.EMPTY)])
def test_a_shorter_file_in_one_piece_is_refused_and_stays_until_it_is_settled(
    rig: Rig, data: bytes, reason: Rejection
) -> None:
    short = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(short.id), data)
    assert rig.sweeper.sweep() == Swept(refused=1)
    assert (rig.row(short).state, rig.row(short).reason) == (State.REJECTED, reason)
    assert blobs(rig) == {IntakeBlob(short.id).name}
    settle(rig, short)
    rig.clock.now += 7 * DAY
    assert rig.sweeper.sweep() == Swept(purged=1)
    rig.check()


def test_an_append_blob_is_refused(rig: Rig) -> None:
    odd = rig.declare(b"picture")
    rig.store.append(IntakeBlob(odd.id))
    assert rig.sweeper.sweep() == Swept(refused=1)
    assert rig.row(odd).reason == Rejection.BLOB_TYPE


BLOCK = 8 * MIB
LARGE = bytes(range(256)) * (33 * MIB // 256)


def declare_large(rig: Rig, **changes: Any) -> Upload:
    """A file of five blocks, the last one shorter."""
    return rig.declare(LARGE, block_size=BLOCK, filename="volume.fda", **changes)


def stage(rig: Rig, upload: Upload, index: int, data: bytes | None = None) -> None:
    """Send one block, of the file or other bytes."""
    piece = LARGE[index * BLOCK : (index + 1) * BLOCK] if data is None else data
    rig.store.stage(IntakeBlob(upload.id), block_id(index, hashlib.sha256(piece).digest()), piece)


@pytest.mark.parametrize("told", [True, False])
def test_blocks_that_are_all_there_are_completed_when_their_client_fell_silent(rig: Rig, told: bool) -> None:
    large = declare_large(rig, **({} if told else {"digest": None}))
    for index in (4, 2, 0, 1, 3):
        stage(rig, large, index)
    assert rig.sweeper.sweep() == Swept(), "its client may still be at it"
    rig.clock.now += SILENCE
    assert rig.sweeper.sweep() == Swept(received=1)
    assert rig.row(large).digest == digest_of(LARGE)
    rig.run()
    assert rig.row(large).state is State.STORED
    rig.check()


def test_a_client_that_asked_for_fresh_grants_is_not_silent(rig: Rig) -> None:
    large = declare_large(rig)
    for index in range(5):
        stage(rig, large, index)
    rig.clock.now += SILENCE
    with rig.catalog.write() as tx:
        uploads.heard(tx, [large.id], rig.clock())
    assert rig.sweeper.sweep() == Swept()
    rig.clock.now += SILENCE
    assert rig.sweeper.sweep() == Swept(received=1)


@pytest.mark.parametrize("fault", ["a block is missing", "two for one index", "a block is shorter", "another digest"])
def test_blocks_that_leave_a_doubt_wait_for_their_client(rig: Rig, fault: str) -> None:
    large = declare_large(rig, **({"digest": f"sha256-blocks-{BLOCK}:{'0' * 64}"} if fault == "another digest" else {}))
    for index in range(4 if fault == "a block is missing" else 5):
        stage(rig, large, index, b"short" if fault == "a block is shorter" and index == 2 else None)
    if fault == "two for one index":
        stage(rig, large, 1, bytes(BLOCK))
    rig.clock.now += SILENCE
    assert rig.sweeper.sweep() == Swept()
    rig.store.before = lambda act, name: pytest.fail("asked again") if act == "blocks" else None
    assert rig.sweeper.sweep() == Swept(), "what is silent does not change, so it is looked at once"
    rig.store.before = lambda act, name: None
    rig.clock.now += 7 * DAY
    assert rig.sweeper.sweep().expired == 1
    settle(rig, large)
    rig.clock.now += 7 * DAY
    assert rig.sweeper.sweep() == Swept(purged=1)
    assert blobs(rig) == set()


def test_a_look_at_blocks_that_failed_is_made_again(rig: Rig) -> None:
    large = declare_large(rig)
    for index in range(5):
        stage(rig, large, index)
    rig.clock.now += SILENCE

    def fail(act: str, name: str) -> None:
        if act == "commit":
            raise StorageUnavailable("503")

    rig.store.before = fail
    with pytest.raises(StorageUnavailable):
        rig.sweeper.sweep()
    rig.store.before = lambda act, name: None
    assert rig.sweeper.sweep() == Swept(received=1)


def test_what_was_received_and_is_lost_becomes_missing(rig: Rig) -> None:
    lost, fresh, there = rig.send(b"lost"), rig.send(b"fresh"), rig.send(b"there")
    del rig.store.intake.blobs[IntakeBlob(lost.id).name]
    assert rig.sweeper.sweep() == Swept(), "a listing may be older than a receipt"
    rig.clock.now += SETTLED
    assert rig.sweeper.sweep() == Swept(missing=1)
    assert [rig.row(one).state for one in (lost, fresh, there)] == [State.MISSING, State.RECEIVED, State.RECEIVED]
    assert rig.acts(lost) == ["upload.missing"]
    rig.run()
    rig.check()


def test_what_a_worker_has_begun_is_not_called_missing_by_the_sweeper(rig: Rig) -> None:
    upload = rig.send(b"picture")
    with fault_at((Effect.ORIGINAL, "after"), StorageUnavailable("lost")):
        rig.lane.step()
    rig.store.intake.blobs.clear()
    rig.clock.now += SETTLED
    assert rig.sweeper.sweep() == Swept()
    rig.run()
    assert rig.row(upload).state is State.STORED


def test_the_last_bytes_of_what_the_vault_lost_are_kept(rig: Rig) -> None:
    upload = rig.send(b"picture")
    with fault_at((Effect.INTAKE_DELETE, "before"), StorageUnavailable("lost")):
        rig.lane.step()
    assert rig.row(upload).state is State.STORED
    kept = rig.store.vault.blobs.pop(names.original(upload.id).name)
    assert rig.sweeper.sweep() == Swept()
    assert blobs(rig) == {IntakeBlob(upload.id).name}
    rig.store.vault.blobs[names.original(upload.id).name] = kept
    assert rig.sweeper.sweep() == Swept(purged=1)
    rig.check()


def test_a_deletion_that_did_not_happen_is_told_too(rig: Rig) -> None:
    gone = rig.declare(b"picture", state=State.EXPIRED, ended_at=NOW, reason=Expiry.DUPLICATE)
    rig.store.arrive(IntakeBlob(gone.id), b"picture")

    def vanish(act: str, name: str) -> None:
        if act == "delete":
            rig.store.intake.blobs.clear()

    rig.store.before = vanish
    assert rig.sweeper.sweep() == Swept()
    assert [row["outcome"] for row in rig.rows(tables.audit) if row["act"] == "upload.purged"] == ["done", "failed"]


def test_what_arrives_after_storing_is_deleted(rig: Rig) -> None:
    stored = rig.send(b"picture")
    rig.run()
    rig.store.arrive(IntakeBlob(stored.id), b"again")
    rig.sweeper.sweep()
    rig.check()


def test_unknown_bytes_wait_and_foreign_names_are_left_alone(rig: Rig) -> None:
    rig.store.arrive(IntakeBlob(new_id(NOW)), b"a catalog that was lost knew me")
    rig.store.intake.blobs["somebody/else's"] = next(iter(rig.store.intake.blobs.values()))
    assert rig.sweeper.sweep() == Swept(foreign=1)
    rig.clock.now += 6 * DAY
    assert rig.sweeper.sweep() == Swept(purged=1, foreign=1)
    assert blobs(rig) == {"somebody/else's"}


def test_what_changed_since_the_listing_is_not_deleted(rig: Rig) -> None:
    gone = rig.declare(b"picture", state=State.EXPIRED, ended_at=NOW, reason=Expiry.DUPLICATE)
    rig.store.arrive(IntakeBlob(gone.id), b"too long for it")

    def overwrite(act: str, name: str) -> None:
        if act == "delete":
            rig.store.arrive(IntakeBlob(gone.id), b"picture")

    rig.store.before = overwrite
    assert rig.sweeper.sweep().purged == 0
    assert blobs(rig) == {IntakeBlob(gone.id).name}


def test_the_row_is_read_again_before_a_deletion(rig: Rig) -> None:
    kept = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(kept.id), b"picture")
    purger = Purger(catalog=rig.catalog, intake=rig.intake, vault=rig.vault, keep=KEEP, clock=rig.clock)
    (listed,) = rig.intake.list(uncommitted=True)
    assert not purger.purge(IntakeBlob(kept.id), listed)
    rig.receive(kept)
    assert not purger.purge(IntakeBlob(kept.id), listed)
    assert blobs(rig) == {IntakeBlob(kept.id).name}


def test_what_is_right_by_now_is_not_refused(rig: Rig) -> None:
    upload = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(upload.id), b"picture and more")

    def overwrite(act: str, name: str) -> None:
        if act == "head":
            rig.store.before = lambda act, name: None
            rig.store.arrive(IntakeBlob(upload.id), b"picture")

    rig.store.before = overwrite
    assert rig.sweeper.sweep() == Swept()
    assert rig.sweeper.sweep() == Swept(received=1)


def lost(rig: Rig, data: bytes, **changes: Any) -> Upload:
    """A file that was rejected."""
    good, rig.fake.verdict = rig.fake.verdict, rejected(Rejection.DECODE)
    bad = rig.send(data, **changes)
    rig.run()
    rig.fake.verdict = good
    return bad


def test_a_file_that_is_stored_when_sent_again_settles_the_one_that_was_not(rig: Rig) -> None:
    bad, other = lost(rig, b"picture"), lost(rig, b"another picture")
    again = rig.send(b"picture")
    rig.run()
    row = rig.row(bad)
    assert (row.state, row.settled_how, row.settled_twin) == (State.REJECTED, Settled.SENT_AGAIN, again.id)
    assert (row.settled_by, row.settled_act) == (None, None)
    assert rig.acts(bad)[-1] == "upload.settle"
    assert rig.row(other).settled_at is None
    assert rig.sweeper.sweep() == Swept()
    rig.check()


def test_the_same_bytes_of_another_patient_settle_nothing_until_they_are_moved(rig: Rig) -> None:
    bob = people.patient(rig.patients, mrn="77", name="Bob Beispiel")
    bad, again = lost(rig, b"picture"), rig.send(b"picture", patient_id=bob.id)
    rig.run()
    assert rig.sweeper.sweep() == Swept()
    assert rig.row(bad).settled_at is None
    with rig.catalog.write() as tx:
        tx.execute(tables.scans.update().values(patient_id=rig.patient.id))
    assert rig.sweeper.sweep() == Swept(settled=1)
    assert rig.row(bad).settled_twin == again.id


def test_withdrawn_scans_settle_nothing(rig: Rig) -> None:
    again = rig.send(b"picture")
    rig.run()
    with rig.catalog.write() as tx:
        tx.execute(tables.scans.update().values(withdrawn=True))
        assert scans.ids_of(tx, batch=again.batch_id) == []
    bad = lost(rig, b"picture")
    assert rig.sweeper.sweep() == Swept()
    assert rig.row(bad).settled_at is None


def test_a_silent_upload_of_bytes_that_are_stored_ends_as_their_duplicate(rig: Rig) -> None:
    silent = rig.declare(b"picture")
    stored = rig.send(b"picture")
    rig.run()
    assert rig.sweeper.sweep() == Swept(), "somebody may be sending it"
    rig.clock.now += SILENT
    assert rig.sweeper.sweep() == Swept(settled=1)
    row = rig.row(silent)
    assert (row.state, row.reason, row.duplicate_of) == (State.EXPIRED, Expiry.DUPLICATE, stored.id)
    assert row.settled_how is Settled.DUPLICATE
    assert rig.acts(silent) == ["upload.expired"]
    rig.check()


def test_an_overdue_upload_of_bytes_that_are_stored_never_reads_as_one_that_did_not_arrive(rig: Rig) -> None:
    late = rig.declare(b"picture", keep_until=NOW)
    rig.send(b"picture")
    rig.run()
    rig.clock.now += 10 * DAY
    assert rig.sweeper.sweep() == Swept(settled=1)
    assert rig.row(late).reason == Expiry.DUPLICATE


def test_hundreds_of_overdue_uploads_expire_in_one_run(rig: Rig) -> None:
    with rig.catalog.write() as tx:
        tx.execute(tables.batches.delete())
    for _ in range(520):
        rig.declare(b"x", keep_until=NOW)
    assert rig.sweeper.sweep().expired == 520
