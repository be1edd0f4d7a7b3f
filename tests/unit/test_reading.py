"""Reading: what waits, a patient's visits by eye, what came before a scan."""

from __future__ import annotations

from datetime import timedelta

import pytest

from broker.catalog.patients import Patient
from broker.catalog.scans import Filter, Scan
from broker.errors import NotAllowed, PatientNotFound
from broker.ids import new_id
from broker.parts import Parts
from broker.reading import Around
from broker.words import Eye, Kind, Review, Role
from tests.people import NOW, actor
from tests.unit.pages import shelf

DOC, TECH = actor(Role.PHYSICIAN), actor(Role.TECHNICIAN)
DAY = timedelta(days=1)


def around(parts: Parts, scan: Scan) -> Around:
    return parts.reading.around(DOC, parts.gallery.one(DOC, scan.id, now=NOW))


def test_the_worklist_has_urgent_visits_first_then_the_oldest(parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    shelf.scan(parts, ada, NOW - 3 * DAY)
    shelf.scan(parts, ada, NOW - 3 * DAY, eye=Eye.OS)
    shelf.scan(parts, bea, NOW - 9 * DAY)
    shelf.scan(parts, bea, NOW, urgent=True)
    done = shelf.scan(parts, ada, NOW - 20 * DAY)
    parts.records.review(DOC, new_id(NOW), {done.id: 0}, status=Review.REVIEWED, note="", now=NOW, unopened=True)
    shelf.scan(parts, ada, NOW - 30 * DAY, withdrawn=True)
    found, count, urgent = parts.reading.worklist(DOC, now=NOW)
    listed = [(one.patient.id, one.day, one.scans, one.urgent) for one in found]
    assert listed == [
        (bea.id, "2026-11-22", 1, True),
        (bea.id, "2026-11-13", 1, False),
        (ada.id, "2026-11-19", 2, False),
    ]
    assert (count, urgent) == (3, 1)
    following = parts.reading.next_visit(DOC, but=(bea.id, "2026-11-22"))
    assert following is not None
    assert (following.patient.id, following.day) == (bea.id, "2026-11-13")
    with pytest.raises(NotAllowed):
        parts.reading.worklist(TECH, now=NOW)


def test_the_neighbours_are_the_same_patients(parts: Parts, ada: Patient) -> None:
    bea = shelf.patient(parts, mrn="2", name="Other, Bea")
    old, middle, new = (shelf.scan(parts, ada, NOW - days * DAY) for days in (2, 1, 0))
    shelf.scan(parts, bea, NOW - timedelta(hours=30))
    found = around(parts, middle)
    assert (found.newer, found.older) == (new, old)
    assert around(parts, new).newer is None


def test_the_prior_is_the_latest_earlier_one_of_that_eye_and_kind_without_a_question(
    parts: Parts, ada: Patient
) -> None:
    now, _ = shelf.scan(parts, ada), shelf.scan(parts, ada, NOW - DAY, eye=Eye.OS)
    shelf.scan(parts, ada, NOW - DAY, kind=Kind.OCT)
    flagged = shelf.scan(parts, ada, NOW - 2 * DAY, attention=["eye"])
    prior = shelf.scan(parts, ada, NOW - 3 * DAY)
    shelf.scan(parts, ada, NOW - 4 * DAY)
    found = around(parts, now)
    assert (found.prior, found.flagged_prior) == (prior, flagged)
    shelf.scan(parts, ada, NOW - timedelta(minutes=1))  # of the same visit: another question
    assert around(parts, now).prior == prior
    fellow = shelf.scan(parts, ada, NOW + timedelta(minutes=1), eye=Eye.OS)
    assert around(parts, now).fellow == fellow
    assert {now.id, fellow.id} < {one.id for one in around(parts, now).visit}


def test_a_chart_has_the_right_eye_left_the_left_eye_right_and_folds_long_runs(parts: Parts, ada: Patient) -> None:
    run = [shelf.scan(parts, ada, NOW - timedelta(seconds=n), kind=Kind.ICG_ANGIOGRAPHY) for n in range(9)]
    left = shelf.scan(parts, ada, eye=Eye.OS)
    unknown = shelf.scan(parts, ada, eye=Eye.UNKNOWN)
    before = shelf.scan(parts, ada, NOW - 400 * DAY)
    gone = shelf.scan(parts, ada, withdrawn=True)
    chart = parts.reading.chart(DOC, ada.id, now=NOW)
    today, earlier = chart.visits
    assert [(len(fold.shown), fold.count) for fold in today.right] == [(1, 9)]
    assert today.right[0].shown[0].scan == run[0]
    assert [fold.shown[0].scan for fold in today.left] == [left]
    assert [fold.shown[0].scan for fold in today.other] == [unknown]
    assert earlier.right[0].shown[0].scan == before
    assert chart.withdrawn == (gone,)
    with pytest.raises(PatientNotFound):
        parts.reading.chart(DOC, new_id(NOW), now=NOW)


def test_devices_are_listed_once_by_name(parts: Parts, ada: Patient) -> None:
    for device in ("B cam", "A cam", "", "B cam"):
        shelf.scan(parts, ada, device=device)
    assert parts.reading.front(DOC, Filter(), after=None, limit=9, now=NOW).devices == ["A cam", "B cam"]
