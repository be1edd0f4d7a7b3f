"""After a whole run: what its processes and tests wrote, searched for secrets that they were given.

Signatures, bearer tokens and account keys are known by their form or from the stacks, passwords because tests plant
them. Searched are every log and every catalog of the run, and all files of the stacks, the store's too. One leak
fails the run, whatever its tests say. The hooks stand in ``conftest.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import pytest

#: A signature (also escaped) and a token, as they are when nobody has removed them.
FORMS = (re.compile(rb"\bsig(?:=|%3D)[A-Za-z0-9%+/]{20,}"), re.compile(rb"\bois_[A-Za-z0-9_-]{43}"))
#: Files that tests and processes write wherever they run.
WRITTEN = ("*.log", "catalog.sqlite*")
#: The demo's state file holds its emulator's key: it is where the demo's commands find it.
KEPT = frozenset({"demo.json"})
_planted: set[bytes] = set()
_folders: list[Path] = []
_leaks: list[str] = []


def planted(secret: str) -> str:
    """Remember a secret that must be found nowhere, and give it back."""
    _planted.add(secret.encode())
    return secret


def watch(folder: Path) -> None:
    """Have every file of ``folder`` searched when the run ends."""
    _folders.append(folder)


def read(where: str, text: str) -> None:
    """Search what people see on a page for planted secrets; links to pictures carry signatures, and should."""
    if any(secret in text.encode() for secret in _planted):
        _leaks.append(f"{where.partition('?')[0]}: a password on the page")


def search(folder: Path) -> None:
    """Search a folder that will be gone when the run ends."""
    _leaks.extend(leaks(folder.rglob("*")))


def leaks(paths: Iterable[Path]) -> Iterator[str]:
    """A line for each file in which a secret stands; it does not repeat the secret."""
    known = re.compile(b"|".join(map(re.escape, sorted(_planted)))) if _planted else None
    for path in sorted(set(paths)):
        if path.name in KEPT or path.is_symlink() or not path.is_file():
            continue
        if path.stat().st_size == 0:
            continue
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            for pattern in (*FORMS, *([known] if known else ())):
                if found := pattern.search(data):
                    what = "a password" if pattern is known else bytes(found[0][:4]).decode()
                    yield f"{path}: {what} ... at byte {found.start()}"
                    del found  # or the file could not be closed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Search what this process's tests wrote; under xdist each worker does, and the first process hears of it."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    places = [path for folder in _folders for path in folder.rglob("*")]
    if factory and factory._basetemp:
        places += [path for form in WRITTEN for path in factory.getbasetemp().rglob(form)]
    _leaks.extend(leaks(places))
    if output is not None:
        output["leaks"] = _leaks
    elif _leaks and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker has ended: take over what it found."""
    _leaks.extend(getattr(node, "workeroutput", {}).get("leaks", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where secrets were left."""
    if _leaks:
        terminalreporter.section("secrets were left behind", red=True)
        for line in dict.fromkeys(_leaks):
            terminalreporter.line(line)
