"""Find a Chromium for the browser tests, or install one: ``python -m tests.chromium`` prints where it is.

The machine's own is taken first, then Playwright's download, then the distribution's package.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

#: What a browser under test needs not to phone home, and to run as root inside a container.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


class NoChromium(Exception):
    """There is no Chromium here and none could be installed."""


@cache
def find_or_install() -> str:
    """Give the path of a Chromium, installing one if there is none.

    Raises:
        NoChromium: every way to get one failed; the text carries what each said.
    """
    said: list[str] = []
    for way in (_system, _downloaded, _download, _package):
        found = way(said)
        if found:
            return found
    raise NoChromium("No Chromium could be found or installed.\n" + "\n".join(said))


def _system(_: list[str]) -> str | None:
    wanted = os.environ.get("CHROMIUM", "")
    return wanted or next((path for path in map(shutil.which, _NAMES) if path), None)


def _downloaded(said: list[str]) -> str | None:
    """Playwright's own, if it was downloaded before. Asked in a process of its own: its driver leaves things behind."""
    ask = "from playwright.sync_api import sync_playwright as p\nwith p() as w: print(w.chromium.executable_path)"
    answer = _call([sys.executable, "-c", ask], said)
    return answer if answer and Path(answer).exists() else None


def _download(said: list[str]) -> str | None:
    command = [sys.executable, "-m", "playwright", "install", "chromium"]
    return _downloaded(said) if _call(command, said) is not None else None


def _package(said: list[str]) -> str | None:
    if not shutil.which("apt-get"):
        return None
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    _call([*root, "apt-get", "update", "-qq"], said)
    _call([*root, "apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], said)
    return _system(said)


def _call(command: list[str], said: list[str]) -> str | None:
    """Run a command; its output, or None if it failed."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode == 0:
        return done.stdout.strip()
    said.append(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return None


if __name__ == "__main__":
    print(find_or_install())
