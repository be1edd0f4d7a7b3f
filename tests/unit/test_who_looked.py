"""Who looked: whatever an answer shows of a patient, the audit row written with it names.

The walk goes over the whole URL map: a route that it was not told how to ask fails it, so that none can be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broker import audit as trail
from broker.access.actor import Actor
from broker.access.permissions import Act, may
from broker.catalog import Catalog, audit, patients, uploads
from broker.catalog.audit import AuditRow
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.errors import CatalogBusy
from broker.ids import new_id
from broker.pages import texts
from broker.parts import Parts
from broker.words import Eye, Review, Role, State
from tests import people
from tests.people import NOW
from tests.unit.conftest import signed_in
from tests.unit.pages import shelf

HTMX = {"HX-Request": "true"}
#: In an answer about the trail an id says what a row is about, and not who that is: names would.
TRAIL = {"/admin/audit", "/admin/audit.csv", "/api/v1/audit"}
#: File names that no answer to an administrator may hold.
FILES = "wilhelmina"


@dataclass(frozen=True)
class World:
    """Several patients, each with a scan of every fate, and what requests name of them.

    ``old`` is a record that was merged into the first one's.
    """

    parts: Parts
    patients: list[Patient]
    scans: dict[str, list[Scan]]
    checked: str
    rejected: str
    old: Patient | None = None

    @property
    def ada(self) -> Patient:
        return self.patients[0]

    @property
    def scan(self) -> Scan:
        """Ada's newest scan."""
        return self.scans[self.ada.id][0]

    def told(self, client: FlaskClient) -> list[str]:
        """Declare two files by this client, with the second arrived; give their uploads."""
        files = [{"ref": f"{n}", "filename": f"{FILES}-{n}.jpg", "size": 1000} for n in range(2)]
        body = {"batch": new_id(NOW), "patient": self.patients[1].id, "files": files}
        ids = [one["id"] for one in client.post("/api/v1/uploads", json=body).get_json().get("uploads", [])]
        if ids:
            with self.parts.catalog.write() as tx:
                assert uploads.receive(tx, ids[1], digest="", now=NOW)
        return ids

    @property
    def files(self) -> dict[str, str]:
        """The names of files that are not stored, by their uploads; no other file has them."""
        with self.parts.catalog.read() as tx:
            return {row.id: row.filename for row in uploads.find(tx, [self.checked, self.rejected]).values()}

    def batch(self, ids: list[str]) -> str:
        with self.parts.catalog.read() as tx:
            return next((row.batch_id for row in uploads.find(tx, ids).values()), new_id(NOW))


@pytest.fixture
def world(parts: Parts, app: Flask) -> World:
    """Four patients with names, numbers and birth dates that stand nowhere else; the first has another record."""
    made: list[Patient] = []
    kept: dict[str, list[Scan]] = {}
    for number, name in enumerate(("Quillfeather, Ada", "Brambleworth, Bea", "Crumplehorn, Cem", "Dunderwhistle, Dag")):
        patient, _ = parts.patients.make(
            people.actor(), mrn=f"77001{number}", name=name, birth_date=date(1931 + number, 2, 11 + number), now=NOW
        )
        facts = shelf.facts(filename=f"{FILES}-{number}.jpg", note=f"note about {name}")
        rows = [shelf.made(patient, NOW - timedelta(days=days), facts=facts) for days in (number, 30 + number, 60)]
        rows[1] = replace(rows[1], eye=Eye.OS)
        kept[patient.id] = shelf.put(parts, rows)
        made.append(patient)
    doctor = people.actor(Role.PHYSICIAN)
    old, _ = parts.patients.make(
        people.actor(), mrn="770015", name="Maidenhair, Ada", birth_date=date(1941, 2, 17), now=NOW
    )
    parts.patients.merge(doctor, new_id(NOW), absorbed=old.id, into=made[0].id, reason="one person", now=NOW)
    repeat = kept[made[1].id][0].id
    shelf.look(parts, doctor, kept[made[1].id][0])
    parts.records.review(doctor, new_id(NOW), {repeat: 0}, status=Review.REPEAT, note="again, please", now=NOW)
    moved = kept[made[0].id][1].id
    for to in (made[3].id, made[0].id):
        parts.records.correct(doctor, new_id(NOW), [moved], changes={"patient": to}, reason="mistaken", now=NOW)
    parts.records.withdraw(doctor, new_id(NOW), [kept[made[0].id][2].id], reason="blurred", now=NOW)
    checked, rejected = shelf.checked(parts, made[2]), shelf.checked(parts, made[3])
    with parts.catalog.write() as tx:
        row = replace(uploads.find(tx, [rejected])[rejected], state=State.REJECTED, reason="type", ended_at=NOW)
        uploads.restore(tx, replace(row, filename=f"{FILES}-rejected.jpg"))
    return World(parts, made, kept, checked, rejected, old)


