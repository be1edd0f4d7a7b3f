"""Fixtures for tests against the real emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.azurite import Azurite
from tests.postgres import postgres, postgres_url

__all__ = ["azurite", "postgres", "postgres_url"]


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One emulator over http, in memory, for the whole run; tests keep apart by the ids in their names."""
    with Azurite() as running:
        yield running
