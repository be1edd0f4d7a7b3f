"""The scans resource: the gallery as JSON."""

from __future__ import annotations

from typing import Any

from flask import Response

from ..access.permissions import Act
from ..catalog.scans import Filter, read_key, write_key
from ..errors import ScanNotFound
from ..guard import actor, parts
from . import answers, schemas
from .resource import Resource, reply

resource = Resource("scans", "What was stored and checked. Links are good for whoever holds them while they live.")


@resource.operation("GET", "/scans", Act.SEE_SCANS, query=schemas.ScansQuery(), answer=answers.ScansOut)
def page(query: dict[str, Any]) -> Response:
    """List scans, newest capture first, each with a link to its thumbnail."""
    limit, after = query.pop("limit"), query.pop("after")
    shown = parts().gallery.page(actor(), Filter(**query), after=read_key(after), limit=limit, now=parts().clock())
    following = write_key(shown[-1].key) if len(shown) == limit else None
    return reply({"scans": [answers.scan_value(one) for one in shown], "next": following})


@resource.operation("GET", "/scans/months", Act.SEE_SCANS, query=schemas.MonthsQuery(), answer=answers.Months)
def months(query: dict[str, Any]) -> Response:
    """Count scans by month, newest first, for the same filters."""
    counts = parts().reading.months(actor(), Filter(**query), now=parts().clock())
    return reply({"months": [{"month": month, "scans": count} for month, count in counts]})


@resource.operation("GET", "/scans/<id:scan>", Act.SEE_SCANS, answer=answers.ScanOut)
def one(scan: str) -> Response:
    """Get one scan with its records and links to its renditions; its ETag is the number of its records."""
    found = parts().gallery.one(actor(), scan, now=parts().clock())
    response = reply(answers.scan_value(found, found.records))
    response.set_etag(str(found.scan.records))
    return response


@resource.operation("POST", "/scans/links", Act.SEE_SCANS, body=schemas.LinksIn(), answer=answers.Links)
def links(wanted: dict[str, Any]) -> Response:
    """Get fresh links to one rendition of some scans; each item has its link or its problem."""
    found = parts().gallery.links(actor(), wanted["ids"], wanted["rendition"], now=parts().clock())
    missing = ScanNotFound("There is no such scan, or it has no such rendition.")
    return reply(
        {
            "links": [
                {"id": scan, "url": found[scan].url} if scan in found else answers.problem_value(scan, missing)
                for scan in wanted["ids"]
            ]
        }
    )


@resource.operation("POST", "/scans/<id:scan>/original", Act.ORIGINAL, answer=answers.Original)
def original(scan: str) -> Response:
    """Get a link to the file as it was sent, as an attachment, for five minutes."""
    grant = parts().gallery.original(actor(), scan, now=parts().clock())
    return reply({"link": grant.url, "expires_at": answers.stamp(grant.expires_at)})
