"""The audit resource: filters, pages, and that reading it is written down."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from broker import audit
from broker.access.actor import SYSTEM
from broker.ids import new_id
from broker.parts import Parts
from broker.words import Role
from tests.people import NOW, actor
from tests.unit.api.conftest import answer
from tests.unit.conftest import ClientFor

URL = "/api/v1/audit"


@pytest.fixture
def admin(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.ADMIN, name="Ada Admin")


def write(
    parts: Parts, act: str, *, hours: int = 0, subject: str = "", name: str = "Tess", outcome: str = "done"
) -> str:
    who = actor(name=name)
    with parts.catalog.write() as tx:
        at = NOW - timedelta(hours=hours)
        audit.record(tx, who, act, now=at, subjects=[subject] if subject else [], outcome=outcome)
    return who.account


def acts(client: FlaskClient, query: str) -> list[str]:
    return [row["act"] for row in answer(client.get(f"{URL}?{query}"))["rows"]]


def test_rows_are_found_by_act_account_subject_outcome_and_time(admin: FlaskClient, parts: Parts) -> None:
    subject = new_id(NOW)
    account = write(parts, "upload.declare", hours=3, subject=subject)
    write(parts, "upload.renew", hours=2, outcome="refused", name="Paul")
    write(parts, "uploads", hours=1)
    assert acts(admin, "act=upload.declare") == ["upload.declare"]
    assert acts(admin, "act=upload") == ["upload.renew", "upload.declare"]
    assert acts(admin, f"account={account}") == ["upload.declare"]
    assert acts(admin, f"subject={subject}") == ["upload.declare"]
    assert acts(admin, f"subject={new_id(NOW)}") == []
    assert acts(admin, "outcome=refused") == ["upload.renew"]
    assert acts(admin, "name=Paul") == ["upload.renew"]
    assert acts(admin, "from=2026-11-22T07:30:00Z&to=2026-11-22T08:30:00Z") == ["upload.renew"]


def test_pages_follow_each_other_without_gap_or_double(admin: FlaskClient, parts: Parts) -> None:
    for index in range(7):
        write(parts, f"act.{'abcdefg'[index]}", hours=5)
    seen, after = [], ""
    while True:
        page = answer(admin.get(f"{URL}?act=act&limit=3{after}"))
        seen += [row["act"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [f"act.{letter}" for letter in "gfedcba"]


def test_that_it_was_read_is_a_row_too(admin: FlaskClient) -> None:
    answer(admin.get(f"{URL}?act=upload"))
    row = answer(admin.get(f"{URL}?act=audit"))["rows"][0]
    assert (row["act"], row["account_name"], row["detail"]) == ("audit.see", "Ada Admin", {"asked": {"act": "upload"}})


@pytest.mark.parametrize(
    "query", ["act=a'b", "account=x", "from=yesterday", "after=1", "limit=0", "limit=201", "who=x"]
)
def test_what_cannot_be_asked_is_refused(admin: FlaskClient, query: str) -> None:
    assert admin.get(f"{URL}?{query}").status_code == 422


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.PHYSICIAN])
def test_only_administrators_read_it(client_for: ClientFor, role: Role) -> None:
    assert client_for(role).get(URL).status_code == 403


def test_nobody_may_read_it_through_the_use_case_either(parts: Parts) -> None:
    from broker.catalog.audit import Filter
    from broker.errors import NotAllowed

    with pytest.raises(NotAllowed):
        parts.trail.page(SYSTEM("test"), Filter(), after=None, limit=1, now=NOW)
