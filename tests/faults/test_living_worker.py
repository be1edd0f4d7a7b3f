"""The worker as a whole: its threads, its start, its clean stop, and outages that it must live through."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from broker.catalog import leases, outbox
from broker.errors import CatalogBusy, StorageUnavailable
from broker.ingest import worker as working
from broker.ingest.worker import Worker
from broker.names import IntakeBlob
from broker.words import State
from tests import people
from tests.lanes import KEEP, ZONE, FakeDecoder, Rig, hook
from tests.waiting import until


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    made = Rig(tmp_path)
    made.spool.close()
    made.clock.now = datetime.now(UTC)
    return made


@contextmanager
def running(rig: Rig, new_decoder: Callable[[], FakeDecoder] = FakeDecoder) -> Iterator[threading.Event]:
    """A worker in a thread, stopped cleanly at the end."""
    worker = Worker(
        catalog=rig.catalog,
        intake=rig.intake,
        vault=rig.vault,
        work_dir=rig.folder / "work",
        zone=ZONE,
        keep=KEEP,
        clock=rig.clock,
        new_decoder=new_decoder,
    )
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(15)
        assert not thread.is_alive()


def slow_decoders() -> tuple[Callable[[], FakeDecoder], threading.Event, threading.Event]:
    """A maker of decoders that say when they have started, and wait until they are released."""
    started, release = threading.Event(), threading.Event()

    def wait(data: bytes) -> None:
        started.set()
        release.wait(10)

    def make() -> FakeDecoder:
        decoder = FakeDecoder()
        decoder.on_examine = wait
        return decoder

    return make, started, release


def test_it_stores_what_waits_and_what_comes(rig: Rig) -> None:
    first = rig.send(b"first")
    with running(rig):
        until(lambda: rig.row(first).state is State.STORED)
        second = rig.send(b"second")
        until(lambda: rig.row(second).state is State.STORED)
    rig.check()


def test_it_shows_that_it_lives(rig: Rig) -> None:
    def beaten() -> bool:
        with rig.catalog.read() as tx:
            return leases.marked(tx, "worker") is not None

    with running(rig):
        until(beaten)


def test_it_publishes_within_two_seconds_even_while_a_file_takes_long(rig: Rig) -> None:
    slow, _, release = slow_decoders()

    def published() -> bool:
        with rig.catalog.read() as tx:
            return outbox.count(tx) == 0

    rig.send(b"one")
    rig.send(b"two")
    with running(rig, slow):
        time.sleep(0.5)
        people.patient(rig.patients, mrn="99")
        until(published, 2.0)
        release.set()


def test_a_silent_upload_is_found_at_the_start(rig: Rig) -> None:
    silent = rig.declare(b"silent")
    rig.store.arrive(IntakeBlob(silent.id), b"silent")
    with running(rig):
        until(lambda: rig.row(silent).state is State.STORED)
    rig.check()


def test_a_stop_lets_the_file_at_hand_be_finished_and_publishes_the_outbox(rig: Rig) -> None:
    slow, started, release = slow_decoders()

    upload = rig.send(b"at hand")
    with running(rig, slow) as stop:
        assert started.wait(5)
        stop.set()
        people.patient(rig.patients, mrn="99")
        release.set()
    assert rig.row(upload).state is State.STORED
    with rig.catalog.read() as tx:
        assert outbox.count(tx) == 0
    rig.check()


def test_a_stop_gives_back_what_cannot_be_finished_in_time(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "FINISH_SECONDS", 0.2)
    stuck, started, release = slow_decoders()

    upload = rig.send(b"for hours")
    with running(rig, stuck):
        assert started.wait(5)
    row = rig.row(upload)
    assert (row.state, row.attempts) == (State.RECEIVED, 0)
    release.set()
    time.sleep(0.3)
    assert rig.store.vault.blobs.keys() <= {
        name for name in rig.store.vault.blobs if name.startswith(("patients/", "audit/"))
    }
    assert rig.row(upload).state is State.RECEIVED


def test_outages_of_storage_and_catalog_end_nothing(rig: Rig) -> None:
    upload = rig.send(b"picture")
    down = threading.Event()
    down.set()

    def storage(act: str, name: str) -> None:
        if down.is_set():
            raise StorageUnavailable("503")

    def catalog(what: object, moment: str) -> None:
        if down.is_set():
            raise CatalogBusy("away")

    rig.store.before = storage
    with hook(catalog), running(rig):
        time.sleep(1.2)
        down.clear()
        until(lambda: rig.row(upload).state is State.STORED, 20.0)
    rig.check()


def test_a_fault_of_our_own_ends_nothing_either(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.send(b"poison")
    good = rig.send(b"good")

    def fragile() -> FakeDecoder:
        decoder = FakeDecoder()

        def act(data: bytes) -> None:
            if data == b"poison":
                raise RuntimeError("a fault of our own")

        decoder.on_examine = act
        return decoder

    with running(rig, fragile):
        until(lambda: rig.row(good).state is State.STORED)
    assert "a fault of our own" in caplog.text


def test_two_workers_share_the_work(rig: Rig) -> None:
    sent = [rig.send(f"picture {number}".encode()) for number in range(20)]
    with running(rig), running(rig):
        until(lambda: all(rig.row(upload).state is State.STORED for upload in sent), 20.0)
    assert {rig.row(upload).fence for upload in sent} == {1}
    rig.check()
