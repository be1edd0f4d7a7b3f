"""A wanted repeat is closed upon what was shown: the scan itself, and what answers it by now."""

from __future__ import annotations

from typing import Any

import pytest

from broker.catalog.patients import Patient
from broker.catalog.records import Document
from broker.catalog.scans import Scan
from broker.errors import AttentionOpen, NotAllowed, NotOpened, ScanNotFound, Stale
from broker.ids import new_id
from broker.ops.recorded import check
from broker.parts import Parts
from broker.records.stale import Seen
from broker.words import Review
from tests.people import NOW
from tests.unit.clinic import DOC, MINUTE, TECH, Clinic
from tests.unit.pages import shelf

LATER = NOW + 5 * MINUTE


@pytest.fixture
def wanted(clinic: Clinic, parts: Parts, ada: Patient) -> Scan:
    """A scan of the right eye of which a repeat is wanted since NOW."""
    scan = shelf.scan(parts, ada, NOW - MINUTE)
    clinic.repeat(scan)
    return clinic.now_is(scan)


def came(parts: Parts, who: Patient, **changes: Any) -> Scan:
    """A scan captured and declared after the request."""
    return shelf.scan(parts, who, LATER, facts=shelf.facts(sent_at=LATER.isoformat(), **changes))


def seen(*rows: Scan) -> dict[str, Seen]:
    """What a page that was loaded now shows of these."""
    return {row.id: Seen(row.records, row.manifest) for row in rows}


def close(parts: Parts, wanted: Scan, shown: dict[str, Seen], **more: Any) -> list[Document]:
    by, act = more.pop("by", DOC), more.pop("act", new_id(NOW))
    return parts.records.close(by, act, [wanted.id], note="The repeat is good.", seen=shown, now=LATER, **more)


def test_it_keeps_upon_which_scans_it_was_closed_and_how_much_of_them_was_opened(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    answer = came(parts, ada, frames=128)
    shelf.look(parts, DOC, answer, slices=12)
    act = new_id(NOW)
    (kept,) = close(parts, wanted, seen(wanted, answer), act=act)
    assert kept["answers"] == [
        {"link": answer.id, "seen": {"records": 0, "manifest": 1}, "opened": True, "slices": [12, 128]}
    ]
    check(kept)
    assert clinic.now_is(wanted).review is Review.CLOSED
    assert close(parts, wanted, seen(wanted, answer), act=act) == [kept]


@pytest.mark.parametrize("meanwhile", ["withdrawn", "moved", "another eye", "said", "another came", "closed"])
def test_what_has_changed_since_it_was_shown_is_not_signed(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan, meanwhile: str
) -> None:
    answer = came(parts, ada)
    shelf.look(parts, DOC, answer)
    shown = seen(wanted, answer)
    if meanwhile == "withdrawn":
        clinic.withdraw(answer)
    elif meanwhile == "moved":
        clinic.move(answer, to=shelf.patient(parts, mrn="2", name="Other, Bea"))
    elif meanwhile == "another eye":
        clinic.correct(answer, eye="OS")
    elif meanwhile == "said":
        clinic.review(answer)
    elif meanwhile == "another came":
        came(parts, ada)
    else:
        clinic.close(wanted)
    before = clinic.now_is(wanted)
    with pytest.raises(Stale):
        close(parts, wanted, shown)
    assert clinic.now_is(wanted) == before


def test_what_is_no_answer_is_nothing_to_close_upon(parts: Parts, ada: Patient, wanted: Scan) -> None:
    other = shelf.scan(parts, ada)
    shelf.look(parts, DOC, other)
    for shown in (seen(wanted, other), {}, seen(other)):
        with pytest.raises(Stale):
            close(parts, wanted, shown)


def test_an_answer_that_was_never_opened_is_asked_about(parts: Parts, ada: Patient, wanted: Scan) -> None:
    answer = came(parts, ada)
    with pytest.raises(NotOpened) as refused:
        close(parts, wanted, seen(wanted, answer))
    assert refused.value.members["scans"] == [answer.id]
    (kept,) = close(parts, wanted, seen(wanted, answer), unopened=True)
    assert kept["answers"][0]["opened"] is False


def test_nothing_is_closed_upon_what_is_in_doubt(parts: Parts, ada: Patient, wanted: Scan) -> None:
    doubtful = shelf.scan(parts, ada, LATER, facts=shelf.facts(sent_at=LATER.isoformat()), attention=["patient"])
    with pytest.raises(AttentionOpen):
        close(parts, wanted, seen(wanted, doubtful), unopened=True)


def test_without_a_new_scan_it_is_closed_whatever_has_come(
    clinic: Clinic, parts: Parts, ada: Patient, wanted: Scan
) -> None:
    came(parts, ada)
    with pytest.raises(NotAllowed):
        close(parts, wanted, seen(wanted), without=True, by=TECH)
    (kept,) = close(parts, wanted, seen(wanted), without=True)
    assert kept["answers"] == []
    assert clinic.now_is(wanted).review is Review.CLOSED


def test_what_was_withdrawn_is_not_closed(clinic: Clinic, parts: Parts, wanted: Scan) -> None:
    clinic.withdraw(wanted)
    with pytest.raises(ScanNotFound):
        close(parts, wanted, seen(wanted), without=True)