#: What an ask names besides the world: the id of its act, and what was made ready for it.
Names = dict[str, str]
Ready = Callable[[World, FlaskClient], list[str]]


@dataclass(frozen=True)
class Ask:
    """One request. ``ready``: what it needs is made first, by this client or others; its ids are ``{0}``, ``{1}`` ...

    ``twice``: it has the id of an act, ``{new}``, and is said again with the same one.
    """

    run: Callable[[World, FlaskClient, Names], TestResponse]
    ready: Ready | None = None
    twice: bool = False


def get(path: str, **headers: str) -> Ask:
    """Ask for an address in which ``{ada}``, ``{scan}`` ... stand for ids."""
    return Ask(lambda world, client, names: client.get(filled(path, world, names), headers=headers))


def form(path: str, ready: Ready | None = None, /, **fields: str) -> Ask:
    def run(world: World, client: FlaskClient, names: Names) -> TestResponse:
        data = {name: filled(value, world, names) for name, value in fields.items()}
        return client.post(filled(path, world, names), data=data, headers=HTMX)

    return Ask(run, ready, "{new}" in fields.values())


def send(path: str, body: dict[str, Any], method: str = "POST", ready: Ready | None = None) -> Ask:
    said = json.dumps(body)

    def run(world: World, client: FlaskClient, names: Names) -> TestResponse:
        return client.open(filled(path, world, names), method=method, json=json.loads(filled(said, world, names)))

    return Ask(run, ready, "{new}" in said)


def own(asked: str) -> Ask:
    """Ask about what this very client has sent: ``{0}`` and ``{1}`` are its uploads, ``{batch}`` their batch."""

    def run(world: World, client: FlaskClient, names: Names) -> TestResponse:
        first, second = (names.get(name) or new_id(NOW) for name in ("{0}", "{1}"))
        method, path = asked.format(first, second, batch=world.batch([first, second])).split(" ")
        bodies: dict[str, object] = {"complete": {"items": [{"id": first}, {"id": second}]}, "grants": {"ids": [first]}}
        return client.open(path, method=method, json=bodies.get(path.rpartition("/")[2]))

    return Ask(run, World.told)


def opened(world: World, client: FlaskClient) -> list[str]:
    """A scan of Bea's that nobody has said anything about, and that this client has opened."""
    scan = shelf.scan(world.parts, world.patients[1], NOW - timedelta(days=200)).id
    client.post("/api/v1/scans/opened", json={"scans": [{"id": scan}]})
    return [scan]


def mine(world: World, client: FlaskClient) -> list[str]:
    """A scan that this client sent, if it may send: a technician withdraws no other."""
    ids = world.told(client)
    upload = shelf.stored(world.parts, ids[1]) if ids else ""
    return [shelf.scan(world.parts, world.patients[1], NOW - timedelta(days=200), upload).id]


def wanted(world: World, client: FlaskClient) -> list[str]:
    """A scan of Bea's of which a physician wants a repeat."""
    scan = shelf.scan(world.parts, world.patients[1], NOW - timedelta(days=200))
    doctor = people.actor(Role.PHYSICIAN)
    shelf.look(world.parts, doctor, scan)
    world.parts.records.review(doctor, new_id(NOW), {scan.id: 0}, status=Review.REPEAT, note="again", now=NOW)
    return [scan.id]


def answered(world: World, client: FlaskClient) -> list[str]:
    """A scan of which a repeat was wanted, and this client's act that said that it is not possible."""
    [scan], act = wanted(world, client), new_id(NOW)
    client.post("/api/v1/answers", json={"id": act, "scan": scan, "possible": False, "reason": "left"})
    return [scan, act]


