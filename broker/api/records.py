"""The records resource: what clinicians say about scans. Each id is made by the client: a retry is the same act."""

from __future__ import annotations

from typing import Any

from flask import Response

from ..access.permissions import Act
from ..errors import Invalid
from ..guard import actor, parts
from ..records import public
from ..records.stale import Seen
from . import answers, schemas
from .resource import Resource, reply

resource = Resource("records", "What is said about scans: appended, never changed.")


@resource.operation("POST", "/reviews", Act.REVIEW, body=schemas.ReviewIn(), answer=answers.RecordsOut, status=201)
def review(said: dict[str, Any]) -> Response:
    """Review scans, or ask for a repeat: one act, for a visit or for single scans. 412 names what changed meanwhile.

    409 names the scans that this account has not opened, unless ``unopened`` is said, or whose patient or eye is in
    doubt.
    """
    seen: dict[str, int | Seen] = {scan["id"]: Seen(scan["seen"], scan["manifest"]) for scan in said["scans"]}
    made = parts().records.review(
        actor(), said["id"], seen, status=said["status"], note=said["note"], unopened=said["unopened"],
        now=parts().clock(),
    )  # fmt: skip
    return _reply(said["id"], made)


@resource.operation("POST", "/addenda", Act.REVIEW, body=schemas.AddendumIn(), answer=answers.RecordsOut, status=201)
def add(said: dict[str, Any]) -> Response:
    """Add a note to scans; with ``closes`` it settles a repeat that was wanted.

    ``seen`` says what was shown of these scans and of those that answer them: 412 if that is not how they are by now,
    409 names the answers that this account has not opened, unless ``unopened`` is said.
    """
    records, note = parts().records, said["note"]
    if said["closes"] and said["seen"] is not None:
        seen = {scan["id"]: Seen(scan["seen"], scan["manifest"]) for scan in said["seen"]}
        made = records.close(
            actor(), said["id"], said["scans"], note=note, seen=seen, unopened=said["unopened"], now=parts().clock()
        )
    else:
        made = records.add(actor(), said["id"], said["scans"], note=note, closes=said["closes"], now=parts().clock())
    return _reply(said["id"], made)


@resource.operation(
    "POST", "/corrections", Act.CORRECT, body=schemas.CorrectionIn(), answer=answers.RecordsOut, status=201
)
def correct(said: dict[str, Any]) -> Response:
    """Correct eye, kind, capture time or patient of scans, or of a batch; both values are kept.

    ``seen`` says how many records were shown of scans: 412 names what was said since.
    """
    if bool(said["scans"]) == bool(said["batch"]) or not said["set"]:
        raise Invalid("Name either scans or a batch, and at least one value to set.")
    made = parts().records.correct(
        actor(), said["id"], said["scans"], batch=said["batch"], changes=said["set"], reason=said["reason"],
        seen=_shown(said), now=parts().clock(),
    )  # fmt: skip
    return _reply(said["id"], made)


@resource.operation(
    "POST", "/withdrawals", Act.WITHDRAW, body=schemas.WithdrawalIn(), answer=answers.RecordsOut, status=201
)
def withdraw(said: dict[str, Any]) -> Response:
    """Withdraw scans from gallery and counts, or restore them; ``seen`` as of a correction."""
    made = parts().records.withdraw(
        actor(), said["id"], said["scans"], reason=said["reason"], restore=not said["withdrawn"], seen=_shown(said),
        now=parts().clock(),
    )  # fmt: skip
    return _reply(said["id"], made)


@resource.operation("POST", "/answers", Act.CORRECT, body=schemas.AnswerIn(), answer=answers.RecordsOut, status=201)
def answer(said: dict[str, Any]) -> Response:
    """Answer a wanted repeat: name the scan that it is, or say why it is not possible. A physician closes it."""
    made = parts().records.answer(
        actor(), said["id"], said["scan"], possible=said["possible"], by=said["by"], reason=said["reason"],
        now=parts().clock(),
    )  # fmt: skip
    return _reply(said["id"], made)


@resource.operation(
    "POST", "/retractions", Act.CORRECT, body=schemas.RetractionIn(), answer=answers.RecordsOut, status=201
)
def retract(said: dict[str, Any]) -> Response:
    """Take an own review, addendum or answer back, of all its scans, within ten minutes."""
    return _reply(said["id"], parts().records.retract(actor(), said["id"], said["act"], now=parts().clock()))


@resource.operation("POST", "/scans/opened", Act.SEE_SCANS, body=schemas.OpenedIn(), answer=answers.OpenedOut)
def open_(said: dict[str, Any]) -> Response:
    """Say that the pictures of scans were shown, and how many different slices; get what this account has opened."""
    seen = [(scan["id"], scan["slices"]) for scan in said["scans"]]
    known = parts().records.open(actor(), seen, now=parts().clock())
    return reply({"scans": [{"id": scan, "slices": slices} for scan, slices in sorted(known.items())]})


def _shown(said: dict[str, Any]) -> dict[str, int]:
    return {scan["id"]: scan["records"] for scan in said["seen"]}


def _reply(act: str, made: list[dict[str, Any]]) -> Response:
    return reply({"id": act, "records": [public(one) for one in made]}, 201)
