"""A corpus of correctly assigned files: invented patients, and their names, numbers and dates as devices write them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from broker.catalog.patients import Patient
from broker.ids import new_id
from broker.words import Eye
from tests import headers

#: Given name and surname, as the clinic knows them; a third text is how letters write what is in characters.
PEOPLE = (
    ("Ada", "Example"),
    ("Jörg", "Müller-Lüdenscheidt"),
    ("Zoë", "Größl"),
    ("Anna Maria", "von der Aue"),
    ("Łukasz", "Żółć"),
    ("Işık", "Yıldız"),
    ("Åse", "Bjørnsdóttir"),
    ("Seán", "O'Neil"),
    ("François", "L'Hôpital"),
    ("María José", "García Márquez"),
    ("Nguyễn Thị", "Đặng"),
    ("Hans-Peter", "Weiß"),
    ("Ludmila", "Dvořáková"),
    ("Tuğçe", "Çelik Öztürk"),
    ("Maximiliane Theodora Wilhelmine", "Freifrau von Schreckenstein-Hohenlohe-Langenburg zu Ahornstein"),
    ("太郎", "山田", "Yamada^Taro"),
    ("小明", "王", "Wang^Xiaoming"),
    ("Иван", "Иванов", "Ivanov^Ivan"),
    ("Νίκος", "Παππάς", "Pappas^Nikos"),
    ("محمد", "الحسن", "Alhassan^Mohammed"),
)
_SPELLED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "å": "aa", "ł": "l", "ı": "i", "đ": "d", "ğ": "g"}


def _plain(text: str) -> str:
    text = "".join({"ß": "ss", "ø": "o", "ł": "l", "ı": "i", "đ": "d"}.get(char.lower(), char) for char in text)
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def _spelled(text: str) -> str:
    return _plain("".join(_SPELLED.get(char.lower(), char) for char in text))


#: How devices write a name of which they are given surname and given name.
NAMES: tuple[Callable[[str, str], str], ...] = (
    lambda last, first: f"{last}^{first}",
    lambda last, first: f"{last}^{first}".upper(),
    lambda last, first: f"{last}^{first}^^Dr",
    lambda last, first: f"{last}^{first}^Middle^Prof. Dr.",
    lambda last, first: f"{last}, {first}",
    lambda last, first: f"{first} {last}",
    lambda last, first: f"{first}^{last}",
    lambda last, first: f"Frau {first} {last}",
    lambda last, first: _spelled(f"{last}^{first}").upper(),
    lambda last, first: _plain(f"{last}^{first}"),
    lambda last, first: unicodedata.normalize("NFD", f"{last}^{first}"),
    lambda last, first: "".join(char if char.isascii() else "?" for char in f"{last}^{first}"),
    lambda last, first: f"{last}-Married^{first}",
    lambda last, first: f"Married^{first}",
    lambda last, first: f"{last}^{first[:1]}.",
    lambda last, first: f"{last}",
    lambda last, first: f"{last}^{first}"[:16],
    lambda last, first: f"{last}^{first}={last}^{first}=",
    lambda last, first: "",
    lambda last, first: "UNKNOWN",
    lambda last, first: "Anonymous^Patient",
)
NUMBERS: tuple[Callable[[str], str], ...] = (
    lambda mrn: mrn,
    lambda mrn: f" {mrn} ",
    lambda mrn: mrn.lower(),
    lambda mrn: mrn.upper(),
    lambda mrn: "",
    lambda mrn: "UNKNOWN",
    lambda mrn: "0000000000",
)
BIRTHS: tuple[Callable[[str], str], ...] = (lambda born: born, lambda born: "", lambda born: "19000101")
#: What a date and time of acquisition may say when nobody had set the clock.
CLOCKS = ("19800101000312", "20000101000027", "19000101", "00000000", "")
_LETTERS = {Eye.OD: "R", Eye.OS: "L", Eye.OU: "B"}


@dataclass(frozen=True, slots=True)
class File:
    """One file of a patient's: its bytes, whose it is, and the eye that a technician declared for it."""

    data: bytes
    patient: Patient
    eye: Eye


def files(count: int, seed: int) -> Iterator[File]:
    """Make ``count`` files, each assigned to the patient it is of, with the eye it is of or none."""
    random = Random(seed)
    for number in range(count):
        first, last, *written = random.choice(PEOPLE)
        born = date(1925, 1, 2) + timedelta(days=random.randrange(95 * 365))
        name = random.choice((f"{last}, {first}", f"{first} {last}", f"{last} {first}"))
        mrn = random.choice((f"{number:07d}", f"AB-{number}", f"P{number:05d}"))
        patient = Patient(new_id(headers.NOW), "clinic", mrn, name, born.isoformat(), None, 1)
        if written and random.random() < 0.5:
            # The device has no characters: it was given letters.
            last, first = written[0].split("^")
        eye = random.choice((Eye.OD, Eye.OS, Eye.OU))
        elements = [
            ["0008,0005", "CS", "ISO_IR 192"],
            ["0008,0060", "CS", "OP"],
            ["0008,002A", "DT", _taken(random, born)],
            ["0010,0010", "PN", random.choice(NAMES)(last, first)[:64]],
            ["0010,0020", "LO", random.choice(NUMBERS)(mrn)],
            ["0010,0021", "LO", random.choice(("", "clinic", "CLINIC", "another hospital"))],
            ["0010,0030", "DA", random.choice(BIRTHS)(f"{born:%Y%m%d}")],
            *_lateralities(random, eye),
        ]
        yield File(headers.dicom(elements), patient, random.choice((eye, eye, Eye.UNKNOWN)))


def _taken(random: Random, born: date) -> str:
    if random.random() < 0.1:
        return random.choice(CLOCKS)
    earliest = max(born + timedelta(days=1), date(1998, 1, 2))
    days = (headers.NOW.date() - earliest).days
    day = earliest + timedelta(days=random.randrange(max(days, 1)))
    offset = random.choice(("", "", "+0100", "-0500"))
    return f"{day:%Y%m%d}{random.randrange(24):02d}{random.randrange(60):02d}00{offset}"


def _lateralities(random: Random, eye: Eye) -> list[list[Any]]:
    letter = _LETTERS[eye]
    series, image = ["0020,0060", "CS", letter], ["0020,0062", "CS", letter]
    return random.choice(([series], [image], [series, image], []))
