"""``/admin/audit``: the audit trail as a page with filters, and as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, request
from werkzeug.wrappers import Response

from ..access.permissions import Act
from ..catalog.audit import AuditRow, Filter, read_key, write_key
from ..guard import actor, parts, policy
from ..ids import is_id
from ..text import plain
from . import frame
from .admin import page

PAGE, MOST_ROWS = 100, 50_000
#: What a row on the page names, and for accounts that may see patients by name; all of it is in the file.
SUBJECTS = 3
_NAMES = ("act", "outcome", "name", "subject", "from", "to")
_COLUMNS = ("time (UTC)", "act", "outcome", "name", "account", "address", "request", "about", "detail", "segment")


def add_to(pages: Blueprint) -> None:
    """Add the page and the file."""
    pages.get("/admin/audit")(audit)
    pages.get("/admin/audit.csv")(audit_csv)


@policy(Act.SEE_AUDIT)
def audit() -> str:
    """Show the trail, newest first."""
    asked, after = _asked(request.args), read_key(request.args.get("after"))
    rows = parts().trail.page(actor(), _filter(asked), after=after, limit=PAGE + 1, now=frame.now())
    more = urlencode(asked | {"after": write_key(rows[PAGE - 1])}) if len(rows) > PAGE else ""
    about = [one for row in rows[:PAGE] for one in row.subjects[:SUBJECTS]]
    named = parts().trail.named(actor(), about, now=frame.now())
    shown = {"rows": rows[:PAGE], "most": SUBJECTS, "patients": named.patients, "scans": named.scans}
    return page("audit", **shown, asked=asked, more=more, query=urlencode(asked))


@policy(Act.SEE_AUDIT)
def audit_csv() -> Response:
    """Give the trail as CSV, at most 50,000 rows."""
    which = _filter(_asked(request.args))
    rows = parts().trail.page(actor(), which, after=None, limit=MOST_ROWS, now=frame.now(), act="audit.export")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_COLUMNS)
    writer.writerows([_cell(value) for value in _values(row)] for row in rows)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), mimetype="text/csv", headers=headers)


def _values(row: AuditRow) -> list[str]:
    at, about, detail = row.at.astimezone(UTC).isoformat(), " ".join(row.subjects), json.dumps(row.detail)
    who = [row.account_name, row.account_id or "", row.address, row.request]
    return [at, row.act, row.outcome, *who, about, detail if row.detail else "", str(row.segment or "")]


def _cell(text: str) -> str:
    # A spreadsheet would run what begins so as a formula, and people choose their names.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _asked(args: Mapping[str, str]) -> dict[str, str]:
    return {name: said[:100] for name in _NAMES if (said := plain(args.get(name, "")).strip())}


def _filter(asked: Mapping[str, str]) -> Filter:
    subject, zone = asked.get("subject", ""), parts().config.time_zone
    return Filter(
        act=asked.get("act"),
        outcome=asked.get("outcome"),
        name=asked.get("name"),
        subject=subject if is_id(subject) else None,
        since=_midnight(asked.get("from", ""), zone, 0),
        until=_midnight(asked.get("to", ""), zone, 1),
    )


def _midnight(text: str, zone: ZoneInfo, later: int) -> datetime | None:
    """The start of a clinic's day, or of the one after it."""
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=later), time(), zone)
    except (ValueError, OverflowError):
        return None
