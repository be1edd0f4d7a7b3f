"""Headers drawn at random from values that devices write and values that nobody should: cases for both readers."""

from __future__ import annotations

from random import Random
from typing import Any

_CLASS = "1.2.840.10008.5.1.4.1.1."
_DATES = (
    *("20260310", "2026.03.10", "2026-03-10", "00000000", "19000101", "19800101", "20000101", "20261122", "20261123"),
    *("20261124", "", "20260230", "19570321", "19570320", "20100401", " 20260310", "2026031", "20260310\\20260311"),
    *("19500101", "00010101", "99991231"),
)
_TIMES = (
    *("", "000000", "102030", "1020", "10", "10:20:30", "102060", "250000", "102030.5", "102030.123456"),
    *("102030.1234567", "000210", "120001", "235959.999999", "10 20"),
)
_MOMENTS = (
    *("", "20260310102030", "20260310102030+0100", "20260310102030.25-0330", "20260310", "202603", "2026", "19000101"),
    *("19800101000300", "20000101000210+0100", "20261123120000", "20261123120001", "20261122120500+0300", "2026031010"),
    *("20150101000000", "20150101000000.5", "20150101000001", "20000101005959.5"),
    *("202603101020", "20260310102030+9900", "20260310102030+1459", "20260310102030.1234567", "20260310102030Z"),
    *("20260310250000", " 20260310102030 ", "00010101000000+1400", "99991231235959-1400"),
)
_NAMES = (
    *("", "Example^Ada", "EXAMPLE^ADA^^DR", "Doe^Jane", "Ada Example", "Müller^Jörg", "MUELLER^JOERG", "M?ller"),
    *("Anonymous", "山田^太郎", "Yamada^Taro=山田^太郎", "=山田^太郎", "Dr^Prof", "O'Neil^Seán", "ß", "Weiß^Ada"),
    *("Example-Doe^X", "ΠΑΠΠΑΣ^ΝΙΚΟΣ", "Иванов^Иван", "^Ada", "^^", "Test^Patient", "E^A", "İnce^Işık", "Straße"),
    *("unknown^unknown", "Dupont, Ada", "Ada1 Example2", "naïve^ﬁn", "Na", "Đặng", "١٢٣ محمد", "Ada\u00a0Example"),
    *("a\u200bda", "Ada_Example", "²Ada", "x" * 70 + " Ada"),
)
_PATIENTS = (
    *("Example, Ada", "Müller, Jörg", "山田 太郎", "Yamada, Taro", "Παππάς, Νίκος", "Иванов, Иван", "O'Neil, Sean"),
    *("Ince, Isik", "Weiß, Ada", "Dang, An", "محمد علي", "Strasse"),
)
_NUMBERS = (
    *("", "0012345", "12345", " 0012345 ", "99", "UNKNOWN", "0000", "n/a", "ÄB-1", "TEST", "xx"),
    *("00\u200b12345", "0012345\u200e", "00\u200d12345"),
)
_LATERALITIES = ("", "R", "L", "B", "U", "r", "RIGHT", "R ", "X")
#: Tag, value representation, values, how likely the element is there.
_ELEMENTS: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    ("0008,0008", "CS", ("", "ORIGINAL\\PRIMARY", "DERIVED\\PRIMARY\\OCTA", "DERIVED\\PRIMARY\\FLOW MAP"), 0.2),
    ("0008,0012", "DA", _DATES, 0.3),
    ("0008,0013", "TM", _TIMES, 0.3),
    ("0008,0016", "UI", ("", *(_CLASS + last for last in ("77.1.5.4", "77.1.5.7", "77.1.5.8", "104.1", "82.1"))), 0.3),
    ("0008,0020", "DA", _DATES, 0.4),
    ("0008,0021", "DA", _DATES, 0.4),
    ("0008,0022", "DA", _DATES, 0.4),
    ("0008,0023", "DA", _DATES, 0.4),
    ("0008,002A", "DT", _MOMENTS, 0.5),
    *((f"0008,003{last}", "TM", _TIMES, 0.4) for last in "0123"),
    ("0008,0060", "CS", ("OP", "OPT", "OPTENF", "OPTBSV", "OPV", "OAM", "DOC", "US", "XC", "CR", "OT", "", "op"), 0.8),
    ("0008,0201", "SH", ("", "+0100", "-0500", "+9900", "0100", "+1400", "+1500"), 0.3),
    ("0008,103E", "LO", ("", "OCTA", "angio 3x3", "Flow", "Flower", "OD", "Angiography", "octa-b"), 0.3),
    ("0010,0010", "PN", _NAMES, 0.7),
    ("0010,0020", "LO", _NUMBERS, 0.6),
    ("0010,0021", "LO", ("", "clinic", "CLINIC", "elsewhere", "Clinic  "), 0.4),
    ("0010,0030", "DA", ("", "19570321", "19570322", "19000101", "19000102", "19700101", "20300101", "20260310"), 0.6),
    ("0018,0015", "CS", ("", "EYE", "KNEE", "HEAD", "RETINA", "Eye", "EYES ", " ", "OCULAR", "HEAD NECK"), 0.3),
    ("0020,0060", "CS", _LATERALITIES, 0.5),
    ("0020,0062", "CS", _LATERALITIES, 0.5),
    ("0024,0113", "CS", _LATERALITIES, 0.2),
)
_CODES = ("", "81745001", "72696002", "T-AA000", "T-D0010", "5665001")
_MEANINGS = ("", "Eye", "Knee", "Retina", "meaning")
_MODIFIERS = ("", "24028007", "7771000", "51440002", "G-A100", "G-A101", "66459002")
_PHOTOGRAPHED = (
    *("2026:03:10 10:20:30", "0000:00:00 00:00:00", "2026-03-10T10:20:30", "2026:11:23 12:00:00"),
    *("2026:11:23 12:00:01", "2026:11:22 12:00:00", "2000:01:01 00:59:59", "2000:01:01 01:00:00"),
    *("2026:02:30 10:00:00", "2026:03:10 24:00:00", "2026:03:10 10:20", "x", "1949:12:31 23:59:59"),
    *("2026:03:10 00:00:00", "2026:03:10 10:20:60"),
)
_OFFSETS = ("+01:00", "-03:30", "+99:00", "+15:00", "Z", "+1:00", None, "+14:59")


