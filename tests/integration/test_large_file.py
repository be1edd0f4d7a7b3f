"""A large file is verified and promoted in little memory: 256 MiB here, 4 GiB with FULL=1, in a real worker process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from broker import names
from broker.blocks import MIB, block_id, blocks_digest, plan_for
from broker.config import SERVICE_VERSION, Config
from broker.names import INTAKE, VAULT, IntakeBlob
from broker.storage.azure import AzureStore
from broker.words import FINAL, State
from tests import catalogs, hostile
from tests.azurite import Azurite
from tests.lanes import Rig
from tests.sending import Source

ROOT = Path(__file__).parents[2]
SIZE = (4 << 30) if os.environ.get("FULL") else 256 * MIB
MOST = 600 * MIB


@pytest.mark.timeout(1800)
def test_a_large_file_is_stored_in_little_memory(tmp_path: Path) -> None:
    source = Source(SIZE, hostile.sample("topcon_fda"))
    plan = plan_for(SIZE)
    assert plan is not None
    with (
        Azurite(folder=tmp_path / "azurite") as emulator,
        BlobServiceClient.from_connection_string(emulator.connection_string, api_version=SERVICE_VERSION) as service,
    ):
        for name in (INTAKE, VAULT):
            service.create_container(name)
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "AZURE_STORAGE_CONNECTION_STRING": emulator.connection_string,
            "PUBLIC_URL": "http://localhost:8080",
            "DATA_DIR": str(tmp_path / "data"),
        }
        config = Config.from_env(environ)
        store, catalog = AzureStore(config), catalogs.fresh(config.data_dir)
        rig = Rig(tmp_path / "rig", catalog=catalog, intake=store.intake, vault=store.vault)
        rig.clock.now = datetime.now(UTC)
        digests = [hashlib.sha256(source.slice(n * plan.size, plan.length(n))).digest() for n in range(plan.count)]
        declared = {"size": SIZE, "block_size": plan.size, "digest": blocks_digest(plan, digests)}
        upload = rig.declare(b"", filename="volume.fda", **declared)
        client = service.get_blob_client(INTAKE, IntakeBlob(upload.id).name)._client.block_blob
        ids = [block_id(number, digest) for number, digest in enumerate(digests)]
        for number, name in enumerate(ids):
            piece = source.slice(number * plan.size, plan.length(number))
            client.stage_block(block_id=name, content_length=len(piece), body=piece)
        store.intake.commit(IntakeBlob(upload.id), ids)
        rig.receive(upload)
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "broker", "worker"], cwd=ROOT, env=environ, stdout=log, stderr=log
            )
        try:
            peak = peak_until(worker, lambda: rig.row(upload).state in FINAL)
        finally:
            worker.terminate()
            worker.wait(60)
        log_text = (tmp_path / "worker.log").read_text()
        assert rig.row(upload).state is State.STORED, (rig.row(upload), log_text)
        arrived = store.vault.head(names.original(upload.id))
        assert arrived is not None
        assert arrived.size == SIZE
        assert peak < MOST, f"{peak / MIB:.0f} MiB"
        print(f"{SIZE / MIB:.0f} MiB verified and promoted in {peak / MIB:.0f} MiB")
        store.close()
        catalog.close()


def peak_until(worker: subprocess.Popen[bytes], done: Callable[[], bool]) -> int:
    """The largest resident memory that the worker and all its decoders had together, in bytes, until ``done()``."""
    peak, end = 0, time.monotonic() + 1500
    while not done():
        assert worker.poll() is None
        assert time.monotonic() < end, "it does not come to an end"
        for _ in range(10):
            peak = max(peak, sum(map(resident, family(worker.pid))))
            time.sleep(0.02)
    return peak


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):
                for child in (task / "children").read_text().split():
                    found += family(int(child))
    return found


def resident(pid: int) -> int:
    """Its resident memory in bytes; 0 if it is gone."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0
