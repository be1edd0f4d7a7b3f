"""What the unit tests send to SQLite, sent to PostgreSQL: it takes no NUL, and no text longer than its column."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker import create_app
from broker.catalog import leases
from broker.ids import new_id
from broker.words import Role
from tests.people import NOW
from tests.unit.api.test_any_text import FIELDS, FORMS, QUERIES, bodies
from tests.unit.conftest import Clock, make_config, make_parts, signed_in
from tests.unit.pages import shelf

TEXTS = ["\x00", "a\x00b", "\u202e", "ΐ" * 200, "ΐ" * 100, "ß" * 64, "🙂" * 300, "\ufffe", "a\\u0000b", "%\\'"]


@pytest.fixture
def told(postgres_url: str, tmp_path: Path) -> dict[str, list[int]]:
    """The status of every answer, by text."""
    parts = make_parts(make_config(tmp_path, database_url=postgres_url), Clock())
    with parts.catalog.write() as tx:
        leases.mark(tx, "vault_indexed", NOW)
    app = create_app(parts.config, parts)
    ada = shelf.patient(parts)
    scan = shelf.scan(parts, ada).id
    client = signed_in(app, Role.TECHNICIAN, Role.PHYSICIAN, Role.ADMIN)
    found: dict[str, list[int]] = {}
    for text in TEXTS:
        for field in FIELDS:
            body = json.dumps(bodies(ada.id, scan, text)[field])
            answer = client.post(field.partition("#")[0], data=body, content_type="application/json")
            found.setdefault(f"{field} {text!r}", []).append(answer.status_code)
        for path, name in QUERIES:
            found.setdefault(f"{path}?{name} {text!r}", []).append(
                client.get(path, query_string={name: text}).status_code
            )
        for path, name, others in FORMS:
            words = {"{patient}": ada.id, "{scan}": scan, "{act}": new_id(NOW)}
            form = {**others, name: text}
            for word, value in words.items():
                path, form = path.replace(word, value), {key: one.replace(word, value) for key, one in form.items()}
            found.setdefault(f"{path} {name} {text!r}", []).append(client.post(path, data=form).status_code)
    parts.catalog.close()
    return found


def test_no_text_is_a_fault_of_postgresql(told: dict[str, list[int]]) -> None:
    assert {asked for asked, statuses in told.items() if max(statuses) >= 500} == set()
    assert len(told) > 500
