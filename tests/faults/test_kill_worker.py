"""A real worker process is killed by SIGKILL, again and again, and nothing is lost, doubled or left lying about.

The process under test is ``python -m broker worker``; some of them carry a hook that kills them at one crash point.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from broker.catalog import leases, tables, uploads
from broker.catalog.uploads import Upload
from broker.config import SERVICE_VERSION, Config
from broker.ingest.crashpoint import Effect
from broker.names import INTAKE, VAULT, IntakeBlob
from broker.storage.azure import AzureStore
from broker.words import State
from tests import catalogs, hostile
from tests.azurite import Azurite
from tests.lanes import Rig

ROOT = Path(__file__).parents[2]
RETINA = (ROOT / "assets" / "samples" / "retina.jpg").read_bytes()
POINTS = [
    (Effect.CLAIM, "after"),
    (Effect.SPOOL, "before"),
    (Effect.SPOOL, "after"),
    (Effect.ORIGINAL, "after"),
    (Effect.RENDITION, "after"),
    (Effect.MANIFEST, "before"),
    (Effect.MANIFEST, "after"),
    (Effect.STORED, "before"),
    (Effect.STORED, "after"),
    (Effect.INTAKE_DELETE, "after"),
]
KILLED = """
import os, signal, sys
from broker import cli
from broker.ingest import crashpoint
def hook(what, moment):
    if (what, moment) == (sys.argv[1], sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
crashpoint.install(hook)
sys.exit(cli.main(["worker"]))
"""


class Bench:
    """Emulator, catalog and files, and the processes that are let loose on them."""

    def __init__(self, folder: Path, emulator: Azurite, service: BlobServiceClient) -> None:
        self.folder = folder
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
        """Start a worker, or one that kills itself at ``point``."""
        command = ["-c", KILLED, *point] if point else ["-m", "broker", "worker"]
        with (self.folder / "worker.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self.environ, stdout=log, stderr=subprocess.STDOUT
            )

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


def test_killed_at_each_point_of_a_promotion_nothing_is_lost_or_doubled(bench: Bench) -> None:
    sent: list[Upload] = []
    for point in POINTS:
        # The leases of those before have not run out, so each worker meets its own file.
        sent.append(bench.rig.send(RETINA + bytes(len(sent) + 1), filename="retina.jpg"))
        worker = bench.worker(*point)
        try:
            assert worker.wait(60) == -signal.SIGKILL, bench.log()
        finally:
            kill(worker)
    bench.finish()
    assert [bench.rig.row(upload).state for upload in sent] == [State.STORED] * len(POINTS)
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
    assert {bench.rig.row(upload).state for upload in good} == {State.STORED}
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
    worker = bench.worker("stored", "after")
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
