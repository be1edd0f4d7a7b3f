"""Everybody who may look, and a patient with scans."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from broker.catalog.patients import Patient
from broker.parts import Parts
from broker.words import Role
from tests.unit.conftest import ClientFor
from tests.unit.pages import shelf


@pytest.fixture
def technician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.TECHNICIAN)


@pytest.fixture
def physician(client_for: ClientFor) -> FlaskClient:
    return client_for(Role.PHYSICIAN)


@pytest.fixture
def ada(parts: Parts) -> Patient:
    return shelf.patient(parts)
