"""Compare the patient a file names with the one who was chosen. A difference asks for attention; it decides nothing.

Devices write words where they know nothing, drop titles, turn names round and spell umlauts out, so a value counts only
if it could be one, and a name differs only where nothing of it is the same. The browser compares by the same rules
before a file is sent (``web/src/lib/who.ts``); ``tests/cases/headers.json`` holds both to the same answers.
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
_SPELLED_OUT = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae", "œ": "oe",
    "ł": "l", "ı": "i", "đ": "d", "ð": "d", "þ": "th",
})  # fmt: skip
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
    return not _alike(name_parts(hint.get("name", "")), name_parts(patient.name))


def name_parts(name: str) -> frozenset[str]:
    """The parts of a name in a form that can be compared; none if it stands for nothing."""
    if re.sub(r"\W|_", "", name).casefold() in _NOTHING:
        return frozenset()
    whole = unicodedata.normalize("NFC", name).casefold()
    return _plain(whole.translate(_SPELLED_OUT)) | _plain(whole)


def _alike(said: frozenset[str], known: frozenset[str]) -> bool:
    """Say whether these can be one person's names; so too where nothing can be compared, as letters with characters.

    Names in other scripts are often written in one piece, so there a part of a part is enough.
    """
    latin, other = ({part for part in parts if _is_latin(part)} for parts in (said, known))
    theirs, ours = said - latin, known - other
    if latin & other or any(one in two or two in one for one in theirs for two in ours):
        return True
    return not (latin and other) and not (theirs and ours)


def _is_latin(part: str) -> bool:
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in part)


def _plain(name: str) -> frozenset[str]:
    """Parts of two letters or more, without accents, titles, placeholders, and what a device could not write."""
    legible = " ".join(word for word in re.split(r"[\s^,=]+", name) if "?" not in word and "\ufffd" not in word)
    letters = unicodedata.normalize("NFKD", re.sub("['’`]", "", legible))
    bare = "".join(letter for letter in letters if not unicodedata.category(letter).startswith("M"))
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
