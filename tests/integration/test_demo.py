"""``make run`` as a newcomer meets it: real processes, real emulator, real files on disk."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.ops import emulator

ROOT = Path(__file__).parents[2]
#: What a demo must never notice, however it stands in the environment of whoever starts it.
FOREIGN = {
    "AZURE_STORAGE_ACCOUNT_URL": "https://clinic.blob.core.windows.net",
    "DATABASE_URL": "postgresql://nobody:none@127.0.0.1:1/none",
    "OIDC_ISSUER": "https://id.example",
    "HTTP_PROXY": "http://127.0.0.1:1",
    "PUBLIC_URL": "https://images.clinic.example",
}


class Demo:
    """One ``python -m broker demo``; what it prints is collected while it runs."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        environ = {**os.environ, **FOREIGN, "DATA": str(data), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "broker", "demo"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def ready(self) -> None:
        self._until(lambda: "] Ready in" in self.text, 120.0)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(60)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path, headers={"Host": f"localhost:{self.port}", **headers})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def broker(self, *arguments: str) -> str:
        """Run another command beside it, which must find it by its folder alone."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
        command = [sys.executable, "-m", "broker", *arguments]
        environ["DATA"] = str(self.data)
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout

    def scans(self) -> list[dict[str, object]]:
        token = self.broker("tokens", "create", "--role", "physician", "--name", "test").strip()
        status, body = self.get("/api/v1/scans?limit=60", Authorization=f"Bearer {token}")
        assert status == 200, body
        found: list[dict[str, object]] = json.loads(body)["scans"]
        return found

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def _until(self, true: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not true():
            assert self.process.poll() is None, f"the demo ended:\n{self.text}"
            assert time.monotonic() < end, f"it did not happen in time:\n{self.text}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def demo(data: Path) -> Iterator[Demo]:
    """A demo in an empty folder, while both of its usual ports are taken by somebody else."""
    with closing(socket.socket()) as store, closing(socket.socket()) as web:
        for taken, port in ((store, 10000), (web, 0)):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind(("127.0.0.1", port))
            except OSError:
                continue  # somebody else holds it already, which serves as well
            taken.listen()
        running = Demo(data, emulator.free_port(0))
        try:
            running.ready()
            yield running
        finally:
            running.end()


def test_it_counts_its_steps_and_says_where_to_go_and_as_whom(demo: Demo) -> None:
    steps = [line[:5] for line in demo.lines if line.startswith("[")]
    assert steps == ["[4/8]", "[5/8]", "[6/8]", "[7/8]", "[8/8]"]
    for words in (f"http://localhost:{demo.port}", "technician", "physician", "admin", "Ctrl-C", "Not for patients"):
        assert words in demo.text
    assert "on port 10000," not in demo.text


def test_it_answers_and_the_samples_came_through_the_api(demo: Demo) -> None:
    assert demo.get("/livez")[0] == 200
    assert demo.get("/api/v1/health")[0] == 200
    scans = demo.scans()
    assert len(scans) >= 20
    assert {scan["eye"] for scan in scans} == {"OD", "OS"}
    assert len({json.dumps(scan["patient"], sort_keys=True) for scan in scans}) == 6
    assert any(scan["urgent"] for scan in scans)


def test_the_token_that_sent_the_samples_is_revoked(demo: Demo) -> None:
    (line,) = [line for line in demo.broker("tokens", "list").splitlines() if "Demo samples" in line]
    assert "revoked" in line


def test_it_listens_on_this_machine_only(demo: Demo) -> None:
    listening = {
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{demo.port:04X}")
    }
    assert listening == {f"0100007F:{demo.port:04X}"}


def test_strangers_names_and_forwarded_requests_are_refused(demo: Demo) -> None:
    assert demo.get("/", Host="images.clinic.example")[0] >= 400
    assert demo.get("/", **{"X-Forwarded-For": "10.0.0.7"})[0] >= 400
    assert demo.get("/", Forwarded="for=10.0.0.7")[0] >= 400


def test_what_it_keeps_is_the_owners_alone_and_its_logs_hold_no_signature(demo: Demo) -> None:
    assert stat.S_IMODE(demo.data.stat().st_mode) == 0o700
    for name in ("demo.json", "account.json"):
        assert stat.S_IMODE((demo.data / name).stat().st_mode) == 0o600
    key = json.loads((demo.data / "account.json").read_text())["key"]
    for path in (demo.data / "logs").iterdir():
        text = path.read_text(errors="replace")
        assert "sig=" not in text.replace("sig=[removed]", "")
        assert key not in text


def test_the_five_lines_are_good(demo: Demo) -> None:
    lines = demo.broker("check").splitlines()
    assert [line.split()[0] for line in lines] == ["Storage", "Catalog", "Sign-in", "Missing", "Ready"]
    assert "PROBLEM" not in "".join(lines)


def test_a_second_start_in_the_same_folder_says_so_and_ends_well(demo: Demo) -> None:
    other = Demo(demo.data, demo.port)
    assert other.process.wait(30) == 0
    assert other.end() == 0
    assert f"runs already, as process {demo.process.pid}" in other.text


def test_stopped_by_ctrl_c_in_order_and_started_again_it_still_has_everything(demo: Demo) -> None:
    before = {str(scan["id"]) for scan in demo.scans()}
    assert demo.end(signal.SIGINT) == 0
    stops = [line for line in demo.lines if line.startswith("Stopping")]
    assert stops == ["Stopping web.", "Stopping worker.", "Stopping the emulator."]
    again = Demo(demo.data, demo.port)
    try:
        again.ready()
        assert {str(scan["id"]) for scan in again.scans()} == before
        assert "[7/8] Sample patients and scans: there" in again.lines
        # Idle, it is about 3 s; here other tests share the processors.
        (seconds,) = [float(line.split()[3]) for line in again.lines if line.startswith("[8/8]")]
        assert seconds < 20
    finally:
        assert again.end(signal.SIGTERM) == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells children that their parent died")
def test_killed_hard_it_leaves_no_process_behind_and_starts_again(demo: Demo) -> None:
    assert demo.process.poll() is not None, "this test comes after the one that stops the demo"
    killed = Demo(demo.data, demo.port)
    killed.ready()
    # Azurite writes its index every 5 s and is stopped properly here as well, by the system's signal to orphans.
    assert killed.end(signal.SIGKILL) == -signal.SIGKILL
    again = Demo(demo.data, demo.port)
    try:
        again.ready()
        assert len(again.scans()) >= 20
    finally:
        assert again.end(signal.SIGTERM) == 0
