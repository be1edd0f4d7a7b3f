"""What templates get: plain values with ready-made words, so that no template computes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from .. import filetypes
from ..catalog.patients import Patient
from ..catalog.scans import Scan
from ..catalog.uploads import Upload
from ..gallery import Shown
from ..names import Rendition
from ..patients import Alike
from ..text import plain
from ..words import Eye, Kind, RecordKind, Review
from . import texts
from .outside import Outside


@dataclass(frozen=True, slots=True)
class Person:
    """A patient as shown: name, birth date and record number always stand together.

    ``birth_date`` is ISO, for the page's code, as ``issuer`` is; ``alike``: why to look twice, in words, or "".
    ``formerly``: the records that were merged into this one, as JSON for the page's code, or "".
    """

    id: str
    name: str
    born: str
    mrn: str
    birth_date: str = ""
    issuer: str = ""
    alike: str = ""
    formerly: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One rendition: a link for the browser, and its size in pixels, so that nothing moves while it loads."""

    url: str = field(repr=False)
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Card:
    """One scan in the gallery, or at the top of its own page. ``picture`` None: ``no_preview`` says why.

    ``shown`` is what a choice of cards says of it, as ``chosen`` makes it.
    """

    id: str
    person: Person
    eye: str
    kind: str
    day: str
    alt: str
    placeholder: str
    picture: Picture | None
    no_preview: str
    urgent: bool
    attention: list[str]
    review: str
    opened: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Pane:
    """One picture to read: the card's words, and what the viewer needs. ``count``: frames of a stack, else 1.

    ``frames`` is the link to them; ``locator`` the picture that shows where slices lie, and which rendition it is;
    ``spacing`` is "row,column" in millimetres, "" where it is not known; ``reduced``: the original has more pixels.
    """

    id: str
    person: Person
    eye: str
    kind: str
    day: str
    alt: str
    placeholder: str
    picture: Picture
    full: Picture | None
    frames: str = field(repr=False)
    locator: Picture | None
    locator_name: str
    width: int
    height: int
    count: int
    spacing: str
    media: str
    reduced: bool
    document: bool


