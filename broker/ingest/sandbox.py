"""The sandbox, seen from the worker: hand in a file, get a verdict; whatever the file does, nothing is raised.

One zygote process (``child.py``) lives as long as the sandbox and forks a walled-in child for each file. A child that
crashes, runs out of memory or CPU time, or does not come to an end is the verdict DECODER_DIED. A zygote that is gone
is started again and the file tried once more. One file at a time: a worker that checks several has several sandboxes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..filetypes import ending
from .jail import Strength
from .verdict import BadReport, RenditionFile, ScanFacts, Verdict, died, read_report

__all__ = ["Limits", "RenditionFile", "Sandbox", "SandboxUnavailable", "ScanFacts", "Strength", "Verdict"]

REPORT_BYTES = 1 << 20
START_SECONDS = 30.0
#: How long a child that has reported may take to be gone.
END_SECONDS = 5.0

#: glibc's malloc gives buffers of a picture's size back to the kernel and asks for them again, frame after frame: a
#: sixth of a volume's time went into that. The child keeps them; it is gone after its file. Others' mallocs ignore it.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(256 << 20)}

# The package is entered by the side door: its __init__ builds the web application, of which a decoder needs nothing.
START = """
import sys, types
package = types.ModuleType("broker")
package.__path__ = [sys.argv[1]]
sys.modules["broker"] = package
from broker.ingest.child import main
main(int(sys.argv[2]))
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a decoder may use: bytes of memory and of output, seconds, and what a picture may claim.

    Both times grow by one second for each 8 MiB of the file.
    """

    memory_bytes: int = 3 << 29
    cpu_seconds: int = 30
    wall_seconds: int = 30
    file_bytes: int = 512 << 20
    pixels: int = 100_000_000
    samples: int = 600_000_000


class SandboxUnavailable(Exception):
    """No decoder process can be started here: a fault of the machine, no verdict on any file."""


class _Gone(Exception):
    """The zygote ended."""


class _Overdue(Exception):
    """A deadline passed."""


class Sandbox:
    """Examines files, each in a child of its own. Use it as a context, or call ``stop``."""

    def __init__(self, limits: Limits = Limits(), *, start_code: str = START) -> None:
        self.limits = limits
        #: The largest memory any child has taken so far, in bytes.
        self.peak_bytes = 0
        self._start_code = start_code
        self._zygote: _Zygote | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start the zygote, unless it runs. Raises SandboxUnavailable."""
        with self._lock:
            self._running()

    def stop(self) -> None:
        """End the zygote and whatever runs in it."""
        with self._lock:
            self._drop()

    def strength(self) -> Strength:
        """Say which walls hold here: they were tried from inside. Starts the zygote if need be."""
        with self._lock:
            return self._running().strength

    def examine(self, spool: Path, out: Path, *, filename: str) -> Verdict:
        """Verify and render the file at ``spool``; its renditions become files in the directory ``out``.

        Of ``filename`` only the ending is used, to compare it with the contents.

        Raises:
            SandboxUnavailable: no decoder can be started. Never for anything in the file.
            OSError: ``spool`` cannot be opened, or ``out`` cannot be written.
        """
        with self._lock, open(spool, "rb", buffering=0) as file, tempfile.TemporaryFile(dir=out) as pack:
            for _ in range(2):
                try:
                    raw, status = self._ask(file.fileno(), pack.fileno(), ending(filename))
                except _Gone:
                    self._drop()
                    os.ftruncate(pack.fileno(), 0)
                    os.lseek(pack.fileno(), 0, os.SEEK_SET)
                except _Overdue as overdue:
                    self._drop()
                    return died(str(overdue))
                else:
                    return _judge(raw, status, pack.fileno(), out)
            return died("the sandbox ended twice")

    def _ask(self, spool: int, pack: int, file_ending: str) -> tuple[bytes, int]:
        """The child's report and wait status. Raises _Gone, _Overdue."""
        limits, more = self.limits, os.fstat(spool).st_size >> 23
        deadline = time.monotonic() + limits.wall_seconds + more
        order = {"ending": file_ending[:16], "memory": limits.memory_bytes, "cpu_seconds": limits.cpu_seconds + more}
        order |= {name: asdict(limits)[name] for name in ("file_bytes", "pixels", "samples")}
        zygote = self._running()
        raw = zygote.order(order, spool, pack, deadline)
        answer = zygote.hear(max(deadline, time.monotonic() + END_SECONDS))
        self.peak_bytes = max(self.peak_bytes, answer["peak"])
        return raw, answer["status"]

    def _running(self) -> _Zygote:
        if self._zygote is None or not self._zygote.alive():
            self._drop()
            self._zygote = _Zygote(self._start_code)
        return self._zygote

    def _drop(self) -> None:
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote = None


def _judge(raw: bytes, status: int, pack: int, out: Path) -> Verdict:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return died(f"killed by {signal.Signals(-code).name}")
    if code > 0:
        return died(f"exit code {code}")
    try:
        return read_report(raw, pack, out)
    except BadReport as bad:
        return died(f"report not in the right form: {bad}")


class _Zygote:
    """The running parent of all decoders, and the socket to it."""

    def __init__(self, start_code: str) -> None:
        ours, theirs = socket.socketpair()
        package = str(Path(__file__).resolve().parent.parent)
        command = [sys.executable, "-I", "-B", "-c", start_code, package, str(theirs.fileno())]
        self._control = ours
        self._rest = b""
        try:
            self._process = subprocess.Popen(
                command,
                env=MALLOC,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        except OSError as fault:
            ours.close()
            raise SandboxUnavailable(f"no process: {fault.strerror}") from fault
        finally:
            theirs.close()
        try:
            self.strength = Strength(**self.hear(time.monotonic() + START_SECONDS))
        except (_Gone, _Overdue, TypeError) as fault:
            self.kill()
            raise SandboxUnavailable("the decoder process does not start") from fault

    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End it and its child: they are a session, and so a process group, of their own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._control.close()

    def order(self, order: dict[str, Any], spool: int, pack: int, deadline: float) -> bytes:
        """Have a child examine ``spool``; its whole report. Raises _Gone, _Overdue."""
        reading, writing = os.pipe()
        try:
            try:
                socket.send_fds(self._control, [json.dumps(order).encode()], [spool, pack, writing])
            except OSError as fault:
                raise _Gone from fault
            finally:
                os.close(writing)
            return self._report(reading, deadline)
        finally:
            os.close(reading)

    def hear(self, deadline: float) -> dict[str, Any]:
        """The next line from the zygote. Raises _Gone, _Overdue."""
        while b"\n" not in self._rest:
            _wait(self._control.fileno(), deadline)
            try:
                piece = self._control.recv(4096)
            except OSError as fault:
                raise _Gone from fault
            if not piece:
                raise _Gone
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        answer = json.loads(line)
        return answer if isinstance(answer, dict) else {}

    def _report(self, reading: int, deadline: float) -> bytes:
        raw = b""
        while len(raw) <= REPORT_BYTES:
            _wait(reading, deadline)
            piece = os.read(reading, 1 << 16)
            if not piece:
                return raw
            raw += piece
        raise _Overdue("the report does not end")


def _wait(descriptor: int, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([descriptor], [], [], left)[0]:
        raise _Overdue("no answer within its time")
