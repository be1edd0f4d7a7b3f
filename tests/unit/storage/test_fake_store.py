"""The fake store keeps the contract, so that tests built on it mean something."""

from __future__ import annotations

import pytest

from broker.errors import StorageUnavailable
from broker.names import IntakeBlob
from tests.contract_storage import Browser, StorageContract, Store, upload
from tests.fakes import FakeStore


class FakeBrowser:
    """What a browser does, on the fake."""

    def __init__(self, store: FakeStore) -> None:
        self.store = store

    def put(self, blob: IntakeBlob, data: bytes, *, encoding: str | None = None) -> str:
        return self.store.arrive(blob, data)

    def stage(self, blob: IntakeBlob, block_id: str, data: bytes) -> None:
        self.store.stage(blob, block_id, data)

    def append(self, blob: IntakeBlob) -> None:
        self.store.append(blob)

    def archive(self, blob: IntakeBlob) -> None:
        self.store.spoil(blob)

    def lease(self, blob: IntakeBlob) -> None:
        """The fake knows no leases: nothing may depend on one."""

    def snapshot(self, blob: IntakeBlob) -> None:
        """The fake knows no snapshots: nothing may depend on one."""


class TestFakeStore(StorageContract):
    @pytest.fixture
    def store(self) -> Store:
        return FakeStore()

    @pytest.fixture
    def browser(self, store: FakeStore) -> Browser:
        return FakeBrowser(store)


def test_a_test_can_make_any_act_fail() -> None:
    store = FakeStore()

    def before(act: str, name: str) -> None:
        if act == "head":
            raise StorageUnavailable("down")

    store.before = before
    with pytest.raises(StorageUnavailable):
        store.intake.head(IntakeBlob(upload()))
    assert store.intake.blocks(IntakeBlob(upload())).committed == ()
