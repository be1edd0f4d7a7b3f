"""Make the working folder ready: Python environment, Node packages, built pages. Standard library only.

    python3 .ci/bootstrap.py [python|node|pages] [--total N]

Each step brings the ones before it. A step compares the contents of the files it is made from with its stamp, so a
second call costs some milliseconds and needs no network. Nothing is installed outside this folder.
"""

from __future__ import annotations

import argparse
import configparser
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
#: Fetched only where Python comes without ensurepip and without pip. The hash decides, wherever the file comes from.
PIP_WHEEL = "pip-26.3-py3-none-any.whl"
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
DEFAULT_INDEX = "https://pypi.org/simple"


class BootstrapError(Exception):
    """A step failed; the text says which, and what to do."""


def main() -> int:
    """Do the steps asked for; 0 if all is there, 1 if not, with one sentence on stderr."""
    parser = argparse.ArgumentParser(description="Make the working folder ready.")
    parser.add_argument("upto", nargs="?", choices=["python", "node", "pages"], default="pages")
    parser.add_argument("--total", type=int, default=0, help="number the lines, as the first of so many steps")
    options = parser.parse_args()
    try:
        with _alone(ROOT / "build" / "bootstrap.lock"):
            for number, (name, title, step) in enumerate(_steps(), start=1):
                _run(f"[{number}/{options.total}] " if options.total else "", title, step, always=options.total > 0)
                if name == options.upto:
                    break
    except BootstrapError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def _steps() -> Iterator[tuple[str, str, Callable[[Callable[[str], None]], None]]]:
    yield "python", "Python environment", python_environment
    yield "node", "Node packages", node_packages
    yield "pages", "Pages", pages


def _run(label: str, title: str, step: Callable[[Callable[[str], None]], None], *, always: bool) -> None:
    """Run one step; it is silent where there is nothing to do, unless the lines are numbered."""
    began = time.monotonic()
    said: list[str] = []

    def say(what: str) -> None:
        said.append(what)
        print(f"{label}{title}: {what}", flush=True)

    step(say)
    if said:
        print(f"{' ' * len(label)}{title}: done in {time.monotonic() - began:.0f} s", flush=True)
    elif always:
        print(f"{label}{title}: there", flush=True)


def python_environment(say: Callable[[str], None]) -> None:
    """Make ``.venv`` and install what tests/requirements.txt pins, each file checked against its hash."""
    venv, requirements = ROOT / ".venv", ROOT / "tests" / "requirements.txt"
    python, stamp = venv / "bin" / "python", venv / ".stamp"
    # The folder's own path counts too: a moved environment has scripts that point to where it was.
    wanted = _digest([requirements], f"{sys.version_info[:2]} {ROOT}")
    if _read(stamp) == wanted and _works(python):
        return
    say("making .venv and installing pinned packages (about a minute the first time)")
    if not _works(python):
        shutil.rmtree(venv, ignore_errors=True)
        _call([sys.executable, "-m", "venv", "--without-pip", str(venv)], "Python's venv module failed")
    pip = pip_command(python)
    install = ["install", "--quiet", "--require-hashes", "--no-warn-script-location", "-r", str(requirements)]
    _call([*pip, *install], "installing the Python packages failed; is the package index reachable?")
    stamp.write_text(wanted, encoding="utf-8")


def pip_command(python: Path) -> list[str]:
    """Give the command that is pip for the environment of ``python``, bringing pip there by the first way that works.

    ensurepip is Python's own; some distributions leave it out, and may have pip as a package instead; where both are
    missing, pip's pinned wheel is fetched from the configured index.
    """
    if _quiet([str(python), "-m", "pip", "--version"]) or _quiet([str(python), "-m", "ensurepip", "--default-pip"]):
        return [str(python), "-m", "pip"]
    if importlib.util.find_spec("pip") and _quiet([sys.executable, "-m", "pip", "--python", str(python), "--version"]):
        return [sys.executable, "-m", "pip", "--python", str(python)]
    wheel = fetch_wheel(package_index(os.environ), ROOT / "build")
    # A wheel is a zip that Python can import from; pip installs itself from its own.
    _call([str(python), f"{wheel}/pip", "install", "--quiet", "--no-index", str(wheel)], "installing pip failed")
    return [str(python), "-m", "pip"]


