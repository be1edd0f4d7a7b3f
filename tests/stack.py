"""The whole service as real processes: the emulator, web, worker; for browser, fault and bench runs.

    with Stack(folder) as stack:
        stack.url, stack.token("technician"), stack.api("technician").post("/patients", {...})

Nothing is mocked: the processes are started by the same command line that operators use.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests import canaries
from tests.azurite import Azurite

ROOT = Path(__file__).parents[1]
_READY_SECONDS = 60.0
_STOP_SECONDS = 40.0


class Process:
    """One ``python -m broker COMMAND`` with its log; killed at the end of the test whatever happened."""

    def __init__(self, command: str, environ: dict[str, str], log: Path) -> None:
        self.command, self.environ, self.log = command, environ, log
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, in a process group of its own."""
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "broker", *self.command.split()],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        assert self.popen is not None, f"{self.command} was not started"
        return self.popen.pid

    def kill(self) -> None:
        """SIGKILL to the process and everything it started."""
        if self.popen is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait(10)
            self.popen = None

    def stop(self) -> int:
        """SIGTERM, and wait until it is gone; gives its exit code."""
        if self.popen is None:
            return 0
        self.popen.terminate()
        try:
            code = self.popen.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not stop:\n{self.tail()}") from None
        self.popen = None
        return code

    def tail(self) -> str:
        """The end of its log."""
        if not self.log.exists():
            return ""
        return self.log.read_text(errors="replace")[-4000:]


class Api:
    """A client of ``/api/v1`` with one role's bearer token. It counts the bytes it exchanges with the web process."""

    def __init__(self, url: str, token: str) -> None:
        self._address, self._token = urlsplit(url).netloc, token
        self._connection: http.client.HTTPConnection | None = None
        self.bytes = 0

    def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Make one call; gives status and decoded JSON (None where there is none)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        kept, self._connection = self._connection, None
        connection = kept or http.client.HTTPConnection(self._address, timeout=60)
        try:
            connection.request(method, f"/api/v1{path}", data, headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            if kept is None:
                raise
            # A kept connection may have been closed for idleness; every call may be repeated.
            return self.call(method, path, body)
        self._connection = connection
        self.bytes += len(data or b"") + len(text) + 1000  # headers both ways, rounded up
        return response.status, json.loads(text) if text else None

    def close(self) -> None:
        """Close the kept connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Any:
        """GET that must succeed."""
        return self._good(*self.call("GET", path))

    def post(self, path: str, body: object) -> Any:
        """POST that must succeed."""
        return self._good(*self.call("POST", path, body))

    @staticmethod
    def _good(status: int, answer: Any) -> Any:
        assert 200 <= status < 300, (status, answer)
        return answer


class Stack:
    """Emulator, web and worker in ``folder``; ``database_url`` for PostgreSQL instead of SQLite."""

    def __init__(self, folder: Path, *, database_url: str = "", worker: bool = True, **settings: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        canaries.watch(folder)
        self.azurite = Azurite(folder=folder / "azurite")
        canaries.planted(self.azurite.key)
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self._with_worker = worker
        self._database_url = database_url
        self._settings = settings
        self._tokens: dict[str, str] = {}
        self._apis: list[Api] = []
        self.web = Process("web", {}, folder / "web.log")
        self.worker = Process("worker", {}, folder / "worker.log")

    @property
    def environ(self) -> dict[str, str]:
        """The processes' whole environment."""
        values = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "AZURE_STORAGE_CONNECTION_STRING": self.azurite.connection_string,
            "PUBLIC_URL": self.url,
            "PORT": str(self.port),
            "DATA_DIR": str(self.folder / "data"),
        }
        if self._database_url:
            values["DATABASE_URL"] = self._database_url
        return values | self._settings

    def __enter__(self) -> Self:
        self.azurite.start()
        self.web.environ = self.worker.environ = self.environ
        try:
            self.run("setup")
            self.web.start()
            self.worker.start()  # in any case: a new catalog is ready when a worker has looked into the vault
            self.wait_ready()
            if not self._with_worker:
                self.worker.stop()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for api in self._apis:
            api.close()
        for process in (self.web, self.worker):
            process.kill()
        self.azurite.stop()

    def run(self, command: str) -> str:
        """Run one command to its end and give what it printed."""
        done = run_command(command, self.environ)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def token(self, role: str) -> str:
        """A bearer token for ``role``, made once."""
        if role not in self._tokens:
            printed = self.run(f"tokens create --role {role} --name test-{role}")
            self._tokens[role] = next(word for word in printed.split() if word.startswith("ois_"))
        return self._tokens[role]

    def api(self, role: str = "technician") -> Api:
        """A client with a role's token."""
        self._apis.append(Api(self.url, self.token(role)))
        return self._apis[-1]

    def wait_ready(self) -> None:
        """Wait until ``/api/v1/health`` answers 200."""
        end = time.monotonic() + _READY_SECONDS
        while time.monotonic() < end:
            try:
                connection = http.client.HTTPConnection("localhost", self.port, timeout=5)
                connection.request("GET", "/api/v1/health")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                pass
            finally:
                connection.close()
            time.sleep(0.1)
        raise AssertionError(f"not ready after {_READY_SECONDS} s\n{self.web.tail()}\n{self.worker.tail()}")


def run_command(command: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -m broker COMMAND`` to its end, at most two minutes, with this as its whole environment."""
    return subprocess.run(
        [sys.executable, "-m", "broker", *command.split()],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
