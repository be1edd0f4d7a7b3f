"""What kind of picture a DICOM file holds, by its object class, device, dye, filters and channel.

Codes are SNOMED CT and, in files of older devices, SRT for the same concepts (PS3.16 CID 4200 to 4210). Where these
leave it open, nothing is said: that a picture comes from an ophthalmic camera does not make it a colour photograph.
"""

from __future__ import annotations

import re

from ...words import Kind
from .dicom_header import Header

SOP_PREFIX = "1.2.840.10008.5.1.4.1.1."
ENCAPSULATED_PDF = SOP_PREFIX + "104.1"

_OPT, _EN_FACE, _VOLUME_ANALYSIS = (SOP_PREFIX + "77.1.5." + last for last in "478")
_TOPOGRAPHY = SOP_PREFIX + "82.1"
_ULTRASOUND = (SOP_PREFIX + "6.1", SOP_PREFIX + "3.1", SOP_PREFIX + "6.2")
_PHOTOGRAPHY = tuple(SOP_PREFIX + "77.1.5." + last for last in "12")

#: Modalities that leave no choice.
_MODALITIES = {"XC": Kind.EXTERNAL, "OPV": Kind.VISUAL_FIELD, "OAM": Kind.BIOMETRY, "DOC": Kind.DOCUMENT}

_DYES = (
    ({"350086004", "C-B02CC"}, Kind.FLUORESCEIN_ANGIOGRAPHY),
    ({"7292004", "C-B0156"}, Kind.ICG_ANGIOGRAPHY),
)
_NO_FILTER = {"111609"}
_BLUE_FILTER = {"445084008", "A-010DA"}
_INFRARED = {"445169002", "A-010DC", "414497003", "R-102BE"}
_RED_FREE = {"405739002", "G-A132"}
_OCT = {"392012008", "A-00FBE"}
_SLO = {"392001008", "A-00E8A", "392004000", "A-00E8B"}
_FUNDUS_CAMERA = {"409898007", "R-1021A"}
_DEVICES = {
    **dict.fromkeys(("397247004", "A-2B201"), Kind.SLIT_LAMP),
    **dict.fromkeys(("409903006", "R-1021B"), Kind.EXTERNAL),
    **dict.fromkeys(("409899004", "R-1021C"), Kind.SPECULAR),
    **dict.fromkeys(("397522002", "A-00FCA"), Kind.TOPOGRAPHY),
}
_ANGIOGRAPHY = re.compile(r"\b(?:OCTA|ANGIO\w*|FLOW)\b", re.IGNORECASE)
_IR = re.compile(r"\bN?IR\b", re.IGNORECASE)


def kind(header: Header) -> Kind | None:
    """Derive the kind; None where a person must say."""
    sop_class, modality = header.text(0x0008_0016), header.word(0x0008_0060)
    if sop_class == ENCAPSULATED_PDF:
        return Kind.DOCUMENT
    devices = _codes(header, 0x0022_0015)
    derived = sop_class in (_EN_FACE, _VOLUME_ANALYSIS) or modality in ("OPTENF", "OPTBSV")
    if derived or sop_class == _OPT or modality == "OPT":
        return _tomography(header, derived=derived)
    if sop_class == _TOPOGRAPHY:
        return Kind.TOPOGRAPHY
    if sop_class in _ULTRASOUND or modality == "US":
        return Kind.ULTRASOUND
    if sop_class in _PHOTOGRAPHY or modality == "OP":
        return Kind.OCT if devices & _OCT else _photograph(header, devices)
    return _MODALITIES.get(modality)


def _tomography(header: Header, *, derived: bool) -> Kind:
    texts = [str(value) for value in header.values(0x0008_0008)] + [header.text(0x0008_103E)]
    return Kind.OCTA if derived and any(_ANGIOGRAPHY.search(text) for text in texts) else Kind.OCT


def _photograph(header: Header, devices: set[str]) -> Kind | None:
    dyes = _codes(header, 0x0018_0012)
    if dyes:
        found = [one for codes, one in _DYES if dyes & codes]
        return found[0] if len(found) == 1 else None
    return _by_light(header, devices) or _by_device(header, devices)


def _by_light(header: Header, devices: set[str]) -> Kind | None:
    light, image = (_codes(header, tag) - _NO_FILTER for tag in (0x0022_0017, 0x0022_0018))
    seen = light | image | _codes(header, 0x0022_001A)
    if seen & _RED_FREE:
        return Kind.RED_FREE
    if seen & _INFRARED and devices & _SLO:
        return Kind.INFRARED
    # There is no one code for it: blue light goes in, and a filter keeps it from coming back.
    return Kind.AUTOFLUORESCENCE if light & _BLUE_FILTER and image - _BLUE_FILTER else None


def _by_device(header: Header, devices: set[str]) -> Kind | None:
    filtered = any(_codes(header, tag) - _NO_FILTER for tag in (0x0022_0017, 0x0022_0018, 0x0022_001A))
    if devices & _SLO and header.word(0x0028_0004) == "MONOCHROME2" and _IR.search(header.text(0x0008_103E)):
        return None if filtered else Kind.INFRARED
    if devices & _FUNDUS_CAMERA:
        return Kind.COLOR_FUNDUS if header.integer(0x0028_0002) == 3 and not filtered else None
    return next((_DEVICES[code] for code in sorted(devices) if code in _DEVICES), None)


def _codes(header: Header, tag: int) -> set[str]:
    """The code values in a sequence of codes."""
    return {value for item in header.items(tag) if (value := item.text(0x0008_0100))}
