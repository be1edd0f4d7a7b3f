"""Words from outside: wherever a page writes a name, a note, a reason, a file name or a device, it isolates it.

The words here were stored before such marks were refused: they go into the catalog past every check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser

import pytest
from flask import Flask

from broker.catalog import tables, uploads
from broker.ids import new_id
from broker.pages.outside import Outside
from broker.parts import Parts
from broker.words import Eye, Review, Role, State
from tests import people
from tests.people import NOW
from tests.unit.conftest import signed_in
from tests.unit.pages import shelf
from tests.unit.test_who_looked import World, walk

#: Turns what follows, and never turns it back; with a letter that reads from right to left.
MARK = "\u202eא"
#: What the browser does not lay out with the words around: forms that give back what was typed, and data for scripts.
APART = ("textarea", "script")
TYPED = ("value", "data-query", "content")


class Outsiders(HTMLParser):
    """Finds every mark that stands where it turns other words: outside of <bdi>, or in an attribute that is shown."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.loose: list[str] = []
        self.isolated = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if MARK in (value or "") and name not in TYPED:
                self.loose.append(f"{tag} {name}={value}")
            assert "<bdi>" not in (value or ""), f"{tag} {name}={value}"
        if tag in ("bdi", *APART):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("bdi", *APART):
            assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if MARK in data:
            self.isolated += bool(self.inside)
            if not self.inside:
                self.loose.append(data)


@pytest.fixture
def world(parts: Parts) -> World:
    """The world of the walk, in which everything that people and files say carries the mark."""
    made, kept = [], {}
    for number in range(4):
        patient, _ = parts.patients.make(
            people.actor(), mrn=f"77001{number}", name=f"Example {number}", birth_date=date(1931, 2, 1), now=NOW
        )
        made.append(replace(patient, name=f"Ada{MARK} {number}", mrn=f"77001{number}"))
        said = {"filename": f"a{MARK}.jpg", "note": f"note {MARK}", "sent_by": f"Tess {MARK}"}
        found = {**shelf.facts()["detected"], "patient": {"name": f"Cem{MARK}", "id": f"1{MARK}"}, "eye": "OS"}
        facts = shelf.facts(**said, detected=found)
        days = (number, 30 + number, 60)
        rows = [shelf.made(patient, NOW - timedelta(days=day), facts=facts, device=f"Cam {MARK}") for day in days]
        rows[1] = replace(rows[1], eye=Eye.OS)
        kept[patient.id] = shelf.put(parts, rows)
    doctor = replace(people.actor(Role.PHYSICIAN), name=f"Phil {MARK}")
    ids = {"status": Review.REPEAT, "note": f"again {MARK}", "now": NOW}
    shelf.look(parts, doctor, kept[made[1].id][0])
    parts.records.review(doctor, new_id(NOW), {kept[made[1].id][0].id: 0}, **ids)  # type: ignore[arg-type]
    moved = kept[made[0].id][1].id
    for to in (made[3].id, made[0].id):
        parts.records.correct(doctor, new_id(NOW), [moved], changes={"patient": to}, reason=MARK, now=NOW)
    parts.records.withdraw(doctor, new_id(NOW), [kept[made[0].id][2].id], reason=MARK, now=NOW)
    checked, rejected = shelf.checked(parts, made[2]), shelf.checked(parts, made[3])
    with parts.catalog.write() as tx:
        row = replace(uploads.find(tx, [rejected])[rejected], state=State.REJECTED, reason="type", ended_at=NOW)
        uploads.restore(tx, replace(row, filename=f"r{MARK}.jpg", account_name=f"Tess {MARK}"))
        for one in made:
            named = tables.patients.update().where(tables.patients.c.id == one.id)
            tx.execute(named.values(name=one.name, name_key=one.name.casefold()))
        version = {"changed_at": NOW.isoformat(), "changed_by": MARK, "name": MARK, "mrn": MARK}
        tx.execute(tables.patient_versions.update().values(document=version | {"birth_date": "1931-02-01"}))
        tx.execute(tables.audit.update().values(account_name=f"Tess {MARK}", detail={"reason": MARK}))
    return World(parts, made, kept, checked, rejected)


def pages(app: Flask, world: World) -> Iterator[tuple[str, str]]:
    """Every page and fragment, as somebody who may see them all."""
    for route, answer, _ in walk(app, world, (Role.TECHNICIAN, Role.PHYSICIAN, Role.ADMIN)):
        with world.parts.catalog.write() as tx:  # what this very walk declares and does carries the mark, too
            tx.execute(tables.uploads.update().values(filename=f"a{MARK}.jpg"))
            tx.execute(tables.accounts.update().values(name=tables.accounts.c.id + MARK))
        if answer.mimetype == "text/html":
            yield route[1], answer.get_data(as_text=True)


def test_every_word_from_outside_is_isolated_on_every_page(app: Flask, world: World) -> None:
    isolated: dict[str, int] = {}
    for route, html in pages(app, world):
        found = Outsiders(html)
        assert found.loose == [], route
        isolated[route] = isolated.get(route, 0) + found.isolated
    # A page that shows nothing of it has told nothing here.
    shown = {route for route, count in isolated.items() if count}
    assert {
        *("/", "/gallery", "/gallery/fresh", "/worklist", "/upload", "/upload/today", "/compare", "/patients/search"),
        *("/patients/<id:patient>", "/patients/<id:patient>/over-time", "/patients/<id:patient>/visits/<day>"),
        *("/scans/<id:scan>", "/patients/<id:patient>/merge", "/admin/accounts", "/admin/audit", "/admin/files"),
    } <= shown


def test_the_receipt_isolates_file_names(app: Flask, world: World) -> None:
    client = signed_in(app, Role.TECHNICIAN)
    ids = world.told(client)
    with world.parts.catalog.write() as tx:
        tx.execute(tables.uploads.update().values(filename=f"a{MARK}.jpg"))
    found = Outsiders(client.get(f"/upload/receipt?batch={world.batch(ids)}").get_data(as_text=True))
    assert found.loose == []
    assert found.isolated >= 3


@pytest.mark.parametrize("name", ["note", "reason"])
def test_a_form_says_which_field_has_characters_that_cannot_be_seen(app: Flask, world: World, name: str) -> None:
    client, act = signed_in(app, Role.PHYSICIAN), {"act": new_id(NOW), "eye": "OS", "status": "reviewed"}
    path = f"/scans/{world.scan.id}/{'correct' if name == 'reason' else 'review'}"
    answer = client.post(path, data={**act, name: f"a{MARK}b", "seen": f"{world.scan.id}:0:1"})
    assert answer.status_code == 422
    assert f"The {name}: There are characters in it that cannot be seen" in answer.get_data(as_text=True)


def test_what_is_outside_is_escaped_first() -> None:
    assert Outside("<b>&").__html__() == "<bdi>&lt;b&gt;&amp;</bdi>"
    assert Outside("").__html__() == ""
