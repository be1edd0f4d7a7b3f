"""A real worker process is killed by SIGKILL, again and again, and nothing is lost, doubled or left lying about.

The process under test is ``python -m broker worker``; some of them carry a hook that kills them at one crash point.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from broker import names
from broker.blocks import MIB, block_id, plan_for
from broker.catalog import leases, tables, unsettled, uploads
from broker.catalog.unsettled import Settlement
from broker.catalog.uploads import Upload
from broker.config import SERVICE_VERSION, Config
from broker.ids import scan_id
from broker.ingest.crashpoint import Effect
from broker.ingest.sweep import SILENCE
from broker.names import INTAKE, VAULT, IntakeBlob
from broker.storage.azure import AzureStore
from broker.words import Settled, State
from tests import catalogs, hostile, people
from tests.azurite import Azurite
from tests.lanes import Rig

ROOT = Path(__file__).parents[2]
RETINA = (ROOT / "assets" / "samples" / "retina.jpg").read_bytes()
KILLED = """
import os, signal, sys
from broker import cli
from broker.ingest import crashpoint
left = [int(sys.argv[3])]
def hook(what, moment):
    if (what, moment) == (sys.argv[1], sys.argv[2]):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
crashpoint.install(hook)
sys.exit(cli.main(sys.argv[4:] or ["worker"]))
"""


class Bench:
    """Emulator, catalog and files, and the processes that are let loose on them."""

    def __init__(self, folder: Path, emulator: Azurite, service: BlobServiceClient) -> None:
        self.folder, self.service = folder, service
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
            "PUBLIC_URL": "http://localhost:8080",
            "DATA_DIR": str(folder / "data"),
        }
        config = Config.from_env(self.environ)
        store = AzureStore(config)
        self.rig = Rig(
            folder / "rig",
            catalog=catalogs.fresh(config.data_dir),
            intake=store.intake,
            vault=store.vault,
            arrive=lambda blob, data: service.get_blob_client(INTAKE, blob.name).upload_blob(data),
        )
        self.rig.clock.now = datetime.now(UTC)
        self.work = config.work_dir

    def worker(self, *point: str) -> subprocess.Popen[bytes]:
        """Start a worker, or one (or another command) that kills itself at ``point``: effect, moment, which hit."""
        command = ["-c", KILLED, *point] if point else ["-m", "broker", "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environ, stdout=log, stderr=subprocess.STDOUT
            )

    def killed(self, what: Effect, moment: str, hit: int, *command: str) -> None:
        """Run a worker, or ``command``, until it kills itself at this point."""
        worker = self.worker(what, moment, str(hit), *command)
        try:
            assert worker.wait(60) == -signal.SIGKILL, f"{what} {moment} {hit}: {self.log()}"
        finally:
            kill(worker)

    def command(self, *command: str) -> int:
        """Run one command to its end and give its exit code."""
        with (self.folder / "worker.log").open("ab") as log:
            whole = [sys.executable, "-m", "broker", *command]
            return subprocess.run(
                whole, cwd=ROOT, env=self.environ, stdout=log, stderr=log, timeout=60, check=False
            ).returncode

    def free(self) -> None:
        """Let what only one worker may do at a time be free at once; claims of uploads stay with their dead."""
        with self.rig.catalog.write() as tx:
            tx.execute(tables.leases.delete())
            tx.execute(tables.marks.delete().where(tables.marks.c.name == "swept"))

    def log(self) -> str:
        return (self.folder / "worker.log").read_text(errors="replace")[-3000:]

    def finish(self) -> None:
        """Let one worker do all that is left, and stop it cleanly."""
        self.rig.forget_leases()
        with self.rig.catalog.write() as tx:
            tx.execute(tables.marks.delete().where(tables.marks.c.name == "worker"))
        worker = self.worker()
        try:
            end = time.monotonic() + 60
            while self.waiting():
                assert time.monotonic() < end, self.log()
                assert worker.poll() is None, self.log()
                time.sleep(0.05)
            worker.terminate()
            assert worker.wait(30) == 0, self.log()
        finally:
            kill(worker)
        assert list(self.work.iterdir()) == [], "the spool is empty after a clean stop"
        self.rig.sweeper.sweep()

    def waiting(self) -> bool:
        """Whether the worker has not begun, or has something to do."""
        with self.rig.catalog.read() as tx:
            alive = leases.marked(tx, "worker") is not None
            return not alive or bool(uploads.counts(tx, [State.RECEIVED, State.VERIFYING]))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with (
        Azurite() as emulator,
        BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION) as service,
    ):
        for name in (INTAKE, VAULT):
            service.create_container(name)
        yield Bench(tmp_path, emulator, service)


class Scenes:
    """For each effect, something that makes a worker come to it, and how that has to end."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.rig = bench, bench.rig
        self.number = 0
        self.ends: list[tuple[Effect, Upload, State]] = []

    def set(self, what: Effect) -> tuple[str, ...]:
        """Prepare, and give the command if it is not the worker."""
        makers = {
            Effect.PUBLISH: self.renamed,
            Effect.PUBLISHED: self.renamed,
            Effect.RECEIVE: self.silent,
            Effect.COMMIT: self.silent_blocks,
            Effect.EXPIRE: self.overdue,
            Effect.PURGE: self.expired,
            Effect.REFUSE: self.oversize,
            Effect.LOSE: self.lost,
            Effect.MISSING: self.missing,
            Effect.REJECTED: self.bad,
            Effect.RELEASE: self.stuck,
        }
        if what.startswith("index"):
            return self.unindexed()
        if what in (Effect.TOMBSTONE, Effect.ERASE, Effect.FORGET):
            return self.to_be_erased()
        makers.get(what, self.good)(what)
        return ()

    def data(self) -> bytes:
        self.number += 1
        return RETINA + bytes(self.number)

    def good(self, what: Effect) -> None:
        self.ends.append((what, self.rig.send(self.data(), filename="retina.jpg"), State.STORED))

    def renamed(self, what: Effect) -> None:
        self.number += 1
        name = f"Ada Example {chr(64 + self.number)}"
        self.rig.patients.change(people.actor(), self.rig.patient.id, {"name": name}, now=people.NOW)

    def silent(self, what: Effect) -> None:
        data = self.data()
        upload = self.rig.declare(data)
        self.rig.arrive(IntakeBlob(upload.id), data)
        self.ends.append((what, upload, State.STORED))

    def silent_blocks(self, what: Effect) -> None:
        data = hostile.sample("topcon_fda").ljust(33 * MIB, b"\0")
        plan = plan_for(len(data))
        assert plan is not None
        created = self.rig.clock.now - SILENCE
        upload = self.rig.declare(data, filename="volume.fda", block_size=plan.size, created_at=created)
        client = self.bench.service.get_blob_client(INTAKE, IntakeBlob(upload.id).name)._client.block_blob
        for number in range(plan.count):
            piece = data[number * plan.size : number * plan.size + plan.length(number)]
            name = block_id(number, hashlib.sha256(piece).digest())
            client.stage_block(block_id=name, content_length=len(piece), body=piece)
        self.ends.append((what, upload, State.STORED))

    def overdue(self, what: Effect) -> None:
        upload = self.rig.declare(self.data(), keep_until=self.rig.clock.now - timedelta(days=1))
        self.ends.append((what, upload, State.EXPIRED))

    def expired(self, what: Effect) -> None:
        upload = self.rig.declare(self.data(), keep_until=self.rig.clock.now - timedelta(days=1), digest=None)
        self.rig.arrive(IntakeBlob(upload.id), b"x" * upload.size)
        self.rig.sweeper.sweep()
        given_up = Settlement(how=Settled.GIVEN_UP, at=self.rig.clock.now - timedelta(days=30))
        with self.rig.catalog.write() as tx:
            assert unsettled.settle(tx, upload.id, given_up)
        self.ends.append((what, upload, State.EXPIRED))

    def oversize(self, what: Effect) -> None:
        upload = self.rig.declare(self.data())
        self.rig.arrive(IntakeBlob(upload.id), b"x" * (upload.size + 1))
        self.ends.append((what, upload, State.REJECTED))

    def lost(self, what: Effect) -> None:
        """Received an hour ago, and not to be claimed for another one."""
        upload, hour = self.rig.declare(self.data()), timedelta(hours=1)
        table, now = tables.uploads, self.rig.clock.now
        received = {"state": State.RECEIVED, "received_at": now - hour, "not_before": now + hour}
        with self.rig.catalog.write() as tx:
            tx.execute(table.update().where(table.c.id == upload.id).values(received))
        self.ends.append((what, upload, State.MISSING))

    def missing(self, what: Effect) -> None:
        upload = self.rig.declare(self.data())
        self.rig.receive(upload)
        self.ends.append((what, upload, State.MISSING))

    def bad(self, what: Effect) -> None:
        self.number += 1
        upload = self.rig.send(b"Dear colleague" * self.number, filename="a.jpg")
        self.ends.append((what, upload, State.REJECTED))

    def stuck(self, what: Effect) -> None:
        """Another file lies under the original's name: given back until somebody has looked."""
        upload = self.rig.send(self.data(), filename="retina.jpg")
        self.rig.vault.put(names.original(upload.id), b"another", "application/octet-stream")
        self.ends.append((what, upload, State.STORED))

    def unindexed(self) -> tuple[str, ...]:
        """The catalog does not know the vault, as if it had been lost."""
        with self.rig.catalog.write() as tx:
            tx.execute(tables.marks.delete())
        return ()

    def to_be_erased(self) -> tuple[str, ...]:
        upload = next(one for _, one, end in self.ends if end is State.STORED and self.stored(one))
        return ("erase", "--scan", scan_id(upload.id, 0), "--reason", "a test", "--yes")

    def stored(self, upload: Upload) -> bool:
        with self.rig.catalog.read() as tx:
            found = uploads.find(tx, [upload.id]).get(upload.id)
        return found is not None and found.state is State.STORED


