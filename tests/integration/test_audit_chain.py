"""The audit chain on the real store and the real database: many sealers at once, and a chain that is whole after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from broker import audit
from broker.access.actor import SYSTEM
from broker.catalog import Catalog, tables
from broker.catalog import audit as rows
from broker.config import Config
from broker.ingest.seal import Sealer
from broker.ops.chain import restore, verify
from broker.storage.azure import AzureStore
from tests.azurite import Azurite


@pytest.fixture
def store() -> Iterator[AzureStore]:
    """A store of its own: a chain is one for the whole vault."""
    with Azurite() as running:
        settings = {
            "AZURE_STORAGE_CONNECTION_STRING": running.connection_string,
            "PUBLIC_URL": "http://localhost:8080",
        }
        store = AzureStore(Config.from_env(settings))
        store.ensure(["http://localhost:8080"])
        yield store
        store.close()


def test_three_sealers_at_once_on_postgresql_lose_and_double_no_row(store: AzureStore, postgres_url: str) -> None:
    catalog = Catalog(postgres_url)
    with catalog.write() as tx:
        for index in range(2500):
            audit.record(tx, SYSTEM("test"), f"act{index}", now=catalog.now(tx))
    faults: list[Exception] = []

    def run(name: str) -> None:
        sealer = Sealer(catalog=catalog, vault=store.vault, clock=lambda: catalog_now(catalog), name=name)
        try:
            while waiting(catalog):
                last, found = sealer._due(at_once=True)  # past the lease on purpose: each thinks that it is alone
                if found:
                    sealer._one(last, found)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert [finding for _, found in verify(catalog, store.vault) for finding in found] == []
    with catalog.read() as tx:
        last = rows.last_segment(tx)
        assert last is not None
        acts = [row.act for number in range(1, last.number + 1) for row in rows.of_segment(tx, number)]
    assert sorted(acts) == sorted(f"act{index}" for index in range(2500))
    with catalog.write() as tx:
        tx.execute(tables.audit.delete())
        tx.execute(tables.audit_segments.delete())
    assert restore(catalog, store.vault) == 2500
    assert [finding for _, found in verify(catalog, store.vault) for finding in found] == []
    catalog.close()


def waiting(catalog: Catalog) -> bool:
    with catalog.read() as tx:
        return bool(rows.unsealed(tx, 1))


def catalog_now(catalog: Catalog) -> datetime:
    with catalog.read() as tx:
        return catalog.now(tx)
