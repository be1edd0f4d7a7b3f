"""Reviews: they say what was seen, they cover nothing that was not, and nothing stands in their way unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.catalog import audit
from broker.catalog import records as rows
from broker.catalog.patients import Patient
from broker.catalog.scans import Scan
from broker.errors import AttentionOpen, BrokerError, IllegalMove, Invalid, NotAllowed, NotOpened, Stale
from broker.ids import new_id
from broker.parts import Parts
from broker.records.stale import Seen
from broker.words import Attention, Review, Role
from tests.people import NOW, actor
from tests.unit.clinic import DOC, TECH, Clinic
from tests.unit.pages import shelf


def sign(clinic: Clinic, *scans: Scan, by: Any = DOC, **more: Any) -> list[Any]:
    """Review without opening anything."""
    seen = {scan.id: clinic.now_is(scan).records for scan in scans}
    return clinic.records.review(by, new_id(NOW), seen, status=Review.REVIEWED, note="", now=NOW, **more)


def test_scans_that_were_never_opened_are_not_signed_silently(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    seen, unseen = shelf.series(parts, ada, 2)
    shelf.look(parts, DOC, seen)
    with pytest.raises(NotOpened) as caught:
        sign(clinic, seen, unseen)
    assert caught.value.members["scans"] == [unseen.id]
    assert "1 of 2" in caught.value.detail
    assert clinic.now_is(seen).records == 0
    made = {one["scan"]: one for one in sign(clinic, seen, unseen, unopened=True)}
    assert (made[seen.id]["opened"], made[unseen.id]["opened"]) == (True, False)
    assert made[seen.id]["seen"] == {"records": 0, "manifest": 1}
    assert {one["slices"] for one in made.values()} == {None}


def test_what_somebody_else_has_opened_does_not_count(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    shelf.look(parts, actor(Role.PHYSICIAN), scan)
    with pytest.raises(NotOpened):
        sign(clinic, scan)


def test_of_a_volume_the_record_keeps_how_many_slices_were_seen_at_most(
    clinic: Clinic, parts: Parts, ada: Patient
) -> None:
    frames = shelf.facts()["renditions"] | {"frames": shelf.facts()["renditions"]["display"]}
    volume = shelf.scan(parts, ada, facts=shelf.facts(frames=128, renditions=frames))
    for slices in (1, 40, 7):
        shelf.look(parts, DOC, volume, slices=slices)
    [made] = sign(clinic, volume)
    assert made["slices"] == [40, 128]
    other = shelf.scan(parts, ada, facts=shelf.facts(frames=128, renditions=frames))
    shelf.look(parts, DOC, other, slices=900)
    assert sign(clinic, other)[0]["slices"] == [128, 128]
    unseen = shelf.scan(parts, ada, facts=shelf.facts(frames=128, renditions=frames))
    assert sign(clinic, unseen, unopened=True)[0]["slices"] == [0, 128]


@pytest.mark.parametrize("renditions", [{}, {"thumbnail": shelf.facts()["renditions"]["thumbnail"]}])
def test_a_scan_without_preview_counts_as_not_opened(
    clinic: Clinic, parts: Parts, ada: Patient, renditions: dict[str, Any]
) -> None:
    scan = shelf.scan(parts, ada, facts=shelf.facts(renditions=renditions, no_preview="unread"))
    assert parts.records.open(DOC, [(scan.id, 1)], now=NOW) == {}
    with pytest.raises(NotOpened):
        sign(clinic, scan)
    assert sign(clinic, scan, unopened=True)[0]["opened"] is False


def test_only_what_one_may_see_is_opened_and_at_most_a_hundred_at_once(parts: Parts, ada: Patient) -> None:
    gone = shelf.scan(parts, ada, withdrawn=True)
    scan = shelf.scan(parts, ada)
    assert parts.records.open(DOC, [(gone.id, 1), (new_id(NOW), 1), (scan.id, 0)], now=NOW) == {scan.id: 1}
    with pytest.raises(Invalid):
        parts.records.open(DOC, [(scan.id, 1)] * 101, now=NOW)
    with pytest.raises(NotAllowed):
        parts.records.open(actor(Role.ADMIN), [(scan.id, 1)], now=NOW)
    assert parts.reading.opened(DOC, [scan.id, gone.id]) == {scan.id: 1}
    assert parts.reading.opened(TECH, [scan.id]) == {}


def test_opening_again_what_was_opened_writes_nothing(parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    for _ in range(3):
        parts.records.open(DOC, [(scan.id, 1)], now=NOW)
    with parts.catalog.read() as tx:
        written = [row for row in audit.newest(tx, before=None, limit=50) if row.act == "scan.open"]
    assert [row.subjects for row in written] == [[scan.id]]


@pytest.mark.parametrize("status", [Review.REVIEWED, Review.REPEAT])
@pytest.mark.parametrize("code", list(Attention))
def test_only_a_doubtful_patient_or_eye_stands_in_the_way_of_signing(
    clinic: Clinic, parts: Parts, ada: Patient, status: Review, code: Attention
) -> None:
    scan, other = shelf.scan(parts, ada, attention=[code]), shelf.scan(parts, ada)
    if code in (Attention.EYE, Attention.PATIENT):
        with pytest.raises(AttentionOpen) as caught:
            clinic.review(scan, other, status=status, unopened=True)
        assert caught.value.members["scans"] == [scan.id]
        # A technician may settle it.
        clinic.correct(scan, eye="OD", patient=ada.id, by=TECH)
    clinic.review(scan, other, status=status)
    assert clinic.now_is(scan).review is status


def test_a_review_does_not_overwrite_a_wanted_repeat_on_one_of_its_scans(
    clinic: Clinic, parts: Parts, ada: Patient
) -> None:
    wanted, other = shelf.series(parts, ada, 2)
    clinic.repeat(wanted)
    with pytest.raises(IllegalMove) as caught:
        clinic.review(wanted, other)
    assert caught.value.members["scans"] == [wanted.id]
    assert (clinic.now_is(wanted).review, clinic.now_is(other).records) == (Review.REPEAT, 0)
    clinic.close(wanted)
    clinic.review(wanted, other)
    assert clinic.now_is(wanted).review is Review.REVIEWED


def test_what_is_reviewed_is_not_reviewed_again(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    done, other = shelf.series(parts, ada, 2)
    clinic.review(done)
    with pytest.raises(IllegalMove) as caught:
        clinic.review(done, other)
    assert caught.value.members["scans"] == [done.id]


def test_another_manifest_than_was_shown_makes_a_review_stale(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan = shelf.scan(parts, ada)
    shelf.look(parts, DOC, scan)
    with pytest.raises(Stale):
        parts.records.review(DOC, new_id(NOW), {scan.id: Seen(0, 2)}, status=Review.REVIEWED, note="", now=NOW)


def test_ticks_outlive_a_correction_of_the_patient(clinic: Clinic, parts: Parts, ada: Patient) -> None:
    scan, bea = shelf.scan(parts, ada), shelf.patient(parts, mrn="2", name="Other, Bea")
    shelf.look(parts, DOC, scan)
    clinic.move(scan, to=bea)
    assert sign(clinic, scan)[0]["opened"] is True


ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["review", "repeat", "eye", "move", "add", "close", "withdraw", "restore", "retract", "answer"]
        ),
        st.lists(st.integers(0, 2), min_size=1, max_size=3, unique=True),
        st.integers(-1, 1),
    ),
    max_size=12,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(acts=ACTS)
def test_a_review_never_covers_a_scan_whose_version_it_did_not_see(parts: Parts, acts: list[Any]) -> None:
    """Whatever is said in between, and whatever a stale page claims to have seen."""
    clinic = Clinic(parts)
    ada = shelf.patient(parts, mrn=new_id(NOW))
    bea = shelf.patient(parts, mrn=new_id(NOW), name="Other, Bea")
    scans = shelf.series(parts, ada, 3)
    shelf.look(parts, DOC, *scans)
    last = new_id(NOW)
    for what, places, off in acts:
        some = [scans[place] for place in places]
        act = new_id(NOW)
        with parts.catalog.read() as tx:
            count = {scan: len(kept) for scan, kept in rows.of_scans(tx, [one.id for one in scans]).items()}
        claimed = {one.id: max(count.get(one.id, 0) + off, 0) for one in some}
        try:
            if what in ("review", "repeat"):
                status = Review.REVIEWED if what == "review" else Review.REPEAT
                made = parts.records.review(DOC, act, claimed, status=status, note="", now=NOW)
                assert {one["scan"]: one["seen"]["records"] for one in made} == claimed
                assert all(one["number"] == claimed[one["scan"]] + 1 for one in made)
                assert all(count.get(scan, 0) == seen for scan, seen in claimed.items())
                last = act
            elif what == "eye":
                clinic.correct(*some, eye="OS" if off > 0 else "OD", act=act)
            elif what == "move":
                clinic.move(*some, to=bea if off > 0 else ada)
            elif what == "add":
                parts.records.add(DOC, act, [one.id for one in some], note="More.", now=NOW)
            elif what == "close":
                clinic.close(some[0])
            elif what == "answer":
                parts.records.answer(DOC, act, some[0].id, possible=False, reason="Left.", now=NOW)
            elif what == "retract":
                parts.records.retract(DOC, act, last, now=NOW)
            else:
                clinic.withdraw(some[0], restore=what == "restore")
        except BrokerError:
            continue
