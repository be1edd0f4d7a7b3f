"""Compare the patient a file names with the one who was chosen. A difference asks for attention; it decides nothing.

Devices write words where they know nothing, drop titles, turn names round and spell umlauts out, so a value counts only
if it could be one, and a name differs only where nothing of it is the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ..catalog.patients import Patient

#: What stands where nobody entered anything, letters and digits only.
_NOTHING = frozenset({
    *("unknown", "unbekannt", "inconnu", "desconocido", "none", "null", "na", "nil", "noid", "noname", "nomrn"),
    *("anonymous", "anonymized", "anonym", "anon", "patient", "patientid", "testpatient", "test", "demo", "dummy"),
    *("default", "noidentification", "emergency", "notfall"),
})  # fmt: skip
#: Birth dates that devices begin with when none was entered.
_NO_BIRTH = frozenset({"0001-01-01", "1753-01-01", "1800-01-01", "1899-12-30", "1900-01-01", "1970-01-01"})
_SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe", "ł": "l"})
_TITLES = frozenset({"dr", "prof", "mr", "mrs", "ms", "herr", "frau", "med", "jr", "sr"})


def another(patient: Patient, hint: Mapping[str, str]) -> bool:
    """Say whether the file names another patient than ``patient``.

    Another birth date, or another number of the same issuer (one that is not named counts as the same), is another
    patient. A name that shares no part with his is one too, unless number and birth date both agree.
    """
    same_issuer = _folded(hint.get("issuer", "")) in ("", _folded(patient.issuer))
    number, born = _number(hint.get("id", "")) if same_issuer else "", _birth(hint.get("birth_date", ""))
    if (number and number != _number(patient.mrn)) or (born and born != patient.birth_date):
        return True
    if number and born:
        return False
    said, known = name_parts(hint.get("name", "")), name_parts(patient.name)
    return bool(said and known) and said.isdisjoint(known)


def name_parts(name: str) -> frozenset[str]:
    """The parts of a name in a form that can be compared; none if it stands for nothing."""
    if re.sub(r"\W|_", "", name).casefold() in _NOTHING:
        return frozenset()
    return _plain(name.casefold().translate(_SPELLED_OUT)) | _plain(name)


def _plain(name: str) -> frozenset[str]:
    """Parts of two letters or more, without accents, titles and placeholders."""
    letters = unicodedata.normalize("NFKD", re.sub("['’`]", "", name.casefold()))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    found = (part for part in re.split(r"[\W\d_]+", bare) if len(part) > 1)
    return frozenset(part for part in found if part not in _TITLES and part not in _NOTHING)


def _number(text: str) -> str:
    """A record number, trimmed, whatever its case; leading zeros count. Nothing if it stands for nothing."""
    folded = _folded(text)
    bare = re.sub(r"[\W_]", "", folded)
    return "" if bare in _NOTHING or not bare.strip("0x") else folded


def _birth(text: str) -> str:
    return "" if text.strip() in _NO_BIRTH else text.strip()


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
