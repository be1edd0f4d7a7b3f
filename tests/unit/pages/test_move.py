"""Moving scans to another patient: both are shown, nothing is lost, and it is one act."""

from __future__ import annotations

from datetime import timedelta

from flask.testing import FlaskClient

from broker.catalog import scans
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Role
from tests.people import NOW, actor
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page
from tests.unit.pages.test_reading import form

DAY = timedelta(days=1)


def whose(parts: Parts, *rows: Scan) -> list[str]:
    with parts.catalog.read() as tx:
        found = scans.find(tx, [row.id for row in rows])
    return [found[row.id][0].patient_id for row in rows]


def asked(client: FlaskClient, status: int = 200, **fields: object) -> Page:
    answer = client.post("/move", data=fields)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return Page(answer.get_data(as_text=True))


def test_both_patients_and_the_visits_that_move_are_shown_before_anything_is_done(
    technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    rows = [shelf.scan(parts, ada), shelf.scan(parts, ada), shelf.scan(parts, ada, NOW - DAY)]
    ids = [row.id for row in rows]
    first = asked(technician, scan=ids)
    assert "Move 3 scans to another patient" in first.words
    assert not [one for one in first.all("form") if one.attributes.get("action") == "/move/now"]
    both = asked(technician, scan=ids, into=bea.id)
    for words in (
        *("Example, Ada", "0012345", "2 scans of 22 Nov 2026", "1 scan of 21 Nov 2026"),
        *("Other, Bea", "77", "21 Mar 1957"),
    ):
        assert words in both.words
    assert whose(parts, *rows) == [ada.id] * 3
    data = form(both, "/move/now") | {"reason": "The device had the wrong patient", "words": "Camera 2"}
    answer = technician.post("/move/now", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/patients/{bea.id}")
    assert whose(parts, *rows) == [bea.id] * 3
    # Sent twice, it is one act.
    assert technician.post("/move/now", data=data).status_code == 303
    words = Page(technician.get(f"/scans/{ids[0]}").get_data(as_text=True)).words
    assert words.count("The device had the wrong patient: Camera 2") == 1


def test_one_scan_is_followed_to_where_it_went(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    scan = shelf.scan(parts, ada)
    data = form(asked(physician, scan=scan.id, into=bea.id), "/move/now") | {"reason": "Compared with the picture"}
    assert physician.post("/move/now", data=data).headers["Location"] == f"/scans/{scan.id}"


def test_who_is_theirs_already_stays(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    hers, mine = shelf.scan(parts, bea), shelf.scan(parts, ada)
    page = asked(physician, scan=[hers.id, mine.id], into=bea.id)
    assert form(page, "/move/now")["scan"] == [mine.id]
    none = asked(physician, scan=[hers.id], into=bea.id)
    assert "filed under this patient already" in none.words
    assert not [one for one in none.all("form") if one.attributes.get("action") == "/move/now"]


def test_without_a_reason_nothing_moves_and_what_was_typed_is_still_there(
    physician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    scan = shelf.scan(parts, ada)
    data = form(asked(physician, scan=scan.id, into=bea.id), "/move/now")
    answer = physician.post("/move/now", data=data | {"reason": "", "words": " "})
    assert answer.status_code == 422
    assert "Nothing was moved" in answer.get_data(as_text=True)
    long = physician.post("/move/now", data=data | {"reason": "Seen on the film", "words": "x" * 1001})
    assert long.status_code == 422
    assert "Seen on the film" in long.get_data(as_text=True)
    assert "x" * 1001 in long.get_data(as_text=True)
    assert whose(parts, scan) == [ada.id]


def test_a_withdrawn_scan_or_none_at_all_is_not_moved(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada, withdrawn=True)
    asked(physician, 404, scan=[scan.id])
    asked(physician, 422)
    assert physician.post("/move/now", data={"scan": scan.id, "act": new_id(NOW), "reason": "x"}).status_code == 422


def test_a_move_never_overrules_a_newer_one_that_its_page_did_not_show(
    technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    cleo = shelf.patient(parts, mrn="78", name="Right, Cleo")
    scan = shelf.scan(parts, ada)
    data = form(asked(technician, scan=scan.id, into=bea.id), "/move/now") | {"reason": "Mixed up", "words": ""}
    parts.records.correct(
        actor(Role.TECHNICIAN), new_id(NOW), [scan.id], changes={"patient": cleo.id}, reason="Hers.", now=NOW
    )
    late = technician.post("/move/now", data=data)
    page = Page(late.get_data(as_text=True))
    assert late.status_code == 412
    assert whose(parts, scan) == [cleo.id]
    # The page comes back with whose it is now, and with what was typed.
    assert "Right, Cleo" in page.words
    assert "Nothing was moved" in page.words
    again = technician.post("/move/now", data=form(page, "/move/now") | {"reason": "Mixed up", "words": ""})
    assert again.status_code == 303
    assert whose(parts, scan) == [bea.id]
    # A form that says nothing of what it showed has shown nothing.
    bare = {"act": new_id(NOW), "scan": scan.id, "into": ada.id, "reason": "Mixed up"}
    assert technician.post("/move/now", data=bare).status_code == 412