def merged(world: World, client: FlaskClient) -> list[str]:
    """Cem's record, merged into Dag's."""
    cem, dag = world.patients[2:]
    with world.parts.catalog.read() as tx:
        free = patients.many(tx, [cem.id])[cem.id].id == cem.id
    if free:
        world.parts.patients.merge(people.actor(), new_id(NOW), absorbed=cem.id, into=dag.id, reason="one", now=NOW)
    return [cem.id]


def refused(world: World, client: FlaskClient) -> list[str]:
    """A file of Dag's that was refused, and that nobody has settled."""
    return [shelf.lost(world.parts, world.patients[3])]


def filled(text: str, world: World, names: Names | None = None) -> str:
    known = {
        "{ada}": world.ada.id, "{bea}": world.patients[1].id, "{mrn}": world.patients[1].mrn,
        "{scan}": world.scan.id, "{moved}": world.scans[world.ada.id][1].id, "{gone}": world.scans[world.ada.id][2].id,
        "{other}": world.scans[world.patients[2].id][0].id, "{repeat}": world.scans[world.patients[1].id][0].id,
        "{day}": world.scan.visit_day, "{checked}": world.checked, "{rejected}": world.rejected, "{files}": FILES,
    }  # fmt: skip
    for word, value in {**known, **(names or {})}.items():
        text = text.replace(word, value)
    return text


