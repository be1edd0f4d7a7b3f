"""The demo's six patients and their pictures, sent through the very API that a browser uses.

Declare, PUT to the store under the grant, complete. Every batch has an id that follows from its contents, so a run
that was cut short goes on where it stopped and nothing is doubled.
"""

from __future__ import annotations

import functools
import hashlib
import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from ..words import Eye, Kind
from . import device_files, fundus

RETINA = Path(__file__).parents[2] / "assets" / "samples" / "retina.jpg"
_NAMESPACE = uuid.UUID("6f1d2a0e-5b0c-4d3e-9a51-0d8f3c7b2e94")
#: Visits until this day were reviewed; what came later waits.
REVIEWED_UNTIL = "2026-10-31"
_STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class SamplesRefused(Exception):
    """The samples could not be sent; the text says at which step."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One sample file; ``make`` gives its bytes."""

    filename: str
    eye: Eye
    kind: Kind
    make: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Visit:
    """What one batch holds: pictures of one patient on one day."""

    captured_at: str
    pictures: tuple[Picture, ...]
    note: str = ""
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient."""

    mrn: str
    name: str
    birth_date: str
    sex: str
    visits: tuple[Visit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Sends samples to the demo's own broker; refuses any store but the demo's own emulator.

    ``origin``: the broker on this machine. ``store``: the emulator's address, which every grant must point to.
    """

    origin: str
    token: str = field(repr=False)
    store: str

    def send(self, people: tuple[Person, ...], say: Callable[[str], None]) -> list[str]:
        """Send everything; the upload ids come back.

        Raises:
            SamplesRefused: the broker or the store said no.
        """
        uploads: list[str] = []
        for person in people:
            patient = self._call(
                "/patients", {key: getattr(person, key) for key in ("mrn", "name", "birth_date", "sex")}
            )["id"]
            for visit in person.visits:
                uploads += self._visit(patient, visit)
            say(f"{person.name}: {sum(len(visit.pictures) for visit in person.visits)} pictures sent")
        return uploads

    def wait(self, uploads: list[str], seconds: float) -> None:
        """Wait until each is stored, if it was not so before.

        Raises:
            SamplesRefused: one was not stored, or they are not all checked in time.
        """
        end, left = time.monotonic() + seconds, uploads
        while left:
            asked = f"/uploads?fields=state&ids={','.join(left[:100])}"
            states = {row["id"]: row for row in self._call(asked)["uploads"]}
            bad = [row for row in states.values() if not row["safe"] and row["state"] not in ("received", "verifying")]
            if bad:
                raise SamplesRefused(f"a sample was not stored: {bad[0]['state']}, {bad[0]['sentence']}")
            left = [upload for upload in left if not states.get(upload, {}).get("safe")]
            if left and time.monotonic() > end:
                raise SamplesRefused(f"{len(left)} samples are still being checked; does the worker run?")
            if left:
                time.sleep(0.2)

    def review(self, before: str) -> None:
        """As a physician: say that every visit before an ISO day was reviewed, so that the rest waits.

        Raises:
            SamplesRefused.
        """
        after = ""
        while True:
            page = self._call(f"/scans?review=unreviewed&to={before}&limit=100{after}")
            said = [{"id": scan["id"], "seen": scan["seen"]} for scan in page["scans"] if not scan["attention"]]
            if said:
                act = str(uuid.uuid5(_NAMESPACE, said[0]["id"]))
                note = "Sample review."
                # What has no preview cannot be opened, and the sample physician signs it all the same.
                shown = [
                    {"id": scan["id"], "slices": scan["frames"]} for scan in page["scans"] if not scan["attention"]
                ]
                self._call("/scans/opened", {"scans": shown})
                told = {"id": act, "scans": said, "status": "reviewed", "note": note}
                self._call("/reviews", told | {"unopened": True})
            if not page["next"]:
                return
            after = f"&after={page['next']}"

    def _visit(self, patient: str, visit: Visit) -> list[str]:
        contents = {picture.filename: picture.make() for picture in visit.pictures}
        files = [
            {
                "ref": picture.filename,
                "filename": picture.filename,
                "size": len(contents[picture.filename]),
                "eye": picture.eye.value,
                "kind": picture.kind.value,
                "captured_at": visit.captured_at,
                "digest": f"sha256:{hashlib.sha256(contents[picture.filename]).hexdigest()}",
            }
            for picture in visit.pictures
        ]
        body: dict[str, Any] = {"patient": patient, "note": visit.note, "urgent": visit.urgent, "files": files}
        body["batch"] = str(uuid.uuid5(_NAMESPACE, json.dumps(body, sort_keys=True)))
        declared = self._call("/uploads", body)["uploads"]
        open_ones = [upload for upload in declared if upload["grant"] is not None]
        for upload in open_ones:
            self._put(upload["grant"], contents[upload["ref"]])
        if open_ones:
            self._call("/uploads/complete", {"items": [{"id": upload["id"]} for upload in open_ones]})
        return [upload["id"] for upload in declared]

    def _put(self, grant: dict[str, Any], data: bytes) -> None:
        if not grant["url"].startswith(self.store + "/"):
            raise SamplesRefused("the broker hands out grants for another store than the demo's own; nothing was sent")
        request = urllib.request.Request(  # noqa: S310 (it begins with the emulator's address)
            grant["url"], data=data, headers=dict(grant["headers"]), method=grant["method"]
        )
        try:
            with _STRAIGHT.open(request, timeout=60):
                pass
        except urllib.error.HTTPError as error:
            # The grant writes once: 403 and 409 say that a run before this one got that far.
            if error.code not in (403, 409):
                raise SamplesRefused(f"the store answered {error.code}") from None
        except OSError as error:
            raise SamplesRefused(f"the store does not answer ({type(error).__name__})") from None

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.origin}/api/v1{path}", data=data, headers=headers)  # noqa: S310
        try:
            with _STRAIGHT.open(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            problem = error.read(2000).decode("utf-8", "replace")
            raise SamplesRefused(f"{path.split('?')[0]} answered {error.code}: {problem}") from None
        except OSError as error:
            raise SamplesRefused(f"{path.split('?')[0]} does not answer ({type(error).__name__})") from None


def people() -> tuple[Person, ...]:
    """Six made-up patients with visits over years: change, volumes, fields, something urgent, something flagged."""
    return (
        Person("DEMO-0001", "Abara, Ngozi", "1958-03-14", "F", tuple(_follow_up())),
        Person("DEMO-0002", "Lindqvist, Karin", "1971-11-02", "F", (_real_visit(),)),
        Person(
            "DEMO-0003",
            "Okafor, Samuel",
            "1949-07-23",
            "M",
            (_pair(31, "2026-11-19T08:52", lesions=14, urgent=True, note="Sudden blur on the left since Tuesday."),),
        ),
        Person(
            "DEMO-0004",
            "Petrov, Ivan",
            "1966-01-30",
            "M",
            (_pair(41, "2025-05-12T14:05"), _field_visit(43, "2026-11-17T13:40")),
        ),
        Person("DEMO-0005", "Tanaka, Yui", "1944-09-08", "F", tuple(_volumes())),
        Person("DEMO-0006", "Weiss, Jonas", "1983-12-19", "M", (_angiography(61, "2026-11-16T15:10"),)),
    )


def _follow_up() -> Iterator[Visit]:
    """Three visits of the same eyes: each later one shows more."""
    for captured_at, lesions in (("2024-10-07T09:15", 4), ("2025-10-20T10:02", 16), ("2026-11-20T09:30", 38)):
        yield _pair(11, captured_at, lesions=lesions)


def _real_visit() -> Visit:
    """The one real photograph, a left eye (CC0, see assets/samples/README.md), beside a drawn right one."""
    left = Picture("fundus-left.jpg", Eye.OS, Kind.COLOR_FUNDUS, RETINA.read_bytes)
    return Visit("2026-11-20T10:45", (_drawn(21, Eye.OD), left))


def _pair(seed: int, captured_at: str, *, lesions: int = 0, urgent: bool = False, note: str = "") -> Visit:
    pictures = (_drawn(seed, Eye.OD, lesions=lesions), _drawn(seed + 1, Eye.OS, lesions=lesions // 2))
    return Visit(captured_at, pictures, note=note, urgent=urgent)


def _volumes() -> Iterator[Visit]:
    """A volume a year ago, and of the same eye now, with fluid; one sent as a left eye whose file says the right."""
    for captured_at, fluid in (("2025-11-11T11:02", 0.0), ("2026-11-18T11:20", 1.0)):
        right = _volume(51, Eye.OD, captured_at, fluid)
        if not fluid:
            yield Visit(captured_at, (right,))
            continue
        left = Picture("oct-os.vol", Eye.OS, Kind.OCT, _volume(57, Eye.OD, captured_at, 0.0).make)
        yield Visit(captured_at, (*_oct_visit(51, captured_at).pictures, right, left))


def _volume(seed: int, eye: Eye, captured_at: str, fluid: float) -> Picture:
    exam = datetime.fromisoformat(captured_at)

    def make() -> bytes:
        return device_files.volume(seed, eye, mrn="DEMO-0005", born=date(1944, 9, 8), exam=exam, fluid=fluid)

    return Picture(f"oct-{eye.value.lower()}.vol", eye, Kind.OCT, make)


def _field_visit(seed: int, captured_at: str) -> Visit:
    fields = tuple(
        Picture(
            f"field-{eye.value.lower()}.pdf",
            eye,
            Kind.VISUAL_FIELD,
            lambda e=eye, d=deepest: device_files.visual_field(seed, e, captured_at[:10], deepest=d),  # type: ignore[misc]
        )
        for eye, deepest in ((Eye.OD, 14), (Eye.OS, 3))
    )
    return Visit(captured_at, (_drawn(41, Eye.OD), _drawn(42, Eye.OS), *fields))


def _angiography(seed: int, captured_at: str) -> Visit:
    """A run of eight pictures, which the patient's page folds into one."""
    run = functools.cache(lambda: fundus.angiogram(seed, Eye.OD, 8))
    phases = tuple(
        Picture(f"fa-od-{n + 1}.jpg", Eye.OD, Kind.FLUORESCEIN_ANGIOGRAPHY, lambda n=n: run()[n])  # type: ignore[misc]
        for n in range(8)
    )
    return Visit(captured_at, (*_red_free(seed, captured_at).pictures, *phases))


def _oct_visit(seed: int, captured_at: str) -> Visit:
    slices = tuple(
        Picture(f"oct-{eye.value.lower()}.png", eye, Kind.OCT, lambda n=number: fundus.oct_slice(seed + n))  # type: ignore[misc]
        for number, eye in enumerate((Eye.OD, Eye.OS))
    )
    return Visit(captured_at, (_drawn(seed, Eye.OD), _drawn(seed + 1, Eye.OS), *slices))


def _red_free(seed: int, captured_at: str) -> Visit:
    grey = Picture("red-free-od.jpg", Eye.OD, Kind.RED_FREE, lambda: fundus.fundus(seed, Eye.OD, grey=True))
    return Visit(captured_at, (_drawn(seed, Eye.OD), _drawn(seed + 1, Eye.OS), grey))


def _drawn(seed: int, eye: Eye, *, lesions: int = 0) -> Picture:
    return Picture(
        f"fundus-{eye.value.lower()}.jpg", eye, Kind.COLOR_FUNDUS, lambda: fundus.fundus(seed, eye, lesions=lesions)
    )