def test_killed_at_one_hit_of_each_point_nothing_is_lost_or_doubled(bench: Bench) -> None:
    chance, scenes = random.Random(715), Scenes(bench)
    commands = (Effect.TOMBSTONE, Effect.ERASE, Effect.FORGET)
    # Sealing, reading records back, and settling are died at in tests of their own.
    elsewhere = (Effect.SEAL, Effect.SEALED, Effect.INDEX_RECORDS, Effect.SETTLE)
    for what in [effect for effect in Effect if effect not in (*commands, *elsewhere)]:
        bench.free()
        scenes.set(what)
        bench.killed(what, chance.choice(["before", "after"]), 2 if what is Effect.RENDITION else 1)
        if what is Effect.RELEASE:
            bench.rig.vault.delete(names.original(scenes.ends[-1][1].id))
    bench.finish()
    ends = {what: (bench.rig.row(upload).state, end) for what, upload, end in scenes.ends}
    assert all(found is wanted for found, wanted in ends.values()), ends
    for what in commands:
        command = scenes.set(what)
        bench.killed(
            what, chance.choice(["before", "after"]), chance.randint(1, 4) if what is Effect.ERASE else 1, *command
        )
        assert bench.command(*command) == 0, bench.log()
        scenes.ends = [one for one in scenes.ends if scenes.stored(one[1])]
    bench.rig.check()


