"""What a page asks of the catalog does not grow with what it shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from broker.parts import Parts
from broker.words import Eye
from tests.people import NOW
from tests.unit.pages import shelf

PAGES = ["/gallery?eye=OD", "/gallery?patient={patient}", "/patients/{patient}", "/worklist", "/api/v1/scans?eye=OD"]
#: Session, counts of the navigation, what the page shows with its past, namesakes, whether it was just seen, its row.
MOST = 15


def statements(physician: FlaskClient, parts: Parts, path: str) -> list[str]:
    """The statements that one page runs, without the transactions around them."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    sa.event.listen(parts.catalog.engine, "before_cursor_execute", note)
    try:
        assert physician.get(path).status_code == 200
    finally:
        sa.event.remove(parts.catalog.engine, "before_cursor_execute", note)
    return [statement for statement in said if not statement.startswith("BEGIN")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_many_scans_asks_no_more_than_one_of_few(physician: FlaskClient, parts: Parts, page: str) -> None:
    ada, bea = shelf.patient(parts), shelf.patient(parts, mrn="2", name="Other, Bea")
    path = page.format(patient=ada.id)
    for number in range(2):
        shelf.scan(parts, ada, NOW - timedelta(days=number), eye=(Eye.OD, Eye.OS)[number])
    few = statements(physician, parts, path)
    for number in range(70):
        shelf.scan(parts, (ada, bea)[number % 2], NOW - timedelta(days=number), eye=(Eye.OD, Eye.OS)[number // 2 % 2])
        shelf.checked(parts, (ada, bea)[number % 2])
    many = statements(physician, parts, path)
    # The names of those whose uploads are being checked are one more, if there are any.
    assert len(many) - len(few) in (0, 1), "\n".join(many)
    assert len(many) <= MOST
