"""Verification: what arrives is compared with what was declared, and a file ends stored, rejected or missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.blocks import MIB
from broker.catalog import tables
from broker.errors import StorageUnavailable
from broker.ingest.sandbox import SandboxUnavailable
from broker.names import IntakeBlob
from broker.words import Rejection, State
from tests.lanes import JPEG, Rig, digest_of, rejected


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_good_file_is_stored_and_leaves_the_intake(rig: Rig) -> None:
    upload = rig.send(b"a picture")
    rig.run()
    assert rig.row(upload).state is State.STORED
    assert rig.acts(upload) == ["upload.stored"]
    assert rig.fake.seen == [b"a picture"]
    rig.check()


@pytest.mark.parametrize(
    ("arrives", "reason"),
    [
        (b"", Rejection.EMPTY),
        (b"a pictur", Rejection.SIZE),
        (b"a picture!", Rejection.SIZE),
        (b"a pictura", Rejection.DIGEST),
    ],
)
def test_other_bytes_than_declared_are_rejected(rig: Rig, arrives: bytes, reason: Rejection) -> None:
    upload = rig.send(b"a picture", arrives=arrives)
    rig.run()
    row = rig.row(upload)
    assert (row.state, row.reason) == (State.REJECTED, reason)
    assert rig.fake.seen == [], "bytes that were not declared are not decoded"
    assert rig.store.vault.blobs.keys() == set()
    assert rig.store.intake.head(IntakeBlob(upload.id)) is not None, "kept for its days"
    rig.check()


def test_an_append_blob_is_rejected(rig: Rig) -> None:
    upload = rig.declare(b"x")
    rig.store.append(IntakeBlob(upload.id))
    rig.receive(upload)
    rig.run()
    assert rig.row(upload).reason == Rejection.BLOB_TYPE


def test_an_archived_blob_is_rejected(rig: Rig) -> None:
    upload = rig.send(b"x")
    rig.store.spoil(IntakeBlob(upload.id))
    rig.run()
    assert rig.row(upload).reason == Rejection.UNREADABLE


def test_what_the_storage_lost_is_missing(rig: Rig) -> None:
    upload = rig.declare(b"x")
    rig.receive(upload)
    rig.run()
    assert rig.row(upload).state is State.MISSING
    assert rig.acts(upload) == ["upload.missing"]
    rig.check()


def test_what_is_lost_between_looking_and_reading_is_missing(rig: Rig) -> None:
    upload = rig.send(b"x")

    def lose(act: str, name: str) -> None:
        if act == "read":
            rig.store.intake.blobs.clear()

    rig.store.before = lose
    rig.run()
    assert rig.row(upload).state is State.MISSING


def test_the_sandbox_has_the_last_word(rig: Rig) -> None:
    upload = rig.send(b"x")
    rig.fake.verdict = rejected(Rejection.TRUNCATED)
    rig.run()
    row = rig.row(upload)
    assert (row.state, row.reason, row.detail) == (State.REJECTED, Rejection.TRUNCATED, "for a test")
    assert rig.store.vault.blobs.keys() == set()
    rig.check()


def test_a_blob_changed_once_while_it_is_read_is_read_again(rig: Rig) -> None:
    data = b"first" * MIB
    upload = rig.send(data)
    pieces = iter(range(100))

    def overwrite(act: str, name: str) -> None:
        # Between the first and the second piece of the first read.
        if act == "read" and next(pieces) == 1:
            rig.store.arrive(IntakeBlob(upload.id), data)

    rig.store.before = overwrite
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.store.before = lambda act, name: None
    rig.check()


def test_a_blob_that_changes_during_every_read_is_rejected(rig: Rig) -> None:
    data = b"y" * 10 * MIB
    upload = rig.send(data)

    def overwrite(act: str, name: str) -> None:
        if act == "read":
            rig.store.arrive(IntakeBlob(upload.id), data)

    rig.store.before = overwrite
    rig.run()
    assert rig.row(upload).reason == Rejection.CHANGED


@pytest.mark.parametrize("size", [32 * MIB + 1, 40 * MIB, 41 * MIB + 12345])
def test_the_digest_of_a_block_plan_is_recomputed_from_the_bytes(rig: Rig, size: int) -> None:
    data = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    upload = rig.send(data, block_size=8 * MIB)
    assert upload.digest == digest_of(data)
    assert upload.digest.startswith("sha256-blocks-8388608:")
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.check()


def test_a_storage_that_does_not_answer_puts_the_file_off_and_does_not_count(rig: Rig) -> None:
    upload = rig.send(b"x")

    def fail(act: str, name: str) -> None:
        raise StorageUnavailable("503")

    rig.store.before = fail
    for _ in range(5):
        rig.forget_leases()
        assert rig.lane.step()
    row = rig.row(upload)
    assert (row.state, row.attempts, row.fence) == (State.RECEIVED, 0, 5)
    assert not rig.lane.step(), "it waits before it is tried again"
    rig.store.before = lambda act, name: None
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.check()


def test_no_decoder_is_no_verdict_on_the_file(rig: Rig) -> None:
    upload = rig.send(b"x")

    def no_decoder(data: bytes) -> None:
        raise SandboxUnavailable("no process")

    rig.fake.on_examine = no_decoder
    assert rig.lane.step()
    assert rig.row(upload).state is State.RECEIVED


def test_a_full_disk_is_no_verdict_on_the_file(rig: Rig) -> None:
    upload = rig.send(b"x")

    def full(data: bytes) -> None:
        raise OSError(28, "No space left on device")

    rig.fake.on_examine = full
    assert rig.lane.step()
    assert rig.row(upload).state is State.RECEIVED


def test_a_file_at_which_the_worker_died_three_times_is_rejected(rig: Rig) -> None:
    upload = rig.send(b"x")

    def bug(data: bytes) -> None:
        raise RuntimeError("a fault of our own")

    rig.fake.on_examine = bug
    for _ in range(3):
        rig.forget_leases()
        with pytest.raises(RuntimeError):
            rig.lane.step()
    rig.run()
    row = rig.row(upload)
    assert (row.state, row.reason, row.attempts) == (State.REJECTED, Rejection.DECODER_DIED, 4)
    assert rig.store.vault.blobs.keys() == set()
    rig.check()


def test_the_last_try_of_a_file_that_fells_workers_is_made_alone(rig: Rig) -> None:
    suspect, other = rig.send(b"suspect"), rig.send(b"other")
    with rig.catalog.write() as tx:
        tx.execute(tables.uploads.update().where(tables.uploads.c.id == suspect.id).values(attempts=2, urgent=True))
        tx.execute(tables.uploads.update().where(tables.uploads.c.id == other.id).values(state=State.PENDING))
    claims = rig.claims
    with claims.next() as alone:
        assert alone is not None
        assert alone.upload.attempts == 3
        rig.receive(other)
        with claims.next() as second:
            assert second is None, "nobody else while it runs"
    rig.forget_leases()
    with rig.catalog.write() as tx:
        tx.execute(tables.uploads.update().where(tables.uploads.c.id == suspect.id).values(attempts=2, urgent=False))
        tx.execute(tables.uploads.update().where(tables.uploads.c.id == other.id).values(urgent=True))
    with claims.next() as first:
        assert first is not None
        assert first.upload.id == other.id
        with claims.next() as second:
            assert second is None, "somebody else is at work"
    row = rig.row(suspect)
    assert (row.state, row.attempts) == (State.RECEIVED, 2), "given back, and not counted"
    rig.run()
    assert [rig.row(upload).state for upload in (suspect, other)] == [State.STORED, State.STORED]


def test_a_decoder_that_died_once_is_no_verdict_yet(rig: Rig) -> None:
    upload = rig.send(b"x")
    rig.fake.verdict = rejected(Rejection.DECODER_DIED)
    assert rig.lane.step()
    row = rig.row(upload)
    assert (row.state, row.attempts) == (State.RECEIVED, 1)
    rig.fake.verdict = JPEG
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.check()


def test_a_decoder_that_dies_three_times_is_one(rig: Rig) -> None:
    upload = rig.send(b"x")
    rig.fake.verdict = rejected(Rejection.DECODER_DIED)
    rig.run()
    row = rig.row(upload)
    assert (row.state, row.reason, len(rig.fake.seen)) == (State.REJECTED, Rejection.DECODER_DIED, 3)
    rig.check()


def test_urgent_files_go_first(rig: Rig) -> None:
    rig.send(b"one")
    rig.send(b"two", urgent=True)
    rig.run()
    assert rig.fake.seen == [b"two", b"one"]


def test_the_decoder_gets_the_very_bytes_that_were_hashed(rig: Rig) -> None:
    upload = rig.send(b"good")

    def overwrite(data: bytes) -> None:
        rig.store.arrive(IntakeBlob(upload.id), b"evil")

    rig.fake.on_examine = overwrite
    rig.run()
    assert rig.row(upload).state is State.STORED
    assert rig.store.intake.head(IntakeBlob(upload.id)) is not None, "other bytes lie there: not ours to delete"
    rig.sweeper.sweep()
    rig.check()
