"""Whether a record that was read from the vault has the form that ``catalog.records`` describes, in either version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from ..catalog.folding import CORRECTED
from ..ids import is_id
from ..words import CaptureSource, Eye, Kind, RecordKind, Review

_Check = Callable[[Any], bool]
_EVERY = ("version", "scan", "number", "act", "kind", "at", "account", "by", "body")


def check(document: Any) -> None:
    """Compare a document with the form of a record.

    Raises:
        KeyError, TypeError, ValueError: it does not have it.
    """
    form = _FORMS[document["version"]][RecordKind(document["kind"])]
    if document.keys() != {*_EVERY, *form}:
        raise ValueError("it says more or less than a record does")
    wrong = [name for name, fits in {**_COMMON, **form}.items() if not fits(document[name])]
    if wrong:
        raise ValueError(f"no record of ours: {', '.join(wrong)}")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _yes_or_no(value: Any) -> bool:
    return type(value) is bool


def _number(value: Any, least: int = 1) -> bool:
    return type(value) is int and value >= least


def _time(value: Any) -> bool:
    return datetime.fromisoformat(value).tzinfo is not None


def _judgement(value: Any) -> bool:
    return value in (Review.REVIEWED, Review.REPEAT)


def _seen(value: Any) -> bool:
    return value.keys() == {"records", "manifest"} and _number(value["records"], 0) and _number(value["manifest"])


def _slices(value: Any) -> bool:
    return value is None or (len(value) == 2 and _number(value[0], 0) and _number(value[1], 2) and value[0] <= value[1])


def _answers(value: Any) -> bool:
    return isinstance(value, list) and all(
        one.keys() == {"link", "seen", "opened", "slices"}
        and is_id(one["link"])
        and _seen(one["seen"])
        and _yes_or_no(one["opened"])
        and _slices(one["slices"])
        for one in value
    )


def _link(value: Any) -> bool:
    return value is None or is_id(value)


def _changes(value: Mapping[str, Any]) -> bool:
    return value.keys() <= CORRECTED.keys() and all(
        change.keys() == {"from", "to"} and all(_VALUES[what](end) for end in change.values())
        for what, change in value.items()
    )


_VALUES: dict[str, _Check] = {
    "eye": lambda value: value in set(Eye),
    "kind": lambda value: value in set(Kind),
    "captured_at": _time,
    "captured_source": lambda value: value in set(CaptureSource),
    "visit_day": lambda value: date.fromisoformat(value).isoformat() == value,
    "patient": is_id,
}
_COMMON: dict[str, _Check] = {
    "scan": is_id, "number": _number, "act": is_id, "at": _time, "account": _text, "by": _text, "body": _text,
}  # fmt: skip
_FIRST: dict[RecordKind, dict[str, _Check]] = {
    RecordKind.REVIEW: {"status": _judgement, "note": _text},
    RecordKind.ADDENDUM: {"note": _text, "closes": _yes_or_no},
    RecordKind.CORRECTION: {"set": _changes, "reason": _text},
    RecordKind.WITHDRAWAL: {"withdrawn": _yes_or_no, "reason": _text},
}
_SECOND: dict[RecordKind, dict[str, _Check]] = _FIRST | {
    RecordKind.REVIEW: _FIRST[RecordKind.REVIEW] | {"seen": _seen, "opened": _yes_or_no, "slices": _slices},
    RecordKind.ADDENDUM: _FIRST[RecordKind.ADDENDUM] | {"answers": _answers},
    RecordKind.ANSWER: {"possible": _yes_or_no, "link": _link, "reason": _text},
    RecordKind.RETRACTION: {"retracts": is_id},
}
_FORMS = {1: _FIRST, 2: _SECOND}
