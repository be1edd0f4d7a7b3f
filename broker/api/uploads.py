"""The uploads resource: declare, renew, complete, ask, abandon, and settle what was not stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Response

from ..access.permissions import Act
from ..catalog.unsettled import SILENT
from ..catalog.uploads import Filter
from ..declaration import Declaration, Offer, Progress, Told
from ..errors import BrokerError
from ..guard import actor, parts
from . import answers, schemas
from .resource import Resource, reply

resource = Resource("uploads", "Files on their way in. The bytes go straight to the storage, never here.")


@resource.operation("POST", "/uploads", Act.UPLOAD, body=schemas.DeclarationIn(), answer=answers.Offers, status=201)
def declare(declaration: Declaration) -> Response:
    """Declare the files of one batch and get a grant for each; said again, the same ids and fresh grants."""
    now = parts().clock()
    offers = parts().uploads.declare(actor(), declaration, now)
    return reply({"batch": declaration.batch, "uploads": [answers.offer_value(offer, now) for offer in offers]}, 201)


@resource.operation("POST", "/uploads/grants", Act.UPLOAD, body=schemas.IdsIn(), answer=answers.Grants)
def renew(wanted: dict[str, Any]) -> Response:
    """Get fresh grants for pending uploads; each item has its grant or its problem."""
    now, ids = parts().clock(), wanted["ids"]
    results = parts().uploads.renew(actor(), ids, now)
    return reply({"grants": [_renewed(upload, result, now) for upload, result in zip(ids, results, strict=True)]})


@resource.operation(
    "POST", "/uploads/complete", Act.UPLOAD, body=schemas.CompletionIn(), answer=answers.Completions, status=202
)
def complete(told: dict[str, Any]) -> Response:
    """Say that all bytes are there; each item has where it stands or its problem. May be said again and again."""
    items: list[Told] = told["items"]
    results = parts().uploads.complete(actor(), items, parts().clock())
    return reply({"uploads": [_completed(item.id, result) for item, result in zip(items, results, strict=True)]}, 202)


@resource.operation("GET", "/uploads", Act.SEE_UPLOADS, query=schemas.UploadsQuery(), answer=answers.Uploads)
def find(query: dict[str, Any]) -> Response:
    """List uploads, newest first: those of a batch, with these ids, in these states, one's own, or the unsettled.

    With ``fields=state`` it says where one's own uploads stand, without patient and file name. Whoever asks again and
    again asks so: every other answer is a view of the patients in it, and is written down as one.
    """
    account = actor().account if query["mine"] else None
    which = Filter(batch=query["batch"], ids=query.get("ids"), states=query.get("state"), account=account)
    if query["unsettled"]:
        which = replace(which, open_since=parts().clock() - SILENT)
    after, limit, brief = query["after"], schemas.PAGE, query["brief"] is not None
    if brief:
        found = parts().uploads.standings(actor(), which, after=after, limit=limit)
    else:
        found = parts().uploads.find(actor(), which, after=after, limit=limit, now=parts().clock())
    value = answers.standing_value if brief else answers.upload_value
    following = found[-1].upload.id if len(found) == limit else None
    return reply({"uploads": [value(progress) for progress in found], "next": following})


@resource.operation("POST", "/uploads/settle", Act.UPLOAD, body=schemas.SettlementIn(), answer=answers.UploadOut)
def settle(said: dict[str, Any]) -> Response:
    """Settle a file that was not stored: it was sent again (``by`` which upload), or it is given up for a reason."""
    how, reason, by = said["how"], said["reason"], said["by"]
    found = parts().unsettled.settle(
        actor(), said["id"], [said["upload"]], how=how, reason=reason, by=by, now=parts().clock()
    )
    return reply(answers.upload_value(found[0]))


@resource.operation("GET", "/uploads/<id:upload>", Act.SEE_UPLOADS, answer=answers.UploadOut)
def one(upload: str) -> Response:
    """Ask where one upload stands and, while it is sent in blocks, which of them have arrived."""
    return reply(answers.upload_value(parts().uploads.one(actor(), upload, now=parts().clock())))


@resource.operation("DELETE", "/uploads/<id:upload>", Act.ABANDON, answer=answers.Standing)
def abandon(upload: str) -> Response:
    """Give a pending upload up. The answer says where it stands, to an administrator too: no patient, no file name."""
    given_up = parts().uploads.abandon(actor(), upload, parts().clock())
    return reply(answers.standing_value(given_up, own=given_up.upload.account_id == actor().account))


def _renewed(upload: str, result: Offer | BrokerError, now: Any) -> answers.Value:
    if isinstance(result, BrokerError):
        return answers.problem_value(upload, result)
    return {"id": upload, "grant": answers.grant_value(result, now)}


def _completed(upload: str, result: Progress | BrokerError) -> answers.Value:
    return answers.problem_value(upload, result) if isinstance(result, BrokerError) else answers.standing_value(result)
