"""The container's command without a container engine: a bare environment, no home, a read-only root file system.

The last needs the right to make a mount namespace; without it the same tests run on an ordinary file system.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.ops import emulator
from tests.azurite import Azurite

ROOT = Path(__file__).parents[2]


def read_only_root(writable: Path) -> list[str]:
    """What to put before a command so that it can write below ``writable`` only; nothing where that is not allowed."""
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd / && exec "$@"'
    prefix = ["unshare", "--mount", "sh", "-c", script, str(writable)]
    try:
        allowed = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return []
    return prefix if allowed else []


class Serving:
    """One ``python -m broker serve`` against the test's emulator."""

    def __init__(self, azurite: Azurite, folder: Path) -> None:
        self.port, self.folder = emulator.free_port(0), folder
        self.home = folder / "nobody"  # does not exist, as in the image
        for name in ("data", "tmp"):
            (folder / name).mkdir()
        environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.home),
            "TMPDIR": str(folder / "tmp"),
            "AZURE_STORAGE_CONNECTION_STRING": azurite.connection_string,
            "PUBLIC_URL": f"http://localhost:{self.port}",
            "PORT": str(self.port),
            "DATA_DIR": str(folder / "data"),
        }
        self.process = subprocess.Popen(
            [*read_only_root(folder), sys.executable, "-m", "broker", "serve"],
            cwd="/",
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self.log: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.log))
        ]
        for reader in self._readers:
            reader.start()

    def until(self, word: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while not any(word in line for line in self.lines):
            assert self.process.poll() is None, "\n".join(self.lines + self.log)
            assert time.monotonic() < end, "\n".join(self.lines + self.log)
            time.sleep(0.05)

    def get(self, path: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", path, headers={"Host": f"localhost:{self.port}"})
            return connection.getresponse().status

    def healthy(self, seconds: float = 30.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.get("/api/v1/health") == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.1)
        return False

    def children(self) -> dict[str, int]:
        """Its two children by name."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")[-1]: int(pid) for pid in pids}

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(60)
        for reader in self._readers:
            reader.join(10)
        return code

    def _read(self, stream: object, lines: list[str]) -> None:
        with stream as open_stream:  # type: ignore[attr-defined]
            for line in open_stream:
                lines.append(line.rstrip())


@pytest.fixture(scope="module")
def serving(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    running = Serving(azurite, tmp_path_factory.mktemp("serve"))
    try:
        running.until("Ready")
        yield running
    finally:
        if running.process.poll() is None:
            running.end()


def test_it_says_in_five_lines_how_things_stand(serving: Serving) -> None:
    assert [line.split()[0] for line in serving.lines[:5]] == ["Storage", "Catalog", "Sign-in", "Missing", "Ready"]
    assert "PROBLEM" not in "".join(serving.lines[:5])
    assert "/invite?token=" in serving.lines[2]
    assert "managed identity" in serving.lines[3]
    assert serving.lines[4].split() == ["Ready", f"http://localhost:{serving.port}"]


def test_it_is_alive_and_becomes_healthy(serving: Serving) -> None:
    assert serving.get("/livez") == 200
    assert serving.healthy()


def test_it_writes_only_where_it_may(serving: Serving) -> None:
    assert {path.name for path in serving.folder.iterdir()} == {"data", "tmp"}


def test_its_log_is_json_and_holds_neither_key_nor_invitation(serving: Serving, azurite: Azurite) -> None:
    assert serving.log
    assert all(line.startswith("{") for line in serving.log), serving.log
    text = "\n".join(serving.log)
    assert azurite.key not in text
    assert serving.lines[2].partition("token=")[2] not in text


@pytest.mark.parametrize("name", ["web", "worker"])
def test_a_child_that_is_killed_is_started_again(serving: Serving, name: str) -> None:
    before = serving.children()
    os.kill(before[name], signal.SIGKILL)
    serving.until(f"{name} ended (signal SIGKILL)")
    end = time.monotonic() + 30
    while serving.children().get(name) in (None, before[name]):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert serving.healthy()


def test_sigterm_ends_web_then_worker_and_the_whole_with_0(serving: Serving) -> None:
    assert serving.end() == 0
    assert [line for line in serving.lines if line.startswith("Stopping")] == ["Stopping web.", "Stopping worker."]
