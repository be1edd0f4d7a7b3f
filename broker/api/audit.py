"""The audit resource: who did what, for those who may know."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response

from ..access.permissions import Act
from ..catalog.audit import AuditRow, Filter, read_key, write_key
from ..guard import actor, parts
from . import answers, schemas
from .resource import Resource, reply

resource = Resource("audit", "Every act, with who did it, from where, and what it concerned.")


@resource.operation("GET", "/audit", Act.SEE_AUDIT, query=schemas.AuditQuery(), answer=answers.Trail)
def find(query: dict[str, Any]) -> Response:
    """List audit rows, newest first; that they were read is a row of its own."""
    after, limit = read_key(query.pop("after")), query.pop("limit")
    rows = parts().trail.page(actor(), Filter(**query), after=after, limit=limit, now=parts().clock())
    following = write_key(rows[-1]) if len(rows) == limit else None
    return reply({"rows": [_value(row) for row in rows], "next": following})


def _value(row: AuditRow) -> answers.Value:
    value = asdict(row) | {"account": row.account_id, "at": answers.stamp(row.at)}
    del value["account_id"]
    return value
