"""``make run``: emulator, web and worker on this machine, with sample patients, from nothing.

What it keeps lies under ``DATA``: the emulator's account and data, the catalog, logs, and ``demo.json``, by which the
other commands find it. The environment's own settings are not read, so nothing here can reach a real account.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import SETTINGS, Config
from ..words import Role
from . import emulator, logs
from .emulator import Emulator, EmulatorRefused, write_private
from .environment import demo_folder
from .probe import answers
from .processes import Family, Stopped, own

if TYPE_CHECKING:
    from .setup import Part

WEB_PORT, STORE_PORT = 8080, 10000
_FOREIGN = ("AZURE_", "AZURITE_", "OIDC_", "PG", "GUNICORN_")
_READY_SECONDS, _CHECK_SECONDS = 60.0, 120.0


class DemoRefused(Exception):
    """The demo cannot start; the text says why and what to do."""


def demo(environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Run the demo until Ctrl-C. Returns the exit code: 0 also when it runs already."""
    began, folder = time.monotonic(), demo_folder(environ)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with _only_one(folder) as lock:
        if lock is None:
            say(_already(folder))
            return 0
        try:
            return _run(environ, folder, lock, say, began)
        except (EmulatorRefused, DemoRefused) as error:
            say(f"\nThe demo did not start: {logs.redact(str(error))}\nLogs: {folder / 'logs'}")
            return 1


def _run(environ: Mapping[str, str], folder: Path, lock: int, say: Callable[[str], None], began: float) -> int:
    logs.configure("WARNING", readable=True)
    store = emulator.emulator(folder, port=emulator.free_port(STORE_PORT))
    settings = _settings(environ, folder, store)
    config = replace(Config.from_env(settings), demo=True)
    _own_store_only(config, store)
    children = _clean(environ, folder)
    # Our own calls must not go through a proxy either.
    os.environ.update({name: children[name] for name in ("NO_PROXY", "no_proxy")})
    shutil.rmtree(folder / "logs", ignore_errors=True)  # each start has its own: a report of a fault holds no old ones
    (folder / "logs").mkdir()
    try:
        with Family(say) as family:
            _start(family, _Plan(config, settings, store, children, folder, lock), say)
            _seed(config, store, folder, say)
            say(_welcome(config, folder, time.monotonic() - began))
            return family.watch()
    except Stopped:
        say("Stopped. Everything is kept for the next time.")
        return 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is started, and with what."""

    config: Config
    settings: dict[str, str] = field(repr=False)
    store: Emulator
    environ: dict[str, str]
    folder: Path
    lock: int

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


def _start(family: Family, plan: _Plan, say: Callable[[str], None]) -> None:
    """Start the three processes, as much as can be at the same time; they are stopped as web, worker, emulator."""
    say(f"[4/8] Storage: the emulator, on port {plan.store.port}, data in {plan.folder / 'azurite'}")
    storage = emulator.child(
        plan.store, plan.folder, log=plan.log("emulator"), environ=plan.environ, keep_open=(plan.lock,)
    )
    family.add(storage)
    # Here and not above: while these libraries load, the emulator starts.
    from . import setup

    say("[5/8] Catalog: tables")
    _good(setup.catalog(plan.config, patience=10))
    state = {"pid": os.getpid(), "started": datetime.now(UTC).isoformat(), "settings": plan.settings}
    write_private(plan.folder / "demo.json", json.dumps(state, indent=1))
    say(f"[6/8] Web and worker: on port {plan.config.port}")
    web = family.add(own("web", plan.environ, plan.log("web")), first=True)
    emulator.wait(plan.store, storage)
    _good(setup.storage(plan.config, patience=20))
    family.add(own("worker", plan.environ, plan.log("worker")), after=web)
    if not answers(plan.config, _READY_SECONDS, "/api/v1/health", lives=lambda: web.running):
        raise DemoRefused(f"the web process does not answer. Its last words:\n{web.tail()}")


def _settings(environ: Mapping[str, str], folder: Path, store: Emulator) -> dict[str, str]:
    """The whole environment that the demo's Config is read from."""
    wanted = environ.get("PORT", "").strip()
    if wanted and not (wanted.isascii() and wanted.isdigit() and 0 < int(wanted) < 65536):
        raise DemoRefused(f"PORT is {wanted!r}; it must be a number from 1 to 65535.")
    port = emulator.free_port(int(wanted or WEB_PORT))
    return {
        "AZURE_STORAGE_CONNECTION_STRING": store.connection_string,
        "PUBLIC_URL": f"http://localhost:{port}",
        "PORT": str(port),
        "DATA_DIR": str(folder),
        "CLINIC_NAME": "Demo Eye Clinic",
        "MRN_ISSUER": "demo",
    }