ACT = {"act": "{new}"}
#: How each route is asked; what changes something stands last, so that all before it see the world as it was made.
ASKED: dict[tuple[str, str], list[Ask]] = {
    ("GET", "/"): [get("/")],
    ("GET", "/upload"): [own("GET /upload"), get("/upload?patient={ada}"), get("/upload?repeat={repeat}")],
    ("GET", "/upload/today"): [own("GET /upload/today")],
    ("GET", "/upload/receipt"): [own("GET /upload/receipt?batch={batch}")],
    ("POST", "/patients/search"): [form("/patients/search", q="77001"), form("/patients/search", q="ada", links="1")],
    ("POST", "/patients/named"): [form("/patients/named", path="visit/{mrn}/OD_1.jpg")],
    ("GET", "/worklist"): [get("/worklist")],
    ("GET", "/gallery"): [get("/gallery"), get("/gallery?patient={ada}&eye=OS"), get("/gallery", **HTMX)],
    ("GET", "/gallery/fresh"): [get("/gallery/fresh?known={checked}&since=0", **HTMX)],
    ("GET", "/gallery/months"): [get("/gallery/months"), get("/gallery/months?patient={ada}", **HTMX)],
    ("GET", "/patients/<id:patient>"): [get("/patients/{ada}")],
    ("GET", "/patients/<id:patient>/over-time"): [get("/patients/{ada}/over-time")],
    ("GET", "/patients/<id:patient>/visits/<day>"): [get("/patients/{ada}/visits/{day}")],
    ("GET", "/scans/<id:scan>"): [get("/scans/{scan}"), get("/scans/{moved}"), get("/scans/{repeat}")],
    ("GET", "/compare"): [get("/compare?left={scan}&right={other}")],
    ("GET", "/account"): [get("/account")],
    ("GET", "/session"): [get("/session")],
    ("GET", "/admin/accounts"): [get("/admin/accounts")],
    ("GET", "/admin/sessions"): [get("/admin/sessions")],
    ("GET", "/admin/tokens"): [get("/admin/tokens")],
    ("GET", "/admin/files"): [get("/admin/files")],
    ("GET", "/admin/health"): [get("/admin/health")],
    ("GET", "/admin/audit"): [get("/admin/audit"), get("/admin/audit?subject={ada}")],
    ("GET", "/admin/audit.csv"): [get("/admin/audit.csv"), get("/admin/audit.csv?subject={ada}")],
    ("GET", "/api/v1/audit"): [get("/api/v1/audit"), get("/api/v1/audit?subject={ada}")],
    ("GET", "/api/v1/health"): [get("/api/v1/health")],
    ("GET", "/api/v1/openapi.json"): [get("/api/v1/openapi.json")],
    ("GET", "/api/v1/patients"): [get("/api/v1/patients?q=77001"), get("/api/v1/patients?q=nobody")],
    ("GET", "/api/v1/patients/<id:patient>"): [get("/api/v1/patients/{ada}")],
    ("GET", "/api/v1/scans"): [get("/api/v1/scans"), get("/api/v1/scans?patient={ada}&limit=1")],
    ("GET", "/api/v1/scans/months"): [get("/api/v1/scans/months")],
    ("GET", "/api/v1/scans/<id:scan>"): [get("/api/v1/scans/{scan}"), get("/api/v1/scans/{moved}")],
    ("GET", "/api/v1/uploads"): [
        get("/api/v1/uploads"),
        get("/api/v1/uploads?ids={checked},{rejected}"),
        own("GET /api/v1/uploads?mine=true"),
        own("GET /api/v1/uploads?fields=state&ids={0},{1}"),
    ],
    ("GET", "/api/v1/uploads/<id:upload>"): [get("/api/v1/uploads/{checked}"), own("GET /api/v1/uploads/{0}")],
    ("POST", "/api/v1/uploads"): [
        send("/api/v1/uploads", {"batch": "{new}", "patient": "{ada}", "files": [
            {"ref": "1", "filename": "{files}.jpg", "size": 1}
        ]})
    ],
    ("POST", "/api/v1/uploads/grants"): [own("POST /api/v1/uploads/grants")],
    ("POST", "/api/v1/uploads/complete"): [own("POST /api/v1/uploads/complete")],
    ("DELETE", "/api/v1/uploads/<id:upload>"): [own("DELETE /api/v1/uploads/{0}"), own("DELETE /api/v1/uploads/{1}")],
    ("POST", "/api/v1/scans/links"): [send("/api/v1/scans/links", {"ids": ["{scan}"], "rendition": "display"})],
    ("POST", "/api/v1/scans/<id:scan>/original"): [send("/api/v1/scans/{scan}/original", {})],
    ("POST", "/api/v1/patients"): [
        send("/api/v1/patients", {"mrn": "770010", "name": "Quillfeather, Ada", "birth_date": "1931-02-11"}),
        send("/api/v1/patients", {"mrn": "770010", "name": "Somebody Else", "birth_date": "1931-02-11"}),
    ],
    ("PATCH", "/api/v1/patients/<id:patient>"): [
        send("/api/v1/patients/{ada}", {"name": "Quillfeather, Ada"}, "PATCH"),
        send("/api/v1/patients/{ada}", {"sex": "F"}, "PATCH"),
    ],
    ("POST", "/patients/new"): [
        form("/patients/new", mrn="770010", name="Quillfeather, Ada", birth_date="1931-02-11"),
        form("/patients/new", mrn="770099", name="Elderflower, Eve", birth_date="1935-02-15"),
    ],
    ("POST", "/gallery/cards"): [form("/gallery/cards", scan="{scan}")],
    ("POST", "/move"): [form("/move", scan="{scan}"), form("/move", scan="{scan}", into="{bea}")],
    ("POST", "/move/now"): [
        form("/move/now", **ACT, scan="{scan}", into="{bea}"),
        form("/move/now", **ACT, scan="{other}", seen="{other}:0:1", into="{ada}", reason="mistaken"),
    ],
    ("POST", "/patients/<id:patient>/merge"): [form("/patients/{ada}/merge", mrn="{mrn}")],
    ("POST", "/patients/<id:patient>/unmerge"): [form("/patients/{0}/unmerge", merged, **ACT, reason="mistaken")],
    ("POST", "/scans/<id:scan>/answer"): [form("/scans/{repeat}/answer", **ACT, reason="left")],
    ("POST", "/scans/<id:scan>/retract"): [form("/scans/{0}/retract", answered, **ACT, what="{1}")],
    ("POST", "/upload/settle"): [form("/upload/settle", **ACT, upload="{rejected}", how="given_up", reason="no eye")],
    ("POST", "/scans/<id:scan>/review"): [
        form("/scans/{scan}/review", **ACT, status="reviewed", seen="{scan}:9:1"),
        form("/scans/{0}/review", opened, **ACT, status="reviewed", seen="{0}:0:1"),
    ],
    ("POST", "/scans/<id:scan>/correct"): [
        form("/scans/{scan}/correct", **ACT, eye="OU"),
        form("/scans/{0}/correct", opened, **ACT, eye="OS", reason="mistaken"),
    ],
    ("POST", "/scans/<id:scan>/addendum"): [form("/scans/{scan}/addendum", **ACT, note="seen")],
    ("POST", "/scans/<id:scan>/close"): [
        form("/scans/{repeat}/close", **ACT, note="seen"),
        form("/scans/{0}/close", wanted, **ACT, note="seen", seen="{0}:1:1", without="yes"),
    ],
    ("POST", "/scans/<id:scan>/withdraw"): [
        form("/scans/{scan}/withdraw", **ACT),
        form("/scans/{0}/withdraw", mine, **ACT, reason="blurred"),
    ],
    ("POST", "/scans/<id:scan>/restore"): [form("/scans/{gone}/restore", **ACT, reason="good enough")],
    ("POST", "/api/v1/reviews"): [
        send("/api/v1/reviews", {"id": "{new}", "scans": [{"id": "{moved}", "seen": 0}], "status": "reviewed"}),
        send("/api/v1/reviews", {"id": "{new}", "scans": [{"id": "{moved}", "seen": 2}], "status": "reviewed"}),
        send(
            "/api/v1/reviews", {"id": "{new}", "scans": [{"id": "{0}", "seen": 0}], "status": "reviewed"},
            ready=opened,
        ),
    ],
    ("POST", "/api/v1/scans/opened"): [send("/api/v1/scans/opened", {"scans": [{"id": "{scan}"}]})],
    ("POST", "/api/v1/answers"): [
        send(
            "/api/v1/answers", {"id": "{new}", "scan": "{0}", "possible": False, "reason": "left"}, ready=wanted
        )
    ],
    ("POST", "/api/v1/retractions"): [send("/api/v1/retractions", {"id": "{new}", "act": "{1}"}, ready=answered)],
    ("POST", "/api/v1/uploads/settle"): [
        send(
            "/api/v1/uploads/settle", {"id": "{new}", "upload": "{0}", "how": "given_up", "reason": "no eye"},
            ready=refused,
        )
    ],
    ("POST", "/api/v1/addenda"): [send("/api/v1/addenda", {"id": "{new}", "scans": ["{moved}"], "note": "clear"})],
    ("POST", "/api/v1/withdrawals"): [
        send("/api/v1/withdrawals", {"id": "{new}", "scans": ["{other}"], "reason": "twice"})
    ],
    ("POST", "/api/v1/corrections"): [
        send("/api/v1/corrections", {
            "id": "{new}", "scans": ["{scan}"], "set": {"patient": "{bea}"}, "reason": "mistaken"
        })
    ],
    ("POST", "/api/v1/merges"): [
        send("/api/v1/merges", {"id": "{new}", "absorbed": "{ada}", "into": "{bea}", "reason": "one person"})
    ],
    ("POST", "/api/v1/merges/undo"): [
        send("/api/v1/merges/undo", {"id": "{new}", "absorbed": "{ada}", "reason": "two people"})
    ],
}  # fmt: skip
#: Signing in and out, sessions, accounts, tokens, files of the pages: they know no patient at all.
APART = ("/sign-", "/invite", "/session", "/account/", "/admin/accounts/", "/admin/sessions/", "/admin/tokens",
         "/static/", "/problems/", "/livez")  # fmt: skip
