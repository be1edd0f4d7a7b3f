"""Which eye a DICOM file names, if it is of an eye at all: a knee has a right and a left side, too.

Source: DICOM PS3.3 C.8.17.5 (laterality), C.7.6.16.2.8 (of frames); PS3.16 CID 4209 and 4211 (parts of the eye).
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from ...words import Eye
from .dicom_header import Header
from .dicom_kind import SOP_PREFIX
from .dicom_place import groups

_EYES = {"R": Eye.OD, "L": Eye.OS, "B": Eye.OU, "U": Eye.UNKNOWN}
#: Anatomic Region Modifier: SNOMED CT, and its predecessor SRT.
_MODIFIERS = {
    "24028007": Eye.OD,
    "7771000": Eye.OS,
    "51440002": Eye.OU,
    "G-A100": Eye.OD,
    "G-A101": Eye.OS,
    "G-A102": Eye.OU,
}
#: The eye and its parts in SNOMED CT; in SRT all of them begin with T-AA.
_REGIONS = frozenset({
    *("3954005", "5665001", "13561001", "15775008", "18619003", "26386000", "28726007", "29445007", "29534007"),
    *("31636006", "38934000", "40638003", "41296002", "43045000", "53549008", "61242005", "62736007", "65431007"),
    *("67046006", "68703001", "76710003", "78076003", "79652003", "80243003", "81016008", "81745001", "280677004"),
    "372242005",
})  # fmt: skip
_EYE_PART = re.compile("EYE|OCUL|ORBIT|RETIN|CORNEA|MACUL|FUNDUS|OPHTH|OPTIC|CONJUNCTIV|IRIS|LENS|VITRE|AUGE|OEIL|OJO")
#: What holds the eye: it says nothing for or against one.
_AROUND = frozenset({"", "HEAD", "FACE", "SKULL", "HEADNECK", "WHOLEBODY"})
_MODALITIES = frozenset(
    {"OP", "OPT", "OPTENF", "OPTBSV", "OPV", "OPM", "OAM", "OCT", "IOL", "KER", "LEN", "AR", "SRF", "VA"}
)
_CLASSES = tuple(SOP_PREFIX + part for part in ("77.1.5.", "78.", "79.", "80.", "81.", "82."))
_OPHTHALMIC_GROUP = 0x0022
_ONE_EYE = frozenset({Eye.OD, Eye.OS})


def eye(header: Header) -> tuple[Eye | None, bool]:
    """Which eye, and whether the right is named in one place and the left in another.

    Image, frames, measurement, series and region are asked; ``UNKNOWN`` where two of them disagree. Frames of both eyes
    make OU. None if nothing is said, or if the file is not of an eye.
    """
    if not _is_of_an_eye(header):
        return None, False
    said = {
        _EYES.get(header.word(0x0020_0062)),
        _EYES.get(header.word(0x0024_0113)),
        _EYES.get(header.word(0x0020_0060)),
        *(_MODIFIERS.get(m.text(0x0008_0100)) for r in header.items(0x0008_2218) for m in r.items(0x0008_2220)),
    } - {None}
    frames = {_EYES.get(item.first(0x0020_9071).word(0x0020_9072)) for item in groups(header)} - {None}
    found = {*said, _eye_of_frames(frames)} - {None}
    # Frames of both eyes contradict nothing but a word about the whole.
    contradicts = said | frames >= _ONE_EYE and bool(_ONE_EYE & said)
    if not found:
        return None, False
    return found.pop() if len(found) == 1 else Eye.UNKNOWN, contradicts


def _eye_of_frames(named: AbstractSet[Eye | None]) -> Eye | None:
    if named == _ONE_EYE:
        return Eye.OU
    return next(iter(named)) if len(named) == 1 else Eye.UNKNOWN if named else None


def _is_of_an_eye(header: Header) -> bool:
    """What the file names as its body part decides; else what kind of object it is."""
    parts = [_is_eye_part(header.text(0x0018_0015)), *(_is_eye_region(item) for item in header.items(0x0008_2218))]
    if True in parts or False in parts:
        return True in parts
    by_kind = header.word(0x0008_0060) in _MODALITIES or header.text(0x0008_0016).startswith(_CLASSES)
    return by_kind or _OPHTHALMIC_GROUP in header.groups


def _is_eye_part(text: str) -> bool | None:
    """Whether a body part is the eye or one of its parts; None where it says nothing."""
    letters = "".join(char for char in text.upper() if char.isalpha())
    return None if letters in _AROUND else bool(_EYE_PART.search(letters))


def _is_eye_region(item: Header) -> bool | None:
    code = item.text(0x0008_0100)
    if code in _REGIONS or code.startswith("T-AA"):
        return True
    named = _is_eye_part(item.text(0x0008_0104))
    return False if named is None and code else named
