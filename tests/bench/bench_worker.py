"""What checking costs: how long a lone file takes from ``complete`` to ``stored``, and the CPU of many.

Run as ``python -m tests.bench.bench_worker``. A real worker process, the real emulator, SQLite on disk, JPEGs of about
4 MiB. Beside it the bare library calls in a loop: decode, resize, encode the same renditions. Then a rebuild of 2,000
uploads (10,000 with ``FULL=1``) beside a bare loop that lists and gets with as many threads. Exits 1 if a limit is
missed.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from azure.storage.blob import BlobServiceClient
from PIL import Image

from broker import names
from broker.blocks import MIB
from broker.catalog import leases, tables
from broker.catalog.uploads import Upload
from broker.config import SERVICE_VERSION, Config
from broker.ids import new_id
from broker.ingest import manifest as manifests
from broker.ingest.describe import Found, describe
from broker.ingest.manifest import Made
from broker.names import INTAKE, VAULT, Rendition, VaultBlob
from broker.ops.rebuild import index
from broker.ops.vaulted import READERS
from broker.storage.azure import AzureStore
from broker.words import State
from tests import catalogs
from tests.azurite import Azurite
from tests.lanes import JPEG, ZONE, Rig

ROOT = Path(__file__).parents[2]
RETINA = ROOT / "assets" / "samples" / "retina.jpg"
LONE, MANY = 15, 40
INDEXED = 10_000 if os.environ.get("FULL") else 2_000
MOST_SECONDS, LEAST_OF_BARE, LEAST_OF_BARE_LOOP = 1.0, 0.7, 0.7


class Bench:
    """Emulator, catalog, store and the worker process."""

    def __init__(self, folder: Path, emulator: Azurite, service: BlobServiceClient) -> None:
        for name in (INTAKE, VAULT):
            service.create_container(name)
        self.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
            "PUBLIC_URL": "http://localhost:8080",
            "DATA_DIR": str(folder / "data"),
            "LOG_LEVEL": "WARNING",
        }
        config = Config.from_env(self.environ)
        self.store = AzureStore(config)
        self.folder = folder
        self.rig = Rig(
            folder / "rig",
            catalog=catalogs.fresh(config.data_dir),
            intake=self.store.intake,
            vault=self.store.vault,
            arrive=lambda blob, data: service.get_blob_client(INTAKE, blob.name).upload_blob(data),
        )
        self.rig.clock.now = datetime.now(UTC)

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker and wait until it lives and its decoders had time to start."""
        with self.rig.catalog.write() as tx:
            tx.execute(tables.marks.delete().where(tables.marks.c.name == "worker"))
        worker = subprocess.Popen([sys.executable, "-m", "broker", "worker"], cwd=ROOT, env=self.environ)
        while not self._lives():
            time.sleep(0.05)
        time.sleep(2.0)
        return worker

    def _lives(self) -> bool:
        with self.rig.catalog.read() as tx:
            return leases.marked(tx, "worker") is not None

    def stored(self, sent: list[Upload]) -> bool:
        """Say whether all of these are stored."""
        states = {self.rig.row(upload).state for upload in sent}
        assert states <= {State.RECEIVED, State.VERIFYING, State.STORED}, states
        return states == {State.STORED}


def main() -> int:
    """Measure, print a table, and say whether the limits hold."""
    pictures = [picture(seed) for seed in range(4)]
    with (
        tempfile.TemporaryDirectory(prefix="bench-worker-") as name,
        Azurite() as emulator,
        BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION) as service,
    ):
        bench = Bench(Path(name), emulator, service)
        idle = cpu_of(bench, [])
        lone = measure_lone(bench, pictures)
        wall, used = measure_many(bench, pictures)
        bare = measure_bare(pictures)
        rebuilt, looped = measure_rebuild(bench)
    each = (used - idle) / MANY
    row("size of a file", f"{statistics.mean(map(len, pictures)) / MIB:10.1f} MiB")
    row("complete to stored, lone file, median", f"{statistics.median(lone):10.3f} s (at most {MOST_SECONDS})")
    row("complete to stored, lone file, worst", f"{max(lone):10.3f} s of {LONE}")
    row("many at once, wall clock", f"{MANY / wall:10.1f} files/s (with the emulator on the same cores)")
    row("worker and decoders", f"{1 / each:10.1f} files/s per core")
    row("bare decode, resize, encode", f"{1 / bare:10.1f} files/s per core")
    row("ratio", f"{bare / each:10.2f} (at least {LEAST_OF_BARE})")
    row(f"rebuild of {INDEXED} uploads", f"{rebuilt:10.1f} s")
    row("bare list and get, as many threads", f"{looped:10.1f} s")
    row("ratio", f"{looped / rebuilt:10.2f} (at least {LEAST_OF_BARE_LOOP})")
    good = statistics.median(lone) < MOST_SECONDS and bare / each >= LEAST_OF_BARE
    return 0 if good and looped / rebuilt >= LEAST_OF_BARE_LOOP else 1


def picture(seed: int) -> bytes:
    """A fundus photograph of 3,000 x 3,000 pixels with a camera's noise, as a JPEG of about 4 MiB."""
    with Image.open(RETINA) as image:
        large = np.asarray(image.resize((3000, 3000), Image.Resampling.BICUBIC), np.int16)
    noise = np.random.default_rng(seed).normal(0, 10, large.shape)
    out = io.BytesIO()
    Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=95)
    return out.getvalue()


