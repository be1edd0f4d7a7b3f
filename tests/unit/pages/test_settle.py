"""What is in doubt about a scan is asked on its page, and one press settles it; technicians may."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from broker.catalog import patients, scans
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.parts import Parts
from broker.words import Attention, CaptureSource, Eye
from tests.people import NOW
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page
from tests.unit.pages.test_reading import form, read

FILE = {"name": "Somebody^Else", "birth_date": "1960-01-01", "id": "99"}


def doubted(parts: Parts, who: Patient, attention: Attention, **claims: Any) -> Scan:
    nothing = shelf.facts()["declared"]
    facts = shelf.facts(declared=nothing | claims.get("declared", {}), detected=nothing | claims.get("detected", {}))
    return shelf.scan(parts, who, attention=[attention], facts=facts)


def now_is(parts: Parts, scan: Scan) -> Scan:
    with parts.catalog.read() as tx:
        return scans.find(tx, [scan.id])[scan.id][0]


def answers(page: Page, name: str) -> list[str]:
    return [one.attributes["value"] for one in page.all("button") if one.attributes.get("name") == name]


@pytest.mark.parametrize("right", ["OD", "OS"])
def test_one_press_says_which_eye_is_right_and_settles_it(
    technician: FlaskClient, parts: Parts, ada: Patient, right: str
) -> None:
    scan = doubted(parts, ada, Attention.EYE, declared={"eye": "OD"}, detected={"eye": "OS"})
    page = read(technician, f"/scans/{scan.id}")
    assert "The file says OS, the technician said OD. Which is right?" in page.words
    assert answers(page, "eye") == ["OD", "OS"]
    data = form(page, "/correct") | {"eye": right, "reason": "Compared with the picture", "words": ""}
    assert technician.post(f"/scans/{scan.id}/correct", data=data).status_code == 303
    assert now_is(parts, scan).eye == right
    assert Attention.EYE not in now_is(parts, scan).attention
    assert not answers(read(technician, f"/scans/{scan.id}"), "eye")


def test_a_file_that_contradicts_itself_is_asked_about_too(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    page = read(technician, f"/scans/{doubted(parts, ada, Attention.EYE).id}")
    assert answers(page, "eye") == ["OD", "OS"]


def test_the_patient_is_confirmed_or_the_scan_is_moved(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = doubted(parts, ada, Attention.PATIENT, detected={"patient": FILE})
    page = read(technician, f"/scans/{scan.id}")
    assert "The file names Somebody^Else · 1960-01-01 · 99." in page.words
    assert answers(page, "patient") == [ada.id]
    assert [one for one in page.all("form") if one.attributes.get("action") == "/move"]
    data = form(page, "/correct") | {"patient": ada.id, "reason": "Asked who took it"}
    assert technician.post(f"/scans/{scan.id}/correct", data=data).status_code == 303
    assert now_is(parts, scan).attention == []
    assert now_is(parts, scan).patient_id == ada.id


def test_words_from_a_file_are_isolated_in_the_question_about_the_patient(
    technician: FlaskClient, parts: Parts
) -> None:
    # A name that was stored before such marks were refused.
    who = shelf.patient(parts, mrn="78", name="Other, Bea")
    turned = replace(who, name="Other, \u202eBea", mrn="7\u202e8", version=who.version + 1)
    with parts.catalog.write() as tx:
        patients.put(tx, turned, {"version": turned.version}, NOW)
    hint = {"name": "Evil\u202e<b>man", "birth_date": "1960-01-01", "id": "9\u202e9"}
    text = technician.get(f"/scans/{doubted(parts, who, Attention.PATIENT, detected={'patient': hint}).id}").text
    question = text[text.index('id="settle-patient"') : text.index("<details>", text.index('id="settle-patient"'))]
    said = ("Evil\u202e&lt;b&gt;man", "9\u202e9", "Other, \u202eBea", "7\u202e8")
    assert all(f"<bdi>{one}</bdi>" in question for one in said)
    assert "\u202e" not in re.sub("<bdi>[^<]*</bdi>", "", question)
    assert ">It is Other, Bea</button>" in question


def test_this_page_never_moves_a_scan_to_a_patient_that_it_does_not_show(
    technician: FlaskClient, parts: Parts, ada: Patient
) -> None:
    bea = shelf.patient(parts, mrn="77", name="Other, Bea")
    scan = doubted(parts, ada, Attention.PATIENT, detected={"patient": FILE})
    data = form(read(technician, f"/scans/{scan.id}"), "/correct") | {"patient": bea.id, "reason": "x"}
    assert technician.post(f"/scans/{scan.id}/correct", data=data).status_code == 422
    assert now_is(parts, scan).patient_id == ada.id


def test_a_time_is_confirmed_as_it_is(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    scan = doubted(parts, ada, Attention.CAPTURED_AT)
    page = read(technician, f"/scans/{scan.id}")
    data = form(page, "/correct") | {"captured_at": answers(page, "captured_at")[0], "reason": "Compared"}
    assert technician.post(f"/scans/{scan.id}/correct", data=data).status_code == 303
    settled = now_is(parts, scan)
    assert (settled.captured_at, settled.captured_source, settled.attention) == (NOW, CaptureSource.CORRECTED, [])


def test_what_is_only_to_be_known_is_shown_and_not_asked(technician: FlaskClient, parts: Parts, ada: Patient) -> None:
    page = read(technician, f"/scans/{shelf.scan(parts, ada, attention=[Attention.STORED_ELSEWHERE], eye=Eye.OS).id}")
    assert Attention.STORED_ELSEWHERE.sentence in page.words
    assert not [one for one in page.elements if "settle" in one.attributes.get("class", "")]