CLINICAL = [(Role.TECHNICIAN,), (Role.PHYSICIAN,), (Role.TECHNICIAN, Role.ADMIN), (Role.PHYSICIAN, Role.ADMIN)]


def test_every_route_is_walked_or_knows_no_patient(app: Flask) -> None:
    routes = {
        (method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }  # fmt: skip
    assert {route for route in routes - ASKED.keys() if not route[1].startswith(APART)} == set(), "say in ASKED how"
    assert ASKED.keys() - routes == set(), "there is no such route"


@pytest.mark.usefixtures("every_look")
@pytest.mark.parametrize("roles", CLINICAL, ids="+".join)
def test_every_patient_in_an_answer_is_named_in_the_audit_row_written_with_it(
    app: Flask, world: World, roles: tuple[Role, ...]
) -> None:
    seen: set[str] = set()
    statuses: dict[tuple[str, str], set[int]] = {}
    for route, answer, rows in walk(app, world, roles, again=True):
        statuses.setdefault(route, set()).add(answer.status_code)
        body = answer.get_data(as_text=True)
        shown = {one.id for one in known(world) if shows(body, one, ids=route[1] not in TRAIL)}
        named = {subject for row in rows for subject in row.subjects}
        assert shown <= named, (
            route,
            answer.status_code,
            [one.name for one in known(world) if one.id in shown - named],
        )
        seen |= {route[1]} if shown else set()
        assert {one for one, file in world.files.items() if file in body} <= named, route
    # That the walk sees anything at all, and that whoever may ask for something gets it at least once.
    assert [route for route, some in statuses.items() if min(some) >= 400 and some != {403}] == []
    assert {"/gallery", "/scans/<id:scan>", "/upload/today", "/upload/receipt", "/api/v1/uploads", "/upload"} <= seen
    assert ("/worklist" in seen) == (Role.PHYSICIAN in roles)
    assert ("/admin/audit" in seen) == (Role.ADMIN in roles)


@pytest.mark.parametrize("roles", CLINICAL, ids="+".join)
def test_no_row_names_a_patient_of_whom_the_answer_shows_nothing(
    app: Flask, world: World, roles: tuple[Role, ...]
) -> None:
    for route, answer, rows in walk(app, world, roles, only="GET"):
        if route[1] in TRAIL or answer.status_code != 200:
            continue
        body = answer.get_data(as_text=True)
        of = {
            one.id
            for one in known(world)
            if shows(body, one) or any(scan.id in body for scan in world.scans.get(one.id, []))
        }
        named = {subject for row in rows for subject in row.subjects} & {one.id for one in known(world)}
        # Who corrected a patient is told without the name of the one before.
        assert named <= of | ({world.patients[3].id} if "/scans/" in route[1] else set()), route


def test_a_picture_that_is_opened_after_its_words_were_read_is_a_view_of_its_own(app: Flask, world: World) -> None:
    client, repeat = signed_in(app, Role.TECHNICIAN), world.scans[world.patients[1].id][0].id
    written = []
    for path in (f"/upload?repeat={repeat}", f"/scans/{repeat}", f"/scans/{repeat}"):
        before = rows_of(world.parts.catalog)
        assert client.get(path).status_code == 200
        with world.parts.catalog.read() as tx:
            new = [row for row in audit.newest(tx, before=None, limit=20) if row.id > before]
        written.append([row.act for row in new if repeat in row.subjects])
    assert written[1] == ["scan.see"]
    assert written[2] == []


def test_what_only_says_that_a_list_goes_on_is_not_named(app: Flask, world: World) -> None:
    eve, _ = world.parts.patients.make(
        people.actor(), mrn="1", name="Elderflower, Eve", birth_date=date(1935, 2, 15), now=NOW
    )
    old = shelf.scan(world.parts, eve, NOW - timedelta(days=4000))
    shelf.series(world.parts, world.ada, 60 - sum(len(some) for some in world.scans.values()) + 1)
    for headers in ({}, HTMX):
        client = signed_in(app, Role.PHYSICIAN)
        page = client.get("/gallery", headers=headers).get_data(as_text=True)
        assert "after=" in page
        assert "Eve" not in page
        with world.parts.catalog.read() as tx:
            row = audit.newest(tx, before=None, limit=1)[0]
        assert row.act == "gallery.see"
        assert not {eve.id, old.id} & set(row.subjects)
    for number in range(12):
        world.parts.patients.make(
            people.actor(), mrn=f"A{number}", name=f"Aa Elder {number:02}", birth_date=date(1935, 2, 15), now=NOW
        )
    found = client.post("/patients/search", data={"q": "elder"}).get_data(as_text=True)
    assert "There are more" in found
    with world.parts.catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert len(row.subjects) == 12
    assert eve.id not in row.subjects


def test_who_is_only_an_administrator_is_told_no_patient_and_no_file_name(app: Flask, world: World) -> None:
    # Everybody has looked at everything before, so that the trail is full.
    for _ in walk(app, world, (Role.TECHNICIAN, Role.PHYSICIAN)):
        pass
    answered = set()
    for route, answer, _rows in walk(app, world, (Role.ADMIN,)):
        body = answer.get_data(as_text=True)
        assert not [one.name for one in known(world) if shows(body, one, ids=False)], route
        assert FILES not in body, route
        answered |= {route[1]} if answer.status_code == 200 else set()
    assert {"/admin/audit", "/admin/audit.csv", "/api/v1/audit", "/admin/files", "/admin/health"} <= answered


def test_an_upload_that_an_administrator_gives_up_is_told_without_patient_and_file_name(
    app: Flask, world: World
) -> None:
    sender, admin = signed_in(app, Role.TECHNICIAN), signed_in(app, Role.ADMIN)
    [upload, _] = world.told(sender)
    told = admin.delete(f"/api/v1/uploads/{upload}").get_json()
    assert told["state"] == "expired"
    assert set(told) == {"id", "batch", "state", "reason", "sentence", "stored_at", "scans", "safe"}
    mine = sender.get(f"/api/v1/uploads?fields=state&ids={upload}").get_json()["uploads"]
    assert [one["ref"] for one in mine] == ["0"]


def test_asking_where_ones_own_uploads_stand_is_no_view(app: Flask, world: World) -> None:
    sender, other = signed_in(app, Role.TECHNICIAN), signed_in(app, Role.TECHNICIAN)
    ids = world.told(sender)
    before = rows_of(world.parts.catalog)
    told = sender.get(f"/api/v1/uploads?fields=state&ids={','.join(ids)}").get_json()["uploads"]
    assert {one["state"] for one in told} == {"pending", "received"}
    assert not {"patient", "filename", "digest"} & {name for one in told for name in one}
    assert other.get(f"/api/v1/uploads?fields=state&ids={','.join(ids)}").get_json()["uploads"] == []
    assert rows_of(world.parts.catalog) == before


def test_the_audit_page_gives_names_and_links_to_whoever_may_see_patients(app: Flask, world: World) -> None:
    signed_in(app, Role.PHYSICIAN).get(f"/scans/{world.scan.id}")
    both = signed_in(app, Role.PHYSICIAN, Role.ADMIN, name="Bo Both")
    page = both.get("/admin/audit?act=scan.see").get_data(as_text=True)
    assert f'<a href="/patients/{world.ada.id}"><bdi>Quillfeather, Ada</bdi></a>' in page
    assert f'<a href="/scans/{world.scan.id}">' in page
    # And that it named them is a view of its own.
    with world.parts.catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert (row.act, row.account_name, row.subjects) == ("audit.names", "Bo Both", [world.ada.id])
    # By the patient's id an administrator finds who looked, and learns no name by it.
    alone = signed_in(app, Role.ADMIN).get(f"/admin/audit?subject={world.ada.id}").get_data(as_text=True)
    assert "scan.see" in alone
    assert "Quillfeather" not in alone
    assert "/patients/" not in alone


@pytest.mark.parametrize("act", [Act.SEE_SCANS, Act.FIND_PATIENT])
def test_names_in_the_trail_are_for_those_who_may_see_patients(act: Act) -> None:
    assert not may(people.actor(Role.ADMIN), act)


VIEWS = ["/gallery", "/worklist", "/api/v1/uploads", "/upload/today", "/scans/{scan}", "/patients/{ada}"]


@pytest.mark.parametrize("path", VIEWS)
def test_a_page_whose_row_cannot_be_written_is_not_shown(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client = signed_in(app, Role.TECHNICIAN, Role.PHYSICIAN)
    world.told(client)

    def busy(*_: object, **__: object) -> None:
        raise CatalogBusy()

    monkeypatch.setattr(audit, "add", busy)
    answer = client.get(filled(path, world))
    assert answer.status_code == 503
    assert "Quillfeather" not in answer.get_data(as_text=True)


class TestView:
    """One row for the same look: the law of ``audit.view``."""

    WHO = people.actor(Role.PHYSICIAN)

    def rows(self, parts: Parts, *views: tuple[Actor, str, list[str], datetime]) -> int:
        with parts.catalog.write() as tx:
            for who, act, subjects, now in views:
                trail.view(tx, who, act, now=now, subjects=subjects)
            return len(audit.newest(tx, before=None, limit=100))

    def test_the_same_account_act_and_subjects_within_ten_minutes_are_one_row(self, parts: Parts) -> None:
        later = [NOW + timedelta(minutes=minutes) for minutes in (0, 1, 9, 10)]
        assert self.rows(parts, *((self.WHO, "scan.see", ["a", "b"], now) for now in later)) == 1

    def test_the_order_of_subjects_makes_no_other_look(self, parts: Parts) -> None:
        assert self.rows(parts, (self.WHO, "x", ["a", "b"], NOW), (self.WHO, "x", ["b", "a", "b"], NOW)) == 1

    def test_a_look_after_ten_minutes_is_a_row_of_its_own(self, parts: Parts) -> None:
        late = NOW + trail.SAME_VIEW + timedelta(microseconds=1)
        assert self.rows(parts, (self.WHO, "x", ["a"], NOW), (self.WHO, "x", ["a"], late)) == 2

    def test_another_account_act_or_subject_is_another_row(self, parts: Parts) -> None:
        other = people.actor(Role.PHYSICIAN)
        views = [(self.WHO, "x", ["a"], NOW), (other, "x", ["a"], NOW), (self.WHO, "y", ["a"], NOW)]
        assert self.rows(parts, *views, (self.WHO, "x", ["b"], NOW), (self.WHO, "x", ["a", "b"], NOW)) == 5

    def test_another_page_is_another_row(self, parts: Parts) -> None:
        first, second = (replace(self.WHO, page=page) for page in ("/upload", "/scans/<id:scan>"))
        assert self.rows(parts, (first, "x", ["a"], NOW), (second, "x", ["a"], NOW), (first, "x", ["a"], NOW)) == 2

    def test_a_row_from_a_clock_that_ran_ahead_hides_no_look(self, parts: Parts) -> None:
        ahead = NOW + timedelta(minutes=5)
        assert self.rows(parts, (self.WHO, "x", ["a"], ahead), (self.WHO, "x", ["a"], NOW)) == 2


def walk(
    app: Flask, world: World, roles: tuple[Role, ...], *, only: str | None = None, again: bool = False
) -> Iterator[tuple[tuple[str, str], TestResponse, list[AuditRow]]]:
    """Ask every route, each time as a new account, whose rows are all of this one request.

    ``only``: leave out what is asked by another method. ``again``: say each act twice.
    """
    for route, asks in ASKED.items():
        for ask in asks if only in (None, route[0]) else []:
            client = signed_in(app, *roles)
            made = ask.ready(world, client) if ask.ready else []
            names = {f"{{{number}}}": one for number, one in enumerate(made)} | {"{new}": new_id(NOW)}
            for _ in range(2 if again and ask.twice else 1):
                before = rows_of(world.parts.catalog)
                answer = ask.run(world, client, names)
                assert answer.status_code < 500, route
                with world.parts.catalog.read() as tx:
                    rows = [row for row in audit.newest(tx, before=None, limit=20) if row.id > before]
                yield route, answer, rows


@pytest.fixture
def every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write each view down, also one that was a moment ago: what is asked for twice must say twice whom it shows."""
    monkeypatch.setattr(trail, "SAME_VIEW", timedelta(microseconds=-1))


def rows_of(catalog: Catalog) -> int:
    with catalog.read() as tx:
        return max((row.id for row in audit.newest(tx, before=None, limit=1)), default=0)


def known(world: World) -> list[Patient]:
    """Every patient there is by now: the walk makes one."""
    with world.parts.catalog.read() as tx:
        made = patients.find_by_mrn(tx, "clinic", "770099")
    return [*world.patients, *(one for one in (world.old, made) if one)]


def shows(body: str, patient: Patient, *, ids: bool = True) -> bool:
    """Say whether a body shows a patient: by a part of the name, the record number, the birth date, or the id."""
    told = [patient.name.split(",")[0], patient.mrn, patient.birth_date, texts.day(patient.birth_date)]
    return any(one in body for one in told + ([patient.id] if ids else []))
