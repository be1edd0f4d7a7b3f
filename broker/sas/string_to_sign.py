"""The text under a blob SAS: which fields are signed, and in which order, by service version.

Fields are a mapping of decoded text, named as in the SAS query, plus ``canon``: ``/blob/<account>/<container>/<name>``
(on the emulator too: the account stands in it once). A missing field is an empty line.

Source: "Create a service SAS" and "Create a user delegation SAS" (Microsoft Learn), the string-to-sign tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_SERVICE = "sp st se canon si sip spr sv sr snap ses rscc rscd rsce rscl rsct"
_DELEGATION = (
    "sp st se canon skoid sktid skt ske sks skv saoid suoid scid skdutid sduoid"
    " sip spr sv sr snap ses srh srq rscc rscd rsce rscl rsct"
)
_OLDEST = "2018-11-09"
#: The service version that began to sign a field; the others were signed from the oldest version on.
_SINCE = {"saoid": "2020-02-10", "suoid": "2020-02-10", "scid": "2020-02-10", "ses": "2020-12-06"}
_SINCE |= {"skdutid": "2025-07-05", "sduoid": "2025-07-05", "srh": "2026-04-06", "srq": "2026-04-06"}
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def service_text(fields: Mapping[str, str]) -> str:
    """Give the text that an account key signs.

    Raises:
        ValueError: a field that ``fields["sv"]`` does not sign here, or a value with a line break.
    """
    return _text(_SERVICE, fields)


def delegation_text(fields: Mapping[str, str]) -> str:
    """Give the text that a user delegation key signs; ``skoid`` to ``skv`` describe that key.

    Sealed headers and parameters (``srh``, ``srq``) stay empty lines and asking for them is refused: no store was seen
    to honour them, and a seal that nobody checks binds nobody.

    Raises:
        ValueError: as ``service_text``, or for ``srh`` and ``srq``.
    """
    return _text(_DELEGATION, fields)


def _text(row: str, fields: Mapping[str, str]) -> str:
    names, allowed = _row(row, fields["sv"])
    # Whoever holds the link could change a field that is not signed, so it must not be thought to bind anybody.
    if not fields.keys() <= allowed:
        raise ValueError("this kind of SAS does not sign that field in this version")
    text = "\n".join([fields.get(name, "") for name in names])
    # A line break inside a value would move it into the next field; the count of lines gives it away.
    if text.count("\n") != len(names) - 1:
        raise ValueError("a signed value holds a line break")
    return text


@lru_cache(maxsize=64)
def _row(row: str, version: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names signed by ``version``, in order, and those of them that may be set."""
    if not _VERSION.fullmatch(version) or version < _OLDEST:
        raise ValueError(f"a service version is YYYY-MM-DD, {_OLDEST} or later")
    names = tuple(name for name in row.split() if version >= _SINCE.get(name, _OLDEST))
    return names, frozenset(names) - {"srh", "srq"}