def cases(count: int, seed: int) -> list[dict[str, Any]]:
    """Draw cases in the form of the table, without what is expected of them."""
    random = Random(seed)
    return [_photograph(random) if random.random() < 0.1 else _dicom(random) for _ in range(count)]


def _photograph(random: Random) -> dict[str, Any]:
    born = random.choice(("1957-03-21", "2026-03-10", "2026-03-11"))
    said = {"original": random.choice(_PHOTOGRAPHED), "offset": random.choice(_OFFSETS)}
    return {"exif": said, "patient": {"birth_date": born}}


def _dicom(random: Random) -> dict[str, Any]:
    elements: list[list[Any]] = [["0008,0005", "CS", "ISO_IR 192"]]
    elements += [[tag, kind, random.choice(values)] for tag, kind, values, p in _ELEMENTS if random.random() < p]
    if random.random() < 0.4:
        elements.append(["0008,2218", "SQ", [_region(random)]])
    if random.random() < 0.1:
        elements.append(["0022,000A", "FL", {"zeros": 4}])
    if random.random() < 0.3:
        frames = [_frame(random) for _ in range(random.randrange(4))]
        elements.append([random.choice(("5200,9229", "5200,9230")), "SQ", frames])
    born = random.choice(("2026-03-10", "2010-04-01", "1957-03-21", "1957-03-21"))
    patient = {"name": random.choice(_PATIENTS), "birth_date": born}
    bare = random.choice(("elements", "meta")) if len(elements) > 4 and random.random() < 0.1 else None
    return {"dicom": elements, "implicit": random.random() < 0.3, "bare": bare, "patient": patient}


def _region(random: Random) -> list[list[Any]]:
    modifiers = [[["0008,0100", "SH", random.choice(_MODIFIERS)]] for _ in range(random.randrange(3))]
    parts: tuple[list[Any], ...] = (
        ["0008,0100", "SH", random.choice(_CODES)],
        ["0008,0104", "LO", random.choice(_MEANINGS)],
        ["0008,2220", "SQ", modifiers],
    )
    return [part for part in parts if random.random() < 0.6]


def _frame(random: Random) -> list[list[Any]]:
    return [["0020,9071", "SQ", [[["0020,9072", "CS", random.choice(_LATERALITIES)]]]]]
