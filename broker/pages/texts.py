"""The words people read on the pages: eyes, kinds, days, sizes. Dates are always written 22 Nov 2026."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from ..errors import FileTooLarge
from ..words import Eye, Kind, RecordKind, Rejection, Review, Role

EYES = {Eye.OD: "OD · right", Eye.OS: "OS · left", Eye.OU: "OU · both", Eye.UNKNOWN: "Eye not known"}
#: How an eye reads within a sentence: "Colour fundus, right eye".
_EYES_SAID = {Eye.OD: "right eye", Eye.OS: "left eye", Eye.OU: "both eyes", Eye.UNKNOWN: "eye not known"}

KINDS = {
    Kind.COLOR_FUNDUS: "Colour fundus",
    Kind.RED_FREE: "Red-free",
    Kind.AUTOFLUORESCENCE: "Autofluorescence",
    Kind.FLUORESCEIN_ANGIOGRAPHY: "Fluorescein angiography",
    Kind.ICG_ANGIOGRAPHY: "ICG angiography",
    Kind.INFRARED: "Infrared",
    Kind.BLUE_REFLECTANCE: "Blue reflectance",
    Kind.GREEN_REFLECTANCE: "Green reflectance",
    Kind.OCT: "OCT",
    Kind.OCTA: "OCT angiography",
    Kind.SLIT_LAMP: "Slit lamp",
    Kind.EXTERNAL: "External photo",
    Kind.ULTRASOUND: "Ultrasound",
    Kind.SPECULAR: "Specular microscopy",
    Kind.VISUAL_FIELD: "Visual field",
    Kind.BIOMETRY: "Biometry",
    Kind.TOPOGRAPHY: "Topography",
    Kind.ADAPTIVE_OPTICS: "Adaptive optics",
    Kind.DOCUMENT: "Document",
    Kind.OTHER: "Other",
    Kind.UNKNOWN: "Kind not known",
}

ROLES = {Role.TECHNICIAN: "Technician", Role.PHYSICIAN: "Physician", Role.ADMIN: "Administrator"}

REVIEWS = {
    Review.UNREVIEWED: "Not reviewed",
    Review.REVIEWED: "Reviewed",
    Review.REPEAT: "Repeat wanted",
    Review.CLOSED: "Repeat closed",
}

#: The usual reasons for what is said about scans, the most usual one first.
REASONS = {
    "eye": (
        "The wrong eye was chosen when it was sent",
        "Compared with the picture",
        "The device was set to the wrong eye",
    ),
    "kind": ("The wrong kind was chosen when it was sent", "Compared with the picture"),
    "captured_at": ("The device's clock was wrong", "The time was not known when it was sent"),
    "patient": (
        "The wrong patient was chosen when it was sent",
        "The device had the wrong patient",
        "Compared with the picture",
    ),
    "not_possible": ("The patient has left", "The patient cannot keep still", "The media are not clear enough"),
    "settle": ("Compared with the picture", "Asked who took it", "Compared with the device"),
    "withdraw": ("Sent by mistake", "Of no use: blurred or dark", "Sent twice", "A test picture"),
    "restore": ("It was withdrawn by mistake",),
    "merge": ("One person was recorded twice", "The name has changed"),
    "undo": ("They are two persons",),
}

#: The keys of the reading pages, as their list of keys shows them.
KEYS = (
    ("+ - =", "Zoom in, out, whole picture"),
    ("1", "One pixel is one pixel of the screen"),
    ("2", "Micrometres 1:1, where the spacing is known"),
    ("Shift ←", "Move the picture, also → ↑ ↓"),
    ("g", "Green channel (simulated red-free)"),
    ("i", "Invert"),
    ("r h v", "Turn, mirror left–right, mirror up–down"),
    ("m z", "Measure; zoom by dragging"),
    ("d f", "Full resolution; full screen"),
    ("Space", "Show it as it is"),
    ("← →", "Newer, older scan"),
    ("↑ ↓ Home End", "Slice or page"),
    ("c", "Compare with the one before"),
    ("b l a", "When comparing: blink, link, align"),
    ("o", "When comparing volumes apart: step the other one"),
    ("n", "Write a note"),
    ("Esc", "Back"),
    ("?", "This list"),
)

# strftime's month names follow the process's locale; these do not.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=10_000)
def day(value: date | str) -> str:
    """Write a day, given as a date or in ISO form: ``22 Nov 2026``."""
    when = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def moment(value: datetime | str | None, zone: ZoneInfo) -> str:
    """Write a time in the clinic's zone: ``22 Nov 2026, 10:32``; without an offset it is local already. "" for None."""
    if not value:
        return ""
    if isinstance(value, str):
        if len(value) == len("2026-11-22"):
            return day(value)
        value = datetime.fromisoformat(value)
    local = value.astimezone(zone) if value.tzinfo else value
    return f"{day(local.date())}, {local:%H:%M}"


