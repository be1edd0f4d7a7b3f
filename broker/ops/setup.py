"""Make ready what the service stands on: the containers, the CORS rule, the catalog's tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..catalog import Catalog, CatalogRefused
from ..catalog.migrate import is_current, upgrade
from ..config import Config
from ..errors import CatalogBusy, StorageUnavailable
from ..storage.azure import AzureStore
from ..storage.containers import SetupRefused


@dataclass(frozen=True, slots=True)
class Part:
    """One thing the service stands on: whether it is good, and a line for a person to read."""

    good: bool
    text: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of preparing."""

    storage: Part
    catalog: Part

    @property
    def good(self) -> bool:
        return self.storage.good and self.catalog.good


def prepare(config: Config, *, patience: float) -> Prepared:
    """Make containers, CORS rule and tables where they are missing; repeating it changes nothing.

    Waits up to ``patience`` seconds for a store or a database that does not answer yet.
    """
    return Prepared(storage=storage(config, patience=patience), catalog=catalog(config, patience=patience))


def storage(config: Config, *, patience: float) -> Part:
    """Make the containers and add the CORS rule, or say which ``az`` lines do it."""
    store = AzureStore(config)
    where = f"{config.account} at {urlsplit(config.blob_url).netloc}"
    try:
        _patiently(lambda: store.ensure(origins(config)), StorageUnavailable, patience)
    except StorageUnavailable as error:
        return Part(False, f"{where} does not answer: {error}")
    except SetupRefused as error:
        return Part(False, f"{where}: {error}")
    except ValueError as error:
        # The SDK says so about a key that is no base64; its text does not repeat the key.
        return Part(False, f"{where}: the account key or address cannot be used ({type(error).__name__})")
    return Part(True, f"{where}, containers and CORS rule are there")


def catalog(config: Config, *, patience: float) -> Part:
    """Bring the catalog's tables up to date."""
    where = "SQLite in " + str(config.data_dir) if config.database_url.startswith("sqlite") else "PostgreSQL"
    try:
        if config.database_url.startswith("sqlite"):
            config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _patiently(lambda: upgrade(Catalog(config.database_url)), CatalogBusy, patience)
    except CatalogBusy as error:
        return Part(False, f"{where} does not answer: {error}")
    except CatalogRefused as error:
        return Part(False, f"{where}: {error}")
    except OSError as error:
        return Part(
            False, f"{where}: {error.strerror or type(error).__name__}. DATA_DIR must be writable for this user."
        )
    return Part(True, f"{where}, up to date")


def look_at_storage(config: Config) -> Part:
    """Say whether both containers answer, and change nothing."""
    where = f"{config.account} at {urlsplit(config.blob_url).netloc}"
    try:
        AzureStore(config).ready()
    except (StorageUnavailable, ValueError) as error:
        return Part(False, f"{where}: {error or type(error).__name__}")
    return Part(True, f"{where}, both containers answer")


def look_at_catalog(config: Config) -> Part:
    """Say whether the catalog answers and has the newest tables, and change nothing."""
    sqlite = config.database_url.startswith("sqlite")
    where = f"SQLite in {config.data_dir}" if sqlite else "PostgreSQL"
    if sqlite and not (config.data_dir / "catalog.sqlite").exists():
        return Part(False, f"{where}: not there yet; python -m broker setup makes it")
    try:
        current = is_current(Catalog(config.database_url))
    except (CatalogBusy, CatalogRefused) as error:
        return Part(False, f"{where}: {error}")
    return Part(current, f"{where}, up to date" if current else f"{where}: its tables are old; python -m broker setup")


def origins(config: Config) -> list[str]:
    """Where pages that talk to the store come from; on this machine by either of its names."""
    parts = urlsplit(config.public_url)
    if parts.hostname != "localhost":
        return [config.public_url]
    return [config.public_url, f"{parts.scheme}://127.0.0.1" + (f":{parts.port}" if parts.port else "")]


def _patiently(act: Callable[[], None], temporary: type[Exception], patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            return act()
        except temporary:
            if time.monotonic() >= end:
                raise
            time.sleep(0.5)
