"""The spool: where the worker keeps a file while it checks it, under ``WORK_DIR``, readable by its owner only.

Each process has a folder of its own and holds a lock beside it. A lock that can be taken belongs to a process that
died, whatever its id was, and its folder is removed. So nothing of a patient outlives the check for long.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Room for one file: ``original`` for its bytes (not there yet), ``out`` an empty folder for its renditions."""

    original: Path
    out: Path


class Spool:
    """This process's folder. Opened at the start of a worker, closed at its end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._home = folder / f"worker-{secrets.token_hex(8)}"
        self._lock = _locked(_lock_of(self._home), create=True)
        self._home.mkdir(mode=0o700)
        _clear(folder)

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Give room for one file, and remove everything in it at the end.

        Raises:
            OSError: there is no room, or no right to write.
        """
        room = self._home / secrets.token_hex(8)
        room.mkdir(mode=0o700)
        try:
            out = room / "out"
            out.mkdir(mode=0o700)
            yield Place(room / "original", out)
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder and let the lock go."""
        shutil.rmtree(self._home, ignore_errors=True)
        _lock_of(self._home).unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _clear(folder: Path) -> None:
    """Remove the folders of processes that died."""
    for lock in folder.glob("worker-*.lock"):
        taken = _locked(lock, create=False)
        if taken is not None:
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
            os.close(taken)


def _locked(path: Path, *, create: bool) -> int | None:
    """Take a lock; None if its owner lives, or it is gone."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        # Somebody who was clearing up may have removed the file between opening and locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
        if not create:
            return None


def _lock_of(home: Path) -> Path:
    return home.with_suffix(".lock")