@dataclass(frozen=True, slots=True)
class Said:
    """One record: what, who, when, and the words. ``more``: what was seen by then; ``gone``: it was taken back."""

    what: str
    by: str
    at: str
    text: str
    more: str = ""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """One upload that is being checked."""

    person: Person
    eye: str
    kind: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing to choose: its value, its word, a longer one, and the key that chooses it."""

    value: str
    text: str
    long: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """What the technician said and what the file says about one thing."""

    label: str
    declared: str
    detected: str
    differs: bool


EYES = (
    Choice("OD", "OD", texts.EYES[Eye.OD], "1"),
    Choice("OS", "OS", texts.EYES[Eye.OS], "2"),
    Choice("OU", "OU", texts.EYES[Eye.OU], "3"),
    Choice("unknown", "Not known", texts.EYES[Eye.UNKNOWN], "0"),
)
#: Nobody is easily taken for anybody, or it is not asked.
NOBODY: Mapping[str, Alike] = MappingProxyType({})
KINDS = tuple(Choice(kind.value, text) for kind, text in texts.KINDS.items() if kind is not Kind.UNKNOWN)


def person(patient: Patient, alike: Alike | None = None, former: Sequence[Patient] = ()) -> Person:
    """Show a patient; ``alike`` if somebody else is easily taken for this one, ``former`` records merged into it."""
    name, mrn, issuer = Outside(patient.name), Outside(patient.mrn), Outside(patient.issuer)
    words = alike.words if alike else ""
    return Person(
        patient.id, name, texts.day(patient.birth_date), mrn, patient.birth_date, issuer, words, _formerly(former)
    )


def people(
    patients: Iterable[Patient], alike: Mapping[str, Alike], former: Mapping[str, Sequence[Patient]]
) -> list[Person]:
    """Show patients; ``alike``: which are easily taken for another one; ``former``: records merged into them; by id."""
    return [person(patient, alike.get(patient.id), former.get(patient.id, ())) for patient in patients]


def _formerly(former: Sequence[Patient]) -> str:
    names = {"name": "name", "birth_date": "birthDate", "mrn": "mrn", "issuer": "issuer"}
    said = [{ours: plain(getattr(one, theirs)) for theirs, ours in names.items()} for one in former]
    return json.dumps(said) if said else ""


def card(shown: Shown, what: Rendition, alike: Mapping[str, Alike] = NOBODY) -> Card:
    """Show a scan by one of its renditions; ``alike``: which patients are easily taken for another one, by id."""
    scan = shown.scan
    return Card(
        id=scan.id,
        person=person(shown.patient, alike.get(shown.patient.id)),
        eye=texts.EYES[scan.eye],
        kind=texts.KINDS[scan.kind],
        day=texts.day(scan.visit_day),
        alt=texts.alternative(scan.kind, scan.eye, scan.visit_day),
        placeholder=scan.placeholder,
        picture=_picture(shown, what),
        no_preview=scan.facts["no_preview"] or "Stored, without a preview.",
        urgent=scan.urgent,
        attention=[code.sentence for code in scan.attention],
        review="" if scan.review is Review.UNREVIEWED else texts.REVIEWS[scan.review],
        shown=chosen(scan),
    )


def chosen(scan: Scan) -> str:
    """What a choice of cards says of a scan: its id, how many records were shown, and the eye that its file says."""
    eye = scan.facts["detected"]["eye"]
    return f"{scan.id}:{scan.records}:{eye if eye in set(Eye) - {Eye.UNKNOWN} else ''}"


def pane(shown: Shown, alike: Mapping[str, Alike] = NOBODY) -> Pane | None:
    """Show a scan to be read; None if there is no picture of it."""
    scan, facts, made = shown.scan, shown.scan.facts, card(shown, Rendition.DISPLAY, alike)
    if made.picture is None:
        return None
    frames = shown.links.get(Rendition.FRAMES)
    stack = frames is not None and facts["frames"] > 1
    locators = {name: _picture(shown, name) for name in (Rendition.LOCALIZER, Rendition.ENFACE)} if stack else {}
    name, locator = next(((name, found) for name, found in locators.items() if found), ("", None))
    return Pane(
        id=scan.id,
        person=made.person,
        eye=made.eye,
        kind=made.kind,
        day=made.day,
        alt=made.alt,
        placeholder=made.placeholder,
        picture=made.picture,
        full=_picture(shown, Rendition.FULL),
        frames=frames.url if frames is not None and stack else "",
        locator=locator,
        locator_name=name,
        width=facts["width"],
        height=facts["height"],
        count=facts["frames"],
        spacing=",".join(str(one) for one in facts["spacing_mm"] or ()),
        media=facts["media_type"],
        reduced=not stack and made.picture.width < facts["width"],
        document=scan.kind in (Kind.DOCUMENT, Kind.VISUAL_FIELD),
    )


def said(records: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[Said]:
    """Show what was said about a scan, newest first, with what was taken back."""
    told = list(records)
    gone = {one["retracts"] for one in told if one["kind"] == RecordKind.RETRACTION}
    made = [
        Said(
            what=texts.record(one),
            by=Outside(one["by"]),
            at=texts.moment(one["at"], zone),
            text=Outside(one.get("note") or one.get("reason") or ""),
            more=texts.seen(one),
            gone=one["act"] in gone or bool(one.get("retracted")),
        )
        for one in told
    ]
    return made[::-1]


def _picture(shown: Shown, what: Rendition) -> Picture | None:
    grant, facts = shown.links.get(what), shown.scan.facts["renditions"].get(what)
    return Picture(grant.url, facts["width"], facts["height"]) if grant and facts else None


def tile(upload: Upload, patient: Patient) -> Tile:
    """Show an upload that is being checked."""
    return Tile(person(patient), texts.EYES[upload.eye], texts.KINDS[upload.kind])


def facts(shown: Shown, zone: ZoneInfo) -> list[tuple[str, str]]:
    """List what is known about a scan, label and value; those without a value are left out by the page."""
    scan, known = shown.scan, shown.scan.facts
    captured = texts.moment(scan.captured_at, zone)
    frames = f", {known['frames']} frames" if known["frames"] > 1 else ""
    spacing = " × ".join(f"{one * 1000:.3g}" for one in known["spacing_mm"] or ())
    return [
        ("Captured", f"{captured} ({scan.captured_source.words})"),
        ("Device", Outside(scan.device)),
        ("Pixels", f"{pixels(shown)}{frames}" if known["width"] else ""),
        ("Spacing", f"{spacing} µm, as the file says" if spacing else ""),
        ("File", Outside(known["filename"])),
        ("Sent", Markup("{} by {}").format(texts.moment(known["sent_at"], zone), Outside(known["sent_by"]))),
        ("Stored", texts.moment(known["stored_at"], zone)),
    ]


def claims(shown: Shown, zone: ZoneInfo) -> list[Claim]:
    """Put what the technician said beside what the file says."""
    said, found = shown.scan.facts["declared"], shown.scan.facts["detected"]
    hint = found["patient"] or {}
    named = " · ".join(hint[key] for key in ("name", "birth_date", "id") if hint.get(key))
    # Names are written in too many ways to be compared here: the worker's judgement counts.
    another = "patient" in shown.scan.attention
    unsure = said.get("perhaps_file", ())
    return [
        _claim("Eye", texts.eye(said["eye"]), texts.eye(found["eye"]), unsure="eye" in unsure),
        _claim("Kind", texts.kind(said["kind"]), texts.kind(found["kind"]), unsure="kind" in unsure),
        _claim("Captured", texts.moment(said["captured_at"], zone), texts.moment(found["captured_at"], zone)),
        Claim("Patient", Outside(shown.patient.name), Outside(named), another),
    ]


def _claim(label: str, declared: str, detected: str, *, unsure: bool = False) -> Claim:
    """Whether both spoke, and not alike. ``unsure``: the browser may have read it in the file."""
    differs = bool(declared and detected and declared != detected)
    return Claim(label, f"{declared} (perhaps read from the file)" if unsure else declared, detected, differs)


def pixels(shown: Shown) -> str:
    """The size of the original picture."""
    return f"{shown.scan.facts['width']} × {shown.scan.facts['height']}"


def file_format(shown: Shown) -> str:
    """The name of the file's format as people know it."""
    known = filetypes.BY_NAME.get(shown.scan.facts["format"])
    return known.title if known else ""