def test_killed_at_any_moment_nothing_is_lost_or_doubled(bench: Bench) -> None:
    moments = random.Random(715)
    good = [bench.rig.send(RETINA + bytes(number + 1), filename="retina.jpg") for number in range(30)]
    bad = [bench.rig.send(b"Dear colleague" * (number + 1), filename="a.jpg") for number in range(5)]
    for _ in range(6):
        bench.rig.forget_leases()
        worker = bench.worker()
        time.sleep(moments.uniform(0.8, 1.8))
        children = children_of(worker.pid)
        kill(worker)
        until_gone(children)
    bench.finish()
    ends = [bench.rig.row(upload) for upload in good]
    assert [(row.state, row.reason, row.detail) for row in ends if row.state is not State.STORED] == []
    assert {bench.rig.row(upload).state for upload in bad} == {State.REJECTED}
    bench.rig.check()


def test_a_stopped_worker_ends_with_code_0_and_leaves_nothing_claimed(bench: Bench) -> None:
    for number in range(20):
        bench.rig.send(hostile.jpeg(quality=50 + number))
    worker = bench.worker()
    try:
        end = time.monotonic() + 30
        while not list(bench.rig.vault.list("uploads/")):
            assert time.monotonic() < end, bench.log()
            time.sleep(0.02)
        worker.terminate()
        assert worker.wait(30) == 0, bench.log()
    finally:
        kill(worker)
    with bench.rig.catalog.read() as tx:
        assert State.VERIFYING not in uploads.counts(tx, list(State))
    bench.finish()
    bench.rig.check()


def test_what_lay_in_the_intake_of_a_dead_worker_is_deleted_by_the_next_one(bench: Bench) -> None:
    upload = bench.rig.send(RETINA)
    worker = bench.worker("stored", "after", "1")
    try:
        assert worker.wait(60) == -signal.SIGKILL, bench.log()
    finally:
        kill(worker)
    assert bench.rig.intake.head(IntakeBlob(upload.id)) is not None
    bench.finish()
    bench.rig.check()


def kill(worker: subprocess.Popen[bytes]) -> None:
    """SIGKILL, if it still lives."""
    with suppress(ProcessLookupError):
        worker.kill()
    worker.wait(10)


def children_of(pid: int) -> list[int]:
    """The process ids of its children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def until_gone(pids: list[int]) -> None:
    """Wait until none of these processes runs: decoders go when their worker goes."""
    end = time.monotonic() + 10
    while any(runs(pid) for pid in pids):
        assert time.monotonic() < end, "a decoder outlived its worker"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
