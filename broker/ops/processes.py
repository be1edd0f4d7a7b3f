"""Children: start them, notice when one ends, stop them in order by SIGTERM and wait.

Used by ``serve`` (web, worker) and by the demo (web, worker, emulator). A child that ends by itself is started again
after a pause that grows; one that says its settings cannot be used (78) ends the whole.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

#: sysexits.h EX_CONFIG: starting it again would not help.
EX_CONFIG = 78
#: prctl(2)
_PR_SET_PDEATHSIG = 1
_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY = 1.0, 30.0, 60.0


def own(name: str, environ: Mapping[str, str], log: Path | None = None) -> Child:
    """One of our own commands as a child; stopped by SIGTERM, it has half a minute to end what it is doing."""
    return Child(name, [sys.executable, "-m", "broker", name], environ=environ, log=log)


@dataclass(slots=True)
class Child:
    """One process and how to start it again.

    ``patience``: seconds from SIGTERM to SIGKILL. ``keep_open``: file descriptors that it inherits.
    """

    name: str
    command: list[str]
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    log: Path | None = None
    patience: float = 30.0
    keep_open: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _FIRST_PAUSE
    again_at: float | None = None

    def start(self) -> None:
        """Start the process in a session of its own, so that Ctrl-C reaches it through us only, in order."""
        self.again_at, self.started = None, time.monotonic()
        log = self.log.open("ab") if self.log else None
        try:
            self.process = subprocess.Popen(
                self.command,
                env=None if self.environ is None else dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
                pass_fds=self.keep_open,
                preexec_fn=_DIE_WITH_PARENT,
            )
        finally:
            if log:
                log.close()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Send SIGTERM and wait; after ``patience`` seconds SIGKILL. Nothing happens if it does not run."""
        self.again_at = None
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def tail(self, lines: int = 15) -> str:
        """The end of its log, for a message about why it ended."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


class Stopped(BaseException):
    """SIGTERM, SIGINT or SIGHUP arrived. Not an Exception: nothing but the end of the run may catch it."""


class Family:
    """Several children; they are stopped in the order in which they stand here."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []
        self._stopping = False

    def __enter__(self) -> Family:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # What nohup told us to ignore stays ignored; a shell's background job must still end by SIGINT.
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        for child in self._children:
            if child.running:
                self._say(f"Stopping {child.name}.")
            child.stop()

    def add(self, child: Child, *, first: bool = False, after: Child | None = None) -> Child:
        """Start ``child`` and look after it. It is stopped last, or ``first``, or next ``after`` another one."""
        last = 0 if first else len(self._children)
        self._children.insert(last if after is None else self._children.index(after) + 1, child)
        child.start()
        return child

    def watch(self) -> int:
        """Look after the children until one says 78, which is returned, or a signal comes: ``Stopped`` is raised."""
        while True:
            for child in self._children:
                if self._look_after(child) == EX_CONFIG:
                    return EX_CONFIG
            _reap_strangers({child.process.pid for child in self._children if child.process})
            time.sleep(0.2)

    def _look_after(self, child: Child) -> int | None:
        if child.again_at is not None:
            if time.monotonic() >= child.again_at:
                child.start()
            return None
        code = child.process.poll() if child.process else None
        if code is None or code == EX_CONFIG:
            return code
        child.pause = (
            _FIRST_PAUSE if time.monotonic() - child.started > _HEALTHY else min(child.pause * 2, _LONGEST_PAUSE)
        )
        child.again_at = time.monotonic() + child.pause
        self._say(f"{child.name} ended ({_why(code)}); it is started again in {child.pause:.0f} s.")
        return code

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # A second Ctrl-C must not cut short the wait for the emulator, which would lose what it acknowledged.
        if not self._stopping:
            self._stopping = True
            raise Stopped(number)


def _die_with_parent() -> Callable[[], None] | None:
    """What a child runs first, so that it gets a SIGTERM if we are killed; None where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return None
    # Looked up before the fork: the child may only call what is there already.
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


_DIE_WITH_PARENT = _die_with_parent()


def _reap_strangers(known: set[int]) -> None:
    """Collect dead processes that became ours because their parent died: in a container we are process 1."""
    while os.getpid() == 1:
        try:
            dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if dead is None or dead.si_pid in known:
            return
        os.waitpid(dead.si_pid, 0)


def _why(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
