"""What an address of the gallery asks for: filters, where a page begins, and since when somebody has been looking."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from ..catalog.engine import moment as instant
from ..catalog.scans import Filter
from ..gallery import Shown
from ..ids import is_id
from ..text import plain
from ..words import Eye, Kind, Review

_MICROS = re.compile(r"-?[0-9]{1,18}")
Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what cannot be read is as if it were not there."""

    patient: str | None
    eye: Eye | None
    kind: Kind | None
    first_day: date | None
    last_day: date | None
    device: str | None = None
    review: Review | None = None
    attention: bool | None = None

    @classmethod
    def of_group(cls, patient: str, eye: Eye, kind: Kind, day: str) -> Asked:
        """What asks for a patient's scans of one eye, kind and ISO day."""
        on = date.fromisoformat(day)
        return cls(patient, eye, kind, on, on)

    @property
    def which(self) -> Filter:
        """The filter that this is."""
        return Filter(
            self.patient,
            self.eye,
            self.kind,
            self.first_day,
            self.last_day,
            attention=self.attention,
            device=self.device,
            review=self.review,
        )

    def address(self, path: str = "/gallery", **more: str) -> str:
        """An address with the same filters."""
        asked = {
            "patient": self.patient,
            "eye": self.eye,
            "kind": self.kind,
            "from": self.first_day,
            "to": self.last_day,
            "device": self.device,
            "review": self.review,
            "attention": {True: "yes", False: "no", None: None}[self.attention],
        }
        query = urlencode({name: str(value) for name, value in (asked | more).items() if value})
        return f"{path}?{query}" if query else path

    def fits(self, one: Shown) -> bool:
        """Say whether the filters show this scan."""
        scan = one.scan
        return (
            self.patient in (None, scan.patient_id)
            and self.eye in (None, scan.eye)
            and self.kind in (None, scan.kind)
            and (self.first_day is None or scan.visit_day >= self.first_day.isoformat())
            and (self.last_day is None or scan.visit_day <= self.last_day.isoformat())
            and self.device in (None, scan.device)
            and self.review in (None, scan.review)
            and self.attention in (None, bool(scan.attention))
        )


def read(args: Mapping[str, str]) -> Asked:
    """Read the filters of an address."""
    patient = args.get("patient", "")
    return Asked(
        patient if is_id(patient) else None,
        _word(Eye, args.get("eye")),
        _word(Kind, args.get("kind")),
        _day(args.get("from", "")),
        _day(args.get("to", "")),
        plain(args.get("device", ""))[:200] or None,
        _word(Review, args.get("review")),
        {"yes": True, "no": False}.get(args.get("attention", "")),
    )


def _word(words: type[Word], value: str | None) -> Word | None:
    return words(value) if value in set(words) else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def number(text: str) -> int:
    """Read a small count; 0 where it cannot be read."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def moment(text: str) -> datetime:
    """Read microseconds since 1970; 1970 itself where they cannot be read."""
    return instant(int(text) if _MICROS.fullmatch(text) else 0)
