"""The records resource: what clinicians say about scans. Each id is made by the client: a retry is the same act."""

from __future__ import annotations

from typing import Any

from flask import Response

from ..access.permissions import Act
from ..errors import Invalid
from ..guard import actor, parts
from ..records import public
from . import answers, schemas
from .resource import Resource, reply

resource = Resource("records", "Reviews, addenda, corrections and withdrawals: appended, never changed.")


@resource.operation("POST", "/reviews", Act.REVIEW, body=schemas.ReviewIn(), answer=answers.RecordsOut, status=201)
def review(said: dict[str, Any]) -> Response:
    """Review scans, or ask for a repeat: one act, for a visit or for single scans. 412 names what changed meanwhile."""
    seen = {scan["id"]: scan["seen"] for scan in said["scans"]}
    made = parts().records.review(
        actor(), said["id"], seen, status=said["status"], note=said["note"], now=parts().clock()
    )
    return _reply(said["id"], made)


@resource.operation("POST", "/addenda", Act.CORRECT, body=schemas.AddendumIn(), answer=answers.RecordsOut, status=201)
def add(said: dict[str, Any]) -> Response:
    """Add a note to scans; with ``closes`` it settles a repeat that was wanted, which technicians may too."""
    made = parts().records.add(
        actor(), said["id"], said["scans"], note=said["note"], closes=said["closes"], now=parts().clock()
    )
    return _reply(said["id"], made)


@resource.operation(
    "POST", "/corrections", Act.CORRECT, body=schemas.CorrectionIn(), answer=answers.RecordsOut, status=201
)
def correct(said: dict[str, Any]) -> Response:
    """Correct eye, kind, capture time or patient of scans, or of a batch; both values are kept."""
    if bool(said["scans"]) == bool(said["batch"]) or not said["set"]:
        raise Invalid("Name either scans or a batch, and at least one value to set.")
    made = parts().records.correct(
        actor(), said["id"], said["scans"], batch=said["batch"], changes=said["set"], reason=said["reason"],
        now=parts().clock(),
    )  # fmt: skip
    return _reply(said["id"], made)


@resource.operation(
    "POST", "/withdrawals", Act.WITHDRAW, body=schemas.WithdrawalIn(), answer=answers.RecordsOut, status=201
)
def withdraw(said: dict[str, Any]) -> Response:
    """Withdraw scans from gallery and counts, or restore them."""
    made = parts().records.withdraw(
        actor(), said["id"], said["scans"], reason=said["reason"], restore=not said["withdrawn"], now=parts().clock()
    )
    return _reply(said["id"], made)


def _reply(act: str, made: list[dict[str, Any]]) -> Response:
    return reply({"id": act, "records": [public(one) for one in made]}, 201)
