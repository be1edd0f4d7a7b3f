"""The demo as real processes, and what a test puts into it: patients, files sent as a program sends them, many scans.

with Clinic(folder) as clinic:
    ada = clinic.patient("Example, Ada")
    clinic.send(ada, {"a.jpg": files.jpeg()})
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any
from uuid import uuid4

from PIL import Image

from broker import names
from broker.catalog.scans import Scan
from broker.config import Config
from broker.names import Rendition
from broker.parts import Parts, assemble
from broker.words import Eye
from tests import people
from tests.sending import Source, declaration, send
from tests.stack import ROOT, Api, Stack
from tests.unit.pages import shelf

#: Seconds within which the worker has checked a handful of files, also on a machine that does other things.
CHECKED = 60.0
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient as pages show one."""

    id: str
    name: str
    born: str
    mrn: str


class Clinic(Stack):
    """Web and worker as ``make run`` has them, where signing in is one click; ``send`` wants the worker."""

    @property
    def environ(self) -> dict[str, str]:
        """The processes find the demo by its folder, so its state file is written here."""
        state = {"pid": os.getpid(), "settings": self.settings}
        (self.folder / "demo.json").write_text(json.dumps(state), encoding="utf-8")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "DATA": str(self.folder),
        }

    @property
    def settings(self) -> dict[str, str]:
        """What the demo's own Config is read from."""
        return {
            "AZURE_STORAGE_CONNECTION_STRING": self.azurite.connection_string,
            "PUBLIC_URL": self.url,
            "PORT": str(self.port),
            "DATA_DIR": str(self.folder),
            "CLINIC_NAME": "Demo Eye Clinic",
        }

    @cached_property
    def parts(self) -> Parts:
        """The same catalog and store, in this process."""
        return assemble(Config.from_env(self.settings))

    @cached_property
    def technician(self) -> Api:
        """A program that may send."""
        return self.api("technician")

    @cached_property
    def _numbers(self) -> Iterator[int]:
        return itertools.count(1)

    def patient(self, name: str) -> Person:
        """Make a patient born on 21 Mar 1957, with a record number that no other has."""
        mrn = f"00{next(self._numbers)}77"
        made = self.technician.post("/patients", {"mrn": mrn, "name": name, "birth_date": "1957-03-21"})
        return Person(made["id"], name, "21 Mar 1957", mrn)

    def patient_of(self, test: str) -> Person:
        """Make a patient of one test's own: the name follows from the test's, and is nobody else's."""
        letters = re.sub(r"[^a-z ]", "", test.replace("_", " "))
        return self.patient(f"{letters[5:30].strip().title()}, Uma")

    def send(self, person: Person, files: Mapping[str, bytes], *, eye: str = "OD", wait: bool = True) -> list[str]:
        """Send files as a program does; give their upload ids, when they are stored unless ``wait`` is False."""
        sources = {name: Source(len(data), data) for name, data in files.items()}
        body = declaration(str(uuid4()), person.id, *sources.items(), eye=eye)
        declared = self.technician.post("/uploads", body)["uploads"]
        for one, source in zip(declared, sources.values(), strict=True):
            send(one["grant"], source)
        ids = [one["id"] for one in declared]
        self.technician.post("/uploads/complete", {"items": [{"id": one} for one in ids]})
        if wait:
            self.wait_stored(ids)
        return ids

    def wait_stored(self, ids: list[str]) -> list[dict[str, Any]]:
        """Wait until the worker has stored all of these; give them as the API shows them."""
        end = time.monotonic() + CHECKED
        while True:
            found: list[dict[str, Any]] = self.technician.get(f"/uploads?ids={','.join(ids)}")["uploads"]
            states = {one["state"] for one in found}
            if states == {"stored"}:
                return found
            assert states <= {"received", "verifying", "stored"}, found
            assert time.monotonic() < end, f"{states}\n{self.worker.tail()}"
            time.sleep(0.05)

    @contextmanager
    def worker_held(self) -> Iterator[None]:
        """Hold the worker still while the block lasts: nothing is checked."""
        try:
            while True:
                os.kill(self.worker.pid, signal.SIGSTOP)
                os.waitpid(self.worker.pid, os.WUNTRACED)
                if self._writable():
                    break
                # It stood in the middle of a transaction, and would have kept everybody out.
                os.kill(self.worker.pid, signal.SIGCONT)
            yield
        finally:
            os.kill(self.worker.pid, signal.SIGCONT)

    def _writable(self) -> bool:
        with closing(sqlite3.connect(self.folder / "catalog.sqlite", timeout=0, isolation_level=None)) as catalog:
            try:
                catalog.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
            catalog.execute("ROLLBACK")
        return True

    def fill(self, person: Person, count: int, *, apart: timedelta = timedelta(hours=1)) -> list[Scan]:
        """Put scans with small pictures straight into catalog and vault, eyes in turn; newest first."""
        found = self.parts.patients.one(people.actor(), person.id, now=NOON)
        eyes = (Eye.OD, Eye.OS)
        return self._put(shelf.made(found, NOON - number * apart, eye=eyes[number % 2]) for number in range(count))

    def put(self, person: Person, **changes: Any) -> Scan:
        """Put one unusual scan there; ``changes`` are a ``Scan``'s fields."""
        found = self.parts.patients.one(people.actor(), person.id, now=NOON)
        return self._put([shelf.made(found, NOON + timedelta(hours=1), **changes)])[0]

    def _put(self, scans: Iterable[Scan]) -> list[Scan]:
        rows = [replace(scan, placeholder=_PLACEHOLDER) for scan in scans]
        for scan in rows:
            for what, facts in scan.facts["renditions"].items():
                blob = names.rendition(scan.id, Rendition(what), facts["media_type"])
                self.parts.store.vault.put(blob, _drawn(facts["media_type"]), facts["media_type"])
        return shelf.put(self.parts, rows)


@cache
def _drawn(media_type: str, size: tuple[int, int] = (384, 300)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (150, 60, 40)).save(out, media_type.removeprefix("image/"))
    return out.getvalue()


_PLACEHOLDER = "data:image/webp;base64,UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"