def _clean(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The children's environment: nothing that could name another store, database or identity."""
    ours = {setting.name for setting in SETTINGS} | {f"{setting.name}_FILE" for setting in SETTINGS}
    kept = {name: value for name, value in environ.items() if name not in ours and not name.startswith(_FOREIGN)}
    near = ",".join(filter(None, [environ.get("NO_PROXY") or environ.get("no_proxy"), "127.0.0.1", "localhost"]))
    return {**kept, "DATA": str(folder), "NO_PROXY": near, "no_proxy": near, "PYTHONUNBUFFERED": "1"}


def _own_store_only(config: Config, store: Emulator) -> None:
    if config.blob_url != store.url or config.account != store.account or not config.database_url.startswith("sqlite"):
        raise DemoRefused("the settings name another store than the demo's own emulator; nothing was touched.")


def _good(part: Part) -> None:
    if not part.good:
        raise DemoRefused(part.text)


def _seed(config: Config, store: Emulator, folder: Path, say: Callable[[str], None]) -> None:
    """Send the samples once, with a token that is made for it and revoked afterwards."""
    marker = folder / "samples.json"
    if marker.exists():
        say("[7/8] Sample patients and scans: there")
        return
    from . import people, samples

    say("[7/8] Sample patients and scans: sending them as a browser would")
    with people.token_for_a_while(config, name="Demo samples", role=Role.TECHNICIAN) as token:
        sender = samples.Sender(
            origin=config.public_url.replace("localhost", "127.0.0.1"), token=token, store=store.url
        )
        try:
            uploads = sender.send(samples.people(), lambda line: say(f"      {line}"))
            say("      being checked by the worker")
            sender.wait(uploads, _CHECK_SECONDS)
            with people.token_for_a_while(config, name="Demo reviews", role=Role.PHYSICIAN) as reader:
                replace(sender, token=reader).review(samples.REVIEWED_UNTIL)
        except samples.SamplesRefused as error:
            raise DemoRefused(str(error)) from None
    write_private(marker, json.dumps({"uploads": uploads}))


def _welcome(config: Config, folder: Path, seconds: float) -> str:
    return (
        f"[8/8] Ready in {seconds:.1f} s\n\n"
        f"  Open     {config.public_url}\n"
        "  Sign in  as a technician to send pictures, as a physician to look at them, or as an admin: one click each\n"
        f"  Data     {folder} (logs in {folder / 'logs'})\n"
        "  Stop     Ctrl-C; the next start finds everything again\n\n"
        "Demo. Sample data. Not for patients."
    )


@contextmanager
def _only_one(folder: Path) -> Iterator[int | None]:
    """Hold the folder's lock; None if a living demo holds it.

    The emulator inherits the lock: where the demo itself was killed, its emulator is first waited for, because two
    of them on the same data would destroy it.
    """
    descriptor = os.open(folder / "demo.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor if _locked(descriptor, folder) else None
    finally:
        os.close(descriptor)


def _locked(descriptor: int, folder: Path) -> bool:
    end = time.monotonic() + 20.0
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if _lives(folder) or time.monotonic() > end:
                return False
            time.sleep(0.2)


def _lives(folder: Path) -> bool:
    try:
        os.kill(int(json.loads((folder / "demo.json").read_text(encoding="utf-8"))["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return False
    return True


def _already(folder: Path) -> str:
    try:
        state = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        return f"The demo runs already, as process {state['pid']}: {state['settings']['PUBLIC_URL']}"
    except (OSError, ValueError, KeyError):
        return "The demo is being started already, in this very folder."
