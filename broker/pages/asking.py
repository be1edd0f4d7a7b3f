"""What forms of the reading pages send: the act's id, a reason with its words, ids of scans."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from ..catalog.scans import Scan
from ..errors import BrokerError, Invalid
from ..ids import is_id
from ..records.stale import Seen
from ..text import refusal

LONGEST_NOTE, LONGEST_REASON = 4000, 1000
#: Scans that one form may name.
MOST_SCANS = 1_000
_TYPED = ("note", "scope", "eye", "kind", "captured_at", "reason", "words")


def act() -> str:
    """The act's id, which was made with the form: a form that is sent twice is one act.

    Raises:
        Invalid: there is none.
    """
    identity = request.form.get("act", "")
    if not is_id(identity):
        raise Invalid("This form is not one of ours. Load the page again.")
    return identity


def scans() -> list[str]:
    """The scans that the form names, each once.

    Raises:
        Invalid: there is none, or there are too many.
    """
    found = [one for one in dict.fromkeys(request.form.getlist("scan")) if is_id(one)]
    if not 1 <= len(found) <= MOST_SCANS:
        raise Invalid(f"Select 1 to {MOST_SCANS:,} scans.")
    return found


def shown(scan: Scan) -> str:
    """What a form sends of a scan that it shows: its id, the number of its records, and the number of its manifest."""
    return f"{scan.id}:{scan.records}:{scan.manifest}"


def seen() -> dict[str, Seen]:
    """What the form showed of which scans."""
    found: dict[str, Seen] = {}
    for value in request.form.getlist("seen"):
        identity, *numbers = value.split(":")
        if is_id(identity) and len(numbers) == 2 and all(one.isdecimal() and len(one) < 9 for one in numbers):
            found[identity] = Seen(int(numbers[0]), int(numbers[1]))
    return found


def records_seen() -> dict[str, int]:
    """How many records the form showed of which scans."""
    return {scan: what.records for scan, what in seen().items()}


def text(name: str, longest: int, *, needed: bool = False) -> str:
    """What was typed, without what surrounds it.

    Raises:
        Invalid: it is too long, or empty though it is needed, or has control characters.
    """
    return _checked(name, request.form.get(name, ""), longest, needed=needed)


def reason() -> str:
    """Why: what was chosen, and the words that were added. Raises Invalid as ``text`` does."""
    said = (request.form.get(name, "").strip() for name in ("reason", "words"))
    return _checked("reason", ": ".join(part for part in said if part), LONGEST_REASON, needed=True)


def typed(problem: BrokerError | None) -> Mapping[str, str]:
    """What was typed, to be shown again beside a problem; nothing without one."""
    return {name: request.form.get(name, "") if problem else "" for name in _TYPED}


def _checked(name: str, value: str, longest: int, *, needed: bool) -> str:
    value = value.replace("\r\n", "\n").strip()
    if len(value) > longest or (needed and not value):
        raise Invalid(f"Write 1 to {longest} characters.", field=name)
    if why := refusal(value, lines=True):
        raise Invalid(f"The {name}: {why}", field=name)
    return value
