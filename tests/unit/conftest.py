"""Fixtures of the unit tests: a clock that stands, the parts over a real SQLite file and a fake store, app, clients.

Nothing here opens a socket. ``client_for`` signs in through a real session, as a browser would; ``program_for`` has
a bearer token. A test that needs other settings calls ``make_parts`` and ``create_app`` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker import create_app
from broker.access.actor import SYSTEM, visitor
from broker.access.passwords import Passwords
from broker.api.health import Readiness
from broker.catalog import leases
from broker.catalog.patients import Patient
from broker.config import Config
from broker.ids import new_id
from broker.parts import Parts, assemble
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer
from broker.words import Role
from tests import catalogs
from tests.fakes import FakeStore
from tests.people import NOW
from tests.unit.clinic import Clinic
from tests.unit.pages import shelf

PUBLIC_URL = "http://localhost:8080"
BLOB_URL = "https://clinic.blob.core.windows.net"

ClientFor = Callable[..., FlaskClient]


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        """Go on by so many ``minutes``, ``hours`` ..."""
        self.now += timedelta(**by)


def make_config(folder: Path, **changes: object) -> Config:
    """Settings for a test, with a catalog in ``folder`` and an account key that opens nothing."""
    values: dict[str, object] = {
        "blob_url": BLOB_URL,
        "account": "clinic",
        "account_key": "a2V5",
        "public_url": PUBLIC_URL,
        "blob_public_url": BLOB_URL,
        "database_url": f"sqlite+pysqlite:///{folder / 'catalog.sqlite'}",
        "data_dir": folder,
        "work_dir": folder / "work",
        "time_zone": ZoneInfo("Europe/Berlin"),
    }
    return Config(**values | changes)  # type: ignore[arg-type]


def make_parts(config: Config, clock: Callable[[], datetime], store: FakeStore | None = None) -> Parts:
    """The parts as the assembly makes them, over a migrated catalog and a fake store, with cheap password hashes."""
    catalogs.fresh(config.data_dir).close()
    key = FixedKey(AccountKey("clinic", b"0123456789abcdef0123456789abcdef"))
    parts = assemble(config, store=store or FakeStore(clock), keys=key, clock=clock)
    # What the store says about blocks is measured over the network: here it says that CREATE is not enough.
    signer = Signer(
        keys=key,
        base_url=config.blob_public_url,
        rendition_cache=config.rendition_cache,
        create_blocks=lambda signer: False,
    )
    return replace(
        parts,
        signer=signer,
        uploads=replace(parts.uploads, signer=signer),
        gallery=replace(parts.gallery, signer=signer),
        reading=replace(parts.reading, gallery=replace(parts.gallery, signer=signer)),
        access=replace(parts.access, passwords=Passwords(memory_kib=64, passes=1)),
    )


@pytest.fixture(scope="session", autouse=True)
def quick_catalogs() -> Iterator[None]:
    with catalogs.quick():
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> FakeStore:
    return FakeStore(clock)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


@pytest.fixture
def parts(config: Config, clock: Clock, store: FakeStore) -> Iterator[Parts]:
    """Parts whose catalog knows the vault, so that the service is ready."""
    made = make_parts(config, clock, store)
    with made.catalog.write() as tx:
        leases.mark(tx, "vault_indexed", clock())
    yield made
    made.catalog.close()


@pytest.fixture(scope="session")
def shared_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """One application for all tests with the usual settings: making it costs more than most of them."""
    config = make_config(tmp_path_factory.mktemp("app"))
    return create_app(config, make_parts(config, Clock()))


@pytest.fixture
def app(shared_app: Flask, parts: Parts) -> Flask:
    """The application over this test's own parts."""
    shared_app.extensions |= {"parts": parts, "health": Readiness(parts)}
    return shared_app


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    """A browser on our own pages that nobody has signed in with."""
    return browser(app)


@pytest.fixture
def client_for(app: Flask) -> ClientFor:
    """Make a browser that somebody with these roles has signed in with: ``client_for(Role.TECHNICIAN)``."""
    return lambda *roles, name="": signed_in(app, *roles, name=name)


@pytest.fixture
def program_for(app: Flask, parts: Parts) -> ClientFor:
    """Make a program with a bearer token of this role, which sends no browser's headers."""

    def make(role: Role) -> FlaskClient:
        _, token = parts.access.create_token(SYSTEM("test"), name=f"program {role}", role=role, now=parts.clock())
        client = app.test_client(use_cookies=False)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return make


def browser(app: Flask) -> FlaskClient:
    """A client that says what a browser says on our own pages."""
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


def signed_in(app: Flask, *roles: Role, name: str = "") -> FlaskClient:
    """A browser with a session of an account that holds ``roles``; the same name is the same account."""
    parts: Parts = app.extensions["parts"]
    name = name or f"{'+'.join(sorted(roles))} {new_id(parts.clock())[-6:]}"
    account = parts.access.create(SYSTEM("test"), name=name, roles=frozenset(roles), now=parts.clock())
    with parts.catalog.write() as tx:
        secret = parts.access.sessions.start(tx, account, parts.clock(), before=None)
    client = browser(app)
    client.set_cookie("__Host-session" if parts.config.https else "session", secret, secure=parts.config.https)
    assert parts.access.sessions.actor(visitor("", ""), secret, parts.clock())
    return client


@pytest.fixture
def clinic(parts: Parts) -> Clinic:
    return Clinic(parts)


@pytest.fixture
def ada(parts: Parts) -> Patient:
    """Whose scans most tests of records put down."""
    return shelf.patient(parts)
