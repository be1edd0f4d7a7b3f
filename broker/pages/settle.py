"""What about a scan is in doubt, as questions with answers: one press on the right answer settles it."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from markupsafe import Markup

from ..gallery import Shown
from ..text import plain
from ..words import Attention, Eye
from . import texts
from .outside import Outside


@dataclass(frozen=True, slots=True)
class Question:
    """One doubt. ``field`` is what an answer corrects or confirms; ``answers``: value and words of each.

    ``text`` is Markup where it holds words from outside: they are isolated in it.
    ``other``: how something else is said: by typing it, by choosing another patient, or not at all.
    """

    field: str
    title: str
    text: str
    answers: list[tuple[str, str]]
    other: str = ""


def questions(shown: Shown, zone: ZoneInfo) -> list[Question]:
    """List the questions that somebody, a technician too, can settle here; what is only shown is not among them."""
    ask = {Attention.EYE: _eye, Attention.PATIENT: _patient, Attention.CAPTURED_AT: _time}
    return [ask[code](shown, zone) for code in ask if code in shown.scan.attention]


def _eye(shown: Shown, zone: ZoneInfo) -> Question:
    del zone
    facts = shown.scan.facts
    said, found = (facts[what]["eye"] or Eye.UNKNOWN for what in ("declared", "detected"))
    if said != found and Eye.UNKNOWN not in (said, found):
        eyes = [Eye(said), Eye(found)]
        text = f"The file says {found}, the technician said {said}. Which is right?"
    else:
        eyes = [Eye.OD, Eye.OS]
        text = f"{Attention.EYE.sentence} Which is right?"
    return Question("eye", "Which eye?", text, [(eye.value, f"{eye} is right") for eye in eyes])


def _patient(shown: Shown, zone: ZoneInfo) -> Question:
    del zone
    hint = shown.scan.facts["detected"]["patient"] or {}
    named = Markup(" · ").join(Outside(hint[key]) for key in ("name", "birth_date", "id") if hint.get(key))
    who, text = shown.patient, Attention.PATIENT.sentence
    if named:
        told = Markup("The file names {}. It is filed under {}, MRN {}.")
        text = told.format(named, Outside(who.name), Outside(who.mrn))
    # A button holds one line of text and no element: there the marks are dropped.
    return Question("patient", "Which patient?", text, [(who.id, f"It is {plain(who.name)}")], other="move")


def _time(shown: Shown, zone: ZoneInfo) -> Question:
    when = shown.scan.captured_at
    shown_as = texts.moment(when, zone)
    text = f"{Attention.CAPTURED_AT.sentence} It is kept as {shown_as}."
    return Question("captured_at", "Captured when?", text, [(when.isoformat(), f"{shown_as} is right")], other="type")


def notices(shown: Shown, asked: list[Question]) -> list[str]:
    """List what is to be known about a scan and is not among the questions that are asked."""
    fields = {one.field for one in asked}
    return [code.sentence for code in shown.scan.attention if code.value not in fields]
