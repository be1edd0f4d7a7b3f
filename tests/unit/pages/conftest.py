"""Everybody who may look at the pages."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broker.words import Role
from tests.unit.conftest import ClientFor


@pytest.fixture
def technician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.TECHNICIAN)


@pytest.fixture
def physician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.PHYSICIAN)
