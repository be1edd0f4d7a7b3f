"""What one uploaded file costs the web process, beside a plain Flask proxy that streams the form to the SDK.

Run: python -m tests.bench.bench_uploads. Exits 1 if image bytes pass the broker's web process.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import AF_INET, SOCK_STREAM, socket
from urllib.parse import urlsplit
from uuid import uuid4

from tests.sending import Source, declaration, send
from tests.stack import Stack, free_port

MIB = 1 << 20
SIZES = [MIB, 32 * MIB, 1024 * MIB]
#: What the web process may exchange for one file, whatever its size; memory may grow by as much as noise.
MOST_BYTES = MIB
MOST_GROWTH = 48 * MIB

PROXY = """
    import os
    from flask import Flask, request
    from azure.storage.blob import BlobServiceClient
    app = Flask(__name__)
    service = BlobServiceClient.from_connection_string(os.environ["STORE"], api_version="2026-06-06")

    @app.put("/<name>")
    def take(name):
        blob = service.get_blob_client("intake", name)
        blob.upload_blob(request.stream, length=request.content_length, max_concurrency=1)
        return "", 201
"""


@dataclass
class Cost:
    """Of one file: seconds, CPU seconds and bytes of the web process, and growth of its memory in bytes."""

    seconds: float
    cpu: float
    bytes: int
    growth: int


def main() -> int:
    """Measure both, print the table, say whether the limits hold."""
    with tempfile.TemporaryDirectory() as folder:
        relay = Relay()
        with Stack(Path(folder), worker=False) as stack:
            broker = list(measure_broker(stack, relay))
            proxy = list(measure_proxy(stack, relay, Path(folder)))
    print(f"{'file':>10} {'':8} {'seconds':>8} {'web CPU s':>10} {'web bytes':>14} {'web memory +':>14}")
    for size, ours, theirs in zip(SIZES, broker, proxy, strict=True):
        for name, cost in (("broker", ours), ("proxy", theirs)):
            print(
                f"{size // MIB:>6} MiB {name:8} {cost.seconds:8.2f} {cost.cpu:10.3f} {cost.bytes:14,}"
                f" {cost.growth / MIB:10.1f} MiB"
            )
    good = all(cost.bytes <= MOST_BYTES and cost.growth <= MOST_GROWTH for cost in broker)
    print("image bytes never pass the web process" if good else "LIMIT MISSED: image bytes pass the web process")
    return 0 if good else 1


def measure_broker(stack: Stack, relay: Relay) -> Iterator[Cost]:
    """Send files of each size through the broker, its way to the store led through a counting relay."""
    relay.start(urlsplit(stack.azurite.url).netloc)
    direct = stack.azurite.connection_string
    stack._settings |= {
        "AZURE_STORAGE_CONNECTION_STRING": direct.replace(urlsplit(stack.azurite.url).netloc, relay.address),
        "BLOB_PUBLIC_URL": stack.azurite.url,
    }
    stack.web.stop()
    stack.web.environ = stack.environ
    stack.web.start()
    stack.wait_ready()
    api = stack.api()
    patient = api.post("/patients", {"mrn": "1", "name": "Ada Example", "birth_date": "1957-03-21"})["id"]
    for number, size in enumerate([MIB, *SIZES]):  # the first warms up
        source = Source(size, dicom_head(size))
        body = declaration(str(uuid4()), patient, ("volume.dcm", source))
        before = Sample.of(stack.web.pid), api.bytes + relay.bytes, time.perf_counter()
        offer = api.post("/uploads", body)["uploads"][0]
        send(offer["grant"], source)
        item = {"id": offer["id"], "digest": source.digest()}
        done = api.post("/uploads/complete", {"items": [item]})["uploads"][0]
        assert done["state"] == "received", done
        cost = spent(stack.web.pid, before, api.bytes + relay.bytes)
        if number:
            yield cost
    relay.stop()


def measure_proxy(stack: Stack, relay: Relay, folder: Path) -> Iterator[Cost]:
    """Send the same sizes through a Flask process that hands the stream to the SDK."""
    port = free_port()
    (folder / "proxy.py").write_text(textwrap.dedent(PROXY))
    relay.start(urlsplit(stack.azurite.url).netloc)
    store = stack.azurite.connection_string.replace(urlsplit(stack.azurite.url).netloc, relay.address)
    command = ["gunicorn", "-k", "gthread", "-w", "1", "--threads", "8", "-b", f"127.0.0.1:{port}", "-t", "600"]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--no-control-socket", "proxy:app"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "STORE": store, "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_port(port)
        for number, size in enumerate([MIB, *SIZES]):
            source = Source(size, dicom_head(size))
            before = Sample.of(process.pid), relay.bytes, time.perf_counter()
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
            connection.request("PUT", f"/proxy-{number}", source.pieces(MIB), {"Content-Length": str(size)})
            response = connection.getresponse()
            assert response.status == 201, response.read()[:300]
            connection.close()
            cost = spent(process.pid, before, relay.bytes + size)
            if number:
                yield cost
    finally:
        process.terminate()
        process.wait(20)
        relay.stop()


@dataclass
class Sample:
    """CPU seconds and resident bytes of a process and everything below it."""

    cpu: float
    memory: int

    @classmethod
    def of(cls, pid: int) -> Sample:
        ticks = os.sysconf("SC_CLK_TCK")
        cpu = memory = 0
        for one in family(pid):
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            cpu += int(fields[11]) + int(fields[12])
            memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        return cls(cpu / ticks, memory)


def spent(pid: int, before: tuple[Sample, int, float], bytes_now: int) -> Cost:
    """The difference to ``before``."""
    now = Sample.of(pid)
    return Cost(
        time.perf_counter() - before[2],
        now.cpu - before[0].cpu,
        bytes_now - before[1],
        max(0, now.memory - before[0].memory),
    )


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def dicom_head(size: int) -> bytes:
    """The start of an uncompressed multi-frame DICOM file; the zeros behind it are its frames."""
    return (b"\0" * 128 + b"DICM")[:size]


def wait_port(port: int) -> None:
    """Wait until somebody listens."""
    end = time.monotonic() + 30
    while True:
        try:
            with socket(AF_INET, SOCK_STREAM) as probe:
                probe.connect(("127.0.0.1", port))
                return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


class Relay:
    """A TCP relay that counts what passes, in both directions."""

    def __init__(self) -> None:
        self.bytes = 0
        self.address = ""
        self._server: socket | None = None

    def start(self, target: str) -> None:
        """Listen on a free port, lead every connection to ``target``."""
        self.bytes = 0
        host, port = target.split(":")
        self._server = server = socket(AF_INET, SOCK_STREAM)
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        self.address = f"127.0.0.1:{server.getsockname()[1]}"

        def accept() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                far = socket(AF_INET, SOCK_STREAM)
                far.connect((host, int(port)))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server:
            self._server.close()

    def _pump(self, source: socket, sink: socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self.bytes += len(data)
                sink.sendall(data)
        except OSError:
            pass
        finally:
            sink.close()


if __name__ == "__main__":
    raise SystemExit(main())