def size(count: int) -> str:
    """Write a number of bytes: ``512 B``, ``1.8 MB``, ``48 MB``."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if value < 999.5 or unit == "TB":
            break
    return f"{value:.1f} {unit}" if value < 9.95 else f"{value:.0f} {unit}"


def count(found: int, counted: int) -> str:
    """Write a number of things that were counted no further than to ``counted``: ``12``, ``more than 1,000``."""
    return f"{found:,}" if found <= counted else f"more than {counted:,}"


def scans(found: int) -> str:
    """Write a number of scans: ``1 scan``, ``12 scans``."""
    return f"{found:,} scan" if found == 1 else f"{found:,} scans"


@lru_cache(maxsize=10_000)
def alternative(kind: Kind, eye: Eye, on: str) -> str:
    """What a picture of ISO day ``on`` is, for those who cannot see it: ``Colour fundus, right eye, 20 Nov 2026``."""
    return f"{KINDS[kind]}, {_EYES_SAID[eye]}, {day(on)}"


def record(document: Mapping[str, Any]) -> str:
    """What a record says, in a few words."""
    kind = document["kind"]
    if kind == RecordKind.REVIEW:
        return REVIEWS[Review(document["status"])]
    if kind == RecordKind.ADDENDUM:
        return "Repeat closed" if document["closes"] else "Added"
    if kind == RecordKind.RETRACTION:
        return "Taken back"
    if kind == RecordKind.ANSWER:
        return "Repeat linked" if document["possible"] else "Repeat not possible"
    if kind == RecordKind.WITHDRAWAL:
        return "Withdrawn" if document["withdrawn"] else "Restored"
    changes = document["set"]
    parts = []
    for what, words in (("eye", EYES), ("kind", KINDS)):
        if what in changes:
            before, after = (words[changes[what][end]] for end in ("from", "to"))
            parts.append(f"{before} confirmed" if before == after else f"{before} → {after}")
    if "visit_day" in changes:
        before, after = (day(changes["visit_day"][end]) for end in ("from", "to"))
        parts.append("time of capture" if before == after else f"{before} → {after}")
    if "patient" in changes:
        same = changes["patient"]["from"] == changes["patient"]["to"]
        parts.append("patient confirmed" if same else "moved from another patient")
    return f"Corrected: {', '.join(parts)}"


def seen(document: Mapping[str, Any]) -> str:
    """What of a scan was seen when it was reviewed: ``opened``, ``not opened``, ``12 of 128 slices``; "" if unknown."""
    if "opened" not in document:
        return ""
    if not document["opened"]:
        return "not opened"
    return "{} of {} slices".format(*document["slices"]) if document["slices"] else "opened"


def refusals() -> dict[str, str]:
    """Why a file is not stored, by code: what the upload page says before sending is what the worker says after it."""
    return {code.value: code.sentence for code in Rejection} | {FileTooLarge.slug: FileTooLarge.__doc__ or ""}


def month(value: str) -> str:
    """Write a month, given as YYYY-MM: ``Nov 2026``."""
    return day(f"{value}-01").split(" ", 1)[1]


def eye(value: str | None) -> str:
    """Write an eye that somebody claimed; "" if nobody did."""
    return EYES[Eye(value)] if value in set(Eye) and value != Eye.UNKNOWN else ""


def kind(value: str | None) -> str:
    """Write a kind that somebody claimed; "" if nobody did."""
    return KINDS[Kind(value)] if value in set(Kind) and value != Kind.UNKNOWN else ""