def measure_lone(bench: Bench, pictures: list[bytes]) -> list[float]:
    """Seconds from ``complete`` to ``stored`` of one file at a time, the worker idle before each."""
    worker, times = bench.start(), []
    try:
        for number in range(LONE):
            time.sleep(0.1 + 0.037 * number % 0.25)  # the worker must not be met at the same moment of its pause
            upload = bench.rig.declare(unique(pictures[number % 4], number))
            bench.rig.arrive(names.IntakeBlob(upload.id), unique(pictures[number % 4], number))
            began = time.perf_counter()
            bench.rig.receive(upload)
            until(lambda upload=upload: bench.stored([upload]))  # type: ignore[misc]
            times.append(time.perf_counter() - began)
    finally:
        stop(worker)
    return times


def measure_many(bench: Bench, pictures: list[bytes]) -> tuple[float, float]:
    """Wall-clock seconds and CPU seconds of the worker with all its decoders for ``MANY`` files that wait already."""
    sent = [bench.rig.declare(unique(pictures[number % 4], 100 + number)) for number in range(MANY)]
    for number, upload in enumerate(sent):
        bench.rig.arrive(names.IntakeBlob(upload.id), unique(pictures[number % 4], 100 + number))
    began: list[datetime] = []

    def receive() -> None:
        began.append(datetime.now(UTC))
        for upload in sent:
            bench.rig.receive(upload)

    used = cpu_of(bench, sent, receive)
    ended = [at for upload in sent if (at := bench.rig.row(upload).ended_at)]
    return (max(ended) - began[0]).total_seconds(), used


def measure_bare(pictures: list[bytes]) -> float:
    """CPU seconds a file of the bare library calls: decode, and make the same three renditions."""
    began = time.process_time()
    for number in range(8):
        with Image.open(io.BytesIO(pictures[number % 4])) as opened:
            opened.load()
            display = opened.copy()
            display.thumbnail((1600, 1600), Image.Resampling.LANCZOS)
            display.save(io.BytesIO(), "JPEG", quality=90, subsampling=0)
            small = opened.copy()
            small.thumbnail((384, 384), Image.Resampling.LANCZOS)
            small.save(io.BytesIO(), "WEBP", quality=80)
            tiny = opened.copy()
            tiny.thumbnail((16, 16), Image.Resampling.LANCZOS)
            tiny.save(io.BytesIO(), "WEBP", quality=50)
    return (time.process_time() - began) / 8


def measure_rebuild(bench: Bench) -> tuple[float, float]:
    """Seconds of a rebuild into an empty catalog, and of a bare loop over the same vault."""
    bench.rig.publisher.publish()
    template = bench.rig.declare(b"x" * 100)
    with ThreadPoolExecutor(READERS) as pool:
        for _ in pool.map(lambda _: put_upload(bench, template), range(INDEXED)):
            pass
    rebuilt, looped = [], []
    for number in range(3):
        empty = catalogs.fresh(bench.folder / f"empty-{number}")
        looped.append(timed(lambda: list_and_get(bench)))
        rebuilt.append(timed(lambda empty=empty: index(empty, bench.store.vault, lambda line: None)))  # type: ignore[misc]
        empty.close()
    return statistics.median(rebuilt), statistics.median(looped)


def put_upload(bench: Bench, template: Upload) -> None:
    """Put one stored upload with two renditions into the vault, without a worker."""
    now = datetime.now(UTC)
    upload = replace(template, id=new_id(now), batch_id=new_id(now))
    made = {
        Rendition.THUMBNAIL: Made(media_type="image/webp", bytes=10, width=40, height=30),
        Rendition.DISPLAY: Made(media_type="image/jpeg", bytes=10, width=40, height=30),
    }
    found = Found(sha256="0" * 64, verdict=JPEG, renditions=[made])
    manifest = describe(upload, bench.rig.patient, found, zone=ZONE, stored_at=now)
    for blob, size in manifests.blobs(manifest).items():
        bench.store.vault.put(blob, b"x" * size, "application/octet-stream")
    bench.store.vault.put(names.manifest(upload.id), manifests.write(manifest), manifests.MEDIA_TYPE)


def list_and_get(bench: Bench) -> None:
    """List the vault and get every manifest, and nothing more."""
    vault = bench.store.vault
    for prefix in ("patients/", "scans/"):
        assert sum(1 for _ in vault.list(prefix))
    wanted = [VaultBlob(listed.name) for listed in vault.list("uploads/") if listed.name.endswith("manifest.json")]
    with ThreadPoolExecutor(READERS) as pool:
        assert all(pool.map(lambda blob: vault.get(blob, manifests.LIMIT), wanted))


def cpu_of(bench: Bench, sent: list[Upload], begin: Callable[[], None] = lambda: None) -> float:
    """CPU seconds of a worker with all its decoders, from its start to its stop, ``begin`` and ``sent`` in between."""
    worker = bench.start()
    begin()
    if sent:
        until(lambda: bench.stored(sent))
    worker.terminate()
    _, status, usage = os.wait4(worker.pid, 0)
    worker.returncode = os.waitstatus_to_exitcode(status)
    assert worker.returncode == 0
    return usage.ru_utime + usage.ru_stime


def stop(worker: subprocess.Popen[bytes]) -> None:
    """Stop it cleanly."""
    worker.terminate()
    assert worker.wait(60) == 0


def unique(data: bytes, number: int) -> bytes:
    """The same picture as another file: zeros behind its end are padding, as cameras add."""
    return data + bytes(number + 1)


def until(condition: Callable[[], bool]) -> None:
    """Wait, without taking much from the two cores."""
    end = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < end, "it does not come to an end"
        time.sleep(0.01)


def timed(act: Callable[[], object]) -> float:
    """Seconds that ``act`` takes."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def row(what: str, value: str) -> None:
    """Print one line of the table."""
    print(f"{what:<44}{value}")


if __name__ == "__main__":
    sys.exit(main())
