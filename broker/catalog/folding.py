"""What a scan is by now: the columns that follow from its manifest and its records, one record after the other.

Nothing here looks at a clock, an account or another scan, so a rebuild comes to what living came to. Records of version
1 do what they did when they were written: their corrections reopen nothing and move nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from ..words import Attention, RecordKind, Review

Document = dict[str, Any]
#: What a correction can set -> the column it sets, and which claims for attention it settles.
CORRECTED: dict[str, tuple[str, frozenset[Attention]]] = {
    "eye": ("eye", frozenset({Attention.EYE})),
    "kind": ("kind", frozenset()),
    "captured_at": ("captured_at", frozenset({Attention.CAPTURED_AT})),
    "captured_source": ("captured_source", frozenset()),
    "visit_day": ("visit_day", frozenset()),
    "patient": ("filed_under", frozenset({Attention.PATIENT, Attention.STORED_ELSEWHERE})),
}
#: What records can make other than the manifest says.
DECIDED = ("eye", "kind", "captured_at", "captured_source", "visit_day", "filed_under", "attention")
#: What a scan is of which nobody said anything.
_FRESH: Document = {
    "review": Review.UNREVIEWED.value,
    "withdrawn": False,
    "requested_at": None,
    "answer": None,
    "answer_by": None,
    "not_possible": False,
    "reopened_for": None,
}
#: What follows from records alone, and stands in no manifest's row.
FOLLOWS = (*(name for name in _FRESH if name != "withdrawn"), "records")
#: What somebody who looks at the scan again has settled.
_SETTLED_BY_REVIEW = frozenset({Attention.MOVED, Attention.EYE_CORRECTED})
_JUDGED = (Review.REVIEWED, Review.CLOSED)


def fold(base: Document, documents: Sequence[Document]) -> tuple[Document, list[Document]]:
    """Give the columns of a scan, ``base`` as its records have changed it, and its moves to other patients."""
    state: Document = dict(base) | _FRESH | {"moves": [], "reviewer": None}
    for one in standing(documents):
        _STEPS[RecordKind(one["kind"])](state, one)
    moves: list[Document] = state.pop("moves")
    del state["reviewer"]
    state["captured_at"] = datetime.fromisoformat(state["captured_at"]).astimezone(UTC)
    return state | {"flagged": bool(state["attention"]), "records": documents[-1]["number"]}, moves


def retracted(documents: Iterable[Document]) -> frozenset[str]:
    """Give the acts among these that were taken back."""
    return frozenset(one["retracts"] for one in documents if one["kind"] == RecordKind.RETRACTION)


def standing(documents: Sequence[Document]) -> list[Document]:
    """Leave out what was taken back."""
    gone = retracted(documents)
    return [one for one in documents if one["act"] not in gone] if gone else list(documents)


def _review(state: Document, one: Document) -> None:
    asked = one["status"] == Review.REPEAT
    state |= _FRESH | _kept(state, one) | {"review": one["status"], "reviewer": one["account"]}
    state["requested_at"] = _instant(one) if asked else None
    _settle(state, _SETTLED_BY_REVIEW)


def _addendum(state: Document, one: Document) -> None:
    state |= _kept(state, one)
    if one["closes"] and state["review"] == Review.REPEAT:
        state |= _FRESH | _kept(state, one) | {"review": Review.CLOSED.value}
        _settle(state, _SETTLED_BY_REVIEW)


def _kept(state: Document, one: Document) -> Document:
    """What stays when a physician says something: whose review was reopened, until that one has spoken."""
    heard = state["reopened_for"] == one["account"]
    return {"withdrawn": state["withdrawn"], "reopened_for": None if heard else state["reopened_for"]}


def _answer(state: Document, one: Document) -> None:
    if state["review"] == Review.REPEAT:
        told = {"possible": one["possible"], "by": one["link"], "reason": one["reason"]}
        state |= {"answer": told | {"by_name": one["by"], "at": one["at"]}}
        state |= {"answer_by": one["link"], "not_possible": not one["possible"]}


def _withdrawal(state: Document, one: Document) -> None:
    state["withdrawn"] = one["withdrawn"]


def _correction(state: Document, one: Document) -> None:
    day = state["visit_day"]
    for what, change in one["set"].items():
        column, settles = CORRECTED[what]
        state[column] = change["to"]
        _settle(state, settles)
    if one["version"] == 1:
        return
    others = {what for what, change in one["set"].items() if change["from"] != change["to"]}
    seen = state["review"] in _JUDGED or state["reopened_for"] is not None
    if "eye" in others and seen:
        _raise(state, Attention.EYE_CORRECTED)
    if "patient" in others:
        _raise(state, Attention.MOVED)
        state["moves"].append(_move(one, day))
    if not others.isdisjoint(("eye", "patient")) and state["review"] in _JUDGED:
        state |= {"review": Review.UNREVIEWED.value, "reopened_for": state["reviewer"]}


def _retraction(state: Document, one: Document) -> None:
    """It has done its work already: what it names was left out."""


def _move(one: Document, day: str) -> Document:
    change = one["set"]["patient"]
    return {
        "scan_id": one["scan"],
        "number": one["number"],
        "act_id": one["act"],
        "from_patient": change["from"],
        "to_patient": change["to"],
        "visit_day": day,
        "at": _instant(one),
        "by": one["by"],
        "reason": one["reason"],
    }


def _settle(state: Document, codes: frozenset[Attention]) -> None:
    state["attention"] = [code for code in state["attention"] if code not in codes]


def _raise(state: Document, code: Attention) -> None:
    state["attention"] = [*(other for other in state["attention"] if other != code), code.value]


def _instant(one: Document) -> datetime:
    return datetime.fromisoformat(one["at"]).astimezone(UTC)


_STEPS: dict[RecordKind, Callable[[Document, Document], None]] = {
    RecordKind.REVIEW: _review,
    RecordKind.ADDENDUM: _addendum,
    RecordKind.ANSWER: _answer,
    RecordKind.WITHDRAWAL: _withdrawal,
    RecordKind.CORRECTION: _correction,
    RecordKind.RETRACTION: _retraction,
}
