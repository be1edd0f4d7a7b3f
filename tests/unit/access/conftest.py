"""The catalog's own view of what accounts left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.access.accounts import Access
from broker.catalog import audit
from broker.catalog.audit import AuditRow
from broker.parts import Parts


@pytest.fixture
def access(parts: Parts) -> Access:
    return parts.access


@pytest.fixture
def trail(parts: Parts) -> Callable[[], list[AuditRow]]:
    """The audit rows so far, newest first."""

    def read() -> list[AuditRow]:
        with parts.catalog.read() as tx:
            return audit.newest(tx, before=None, limit=100)

    return read