def package_index(environ: Mapping[str, str]) -> str:
    """Say where packages come from, as pip would: PIP_INDEX_URL, else pip's configuration files, else PyPI."""
    files = ["/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf", environ.get("PIP_CONFIG_FILE", "")]
    settings = configparser.RawConfigParser(strict=False)
    settings.read([os.path.expanduser(file) for file in files if file], encoding="utf-8")
    return environ.get("PIP_INDEX_URL") or settings.get("global", "index-url", fallback=DEFAULT_INDEX)


def fetch_wheel(index: str, folder: Path, *, name: str = PIP_WHEEL, sha256: str = PIP_SHA256) -> Path:
    """Fetch one pinned wheel from a package index (PEP 503 or 691) into ``folder``.

    Raises:
        BootstrapError: the index does not have it, or what it has differs from ``sha256``.
    """
    page = f"{index.rstrip('/')}/{name.split('-')[0]}/"
    if page.startswith("file:"):
        page += "index.html"
    try:
        listing = _fetch(page).decode("utf-8", "replace")
        # The same expression finds the address in the HTML and in the JSON form of the page, and in the latter also the
        # bare file name, which is shorter.
        links = re.findall(rf"""["']([^"']*{re.escape(name)})(?:#[^"']*)?["']""", listing)
        if not links:
            raise BootstrapError(f"{name} is not on the package index. Set PIP_INDEX_URL, or install python3-venv.")
        data = _fetch(urljoin(page, max(links, key=len)))
    except OSError as error:
        advice = "Set PIP_INDEX_URL, or install python3-venv."
        raise BootstrapError(f"The package index does not answer ({error}). {advice}") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BootstrapError(f"{name} from the package index is not the file that is pinned here; it was not used.")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def node_packages(say: Callable[[str], None]) -> None:
    """Install what web/package-lock.json pins, with the Node that tests/requirements.txt brings."""
    web, stamp = ROOT / "web", ROOT / "web" / "node_modules" / ".stamp"
    wanted = _digest([web / "package.json", web / "package-lock.json"], "npm ci")
    if _read(stamp) == wanted:
        return
    say("installing pinned packages with npm")
    install = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    _call(install, "npm ci failed; is the npm registry reachable?", cwd=web)
    stamp.write_text(wanted, encoding="utf-8")


def pages(say: Callable[[str], None]) -> None:
    """Build web/static from web/src."""
    web, stamp = ROOT / "web", ROOT / "web" / "node_modules" / ".built"
    sources = sorted(path for path in (web / "src").rglob("*") if path.is_file())
    wanted = _digest([web / "build.mjs", web / "package-lock.json", *sources], "build")
    if _read(stamp) == wanted and (web / "static" / "manifest.json").exists():
        return
    say("building")
    _call(["npm", "run", "--silent", "build"], "building the pages failed", cwd=web)
    stamp.write_text(wanted, encoding="utf-8")


def _digest(files: list[Path], salt: str) -> str:
    """A fingerprint of the files' names and contents; times do not count, a fresh checkout has new ones."""
    digest = hashlib.sha256(salt.encode())
    for path in files:
        digest.update(b"\0" + str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _read(stamp: Path) -> str:
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def _works(python: Path) -> bool:
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return python.exists() and _quiet([str(python), "-c", same])


def _quiet(command: list[str]) -> bool:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _call(command: list[str], complaint: str, cwd: Path = ROOT) -> None:
    # npm would otherwise advertise its newest self in the middle of our lines.
    quiet = {"npm_config_update_notifier": "false"}
    environ = {**os.environ, **quiet, "PATH": f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        subprocess.run(command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BootstrapError(f"{complaint} ({command[0]}: {error})") from error


def _fetch(url: str) -> bytes:
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.1, */*;q=0.01"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return bytes(answer.read())


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one bootstrap of this folder run at a time."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
