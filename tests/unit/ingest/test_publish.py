"""The outbox: published in order, once, whoever publishes, and never over what is there."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from broker import names
from broker.catalog import outbox
from broker.errors import StorageUnavailable
from broker.ids import new_id
from broker.ingest.crashpoint import Effect
from broker.ingest.publish import PAGE, Publisher
from tests.lanes import Died, Rig, fault_at
from tests.people import NOW, actor


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def waiting(rig: Rig) -> int:
    with rig.catalog.read() as tx:
        return outbox.count(tx)


def add(rig: Rig, count: int) -> list[str]:
    made = []
    with rig.catalog.write() as tx:
        for _ in range(count):
            blob = names.patient(new_id(NOW), 1)
            outbox.add(tx, blob, {"a": "ü"}, NOW)
            made.append(blob.name)
    return made


def test_every_version_of_a_patient_is_published_in_order(rig: Rig) -> None:
    rig.patients.change(actor(), rig.patient.id, {"name": "Ada Other"}, now=NOW)
    order: list[str] = []
    rig.store.before = lambda act, name: order.append(name) if act == "put" else None
    assert rig.publisher.publish() == 0
    assert order == [names.patient(rig.patient.id, number).name for number in (1, 2)]
    document = json.loads(rig.vault.get(names.patient(rig.patient.id, 2), 10_000))
    assert (document["name"], document["version"]) == ("Ada Other", 2)
    assert waiting(rig) == 0


def test_more_than_a_page_is_published_at_once(rig: Rig) -> None:
    made = add(rig, PAGE * 2 + 5)
    rig.publisher.publish()
    assert set(made) <= set(rig.store.vault.blobs)
    assert waiting(rig) == 0


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", [Effect.PUBLISH, Effect.PUBLISHED])
def test_a_publisher_may_die_anywhere(rig: Rig, what: Effect, moment: str) -> None:
    made = add(rig, 3)
    with fault_at((what, moment), Died()), pytest.raises(Died):
        rig.publisher.publish()
    assert rig.publisher.publish() == 0
    assert set(made) <= set(rig.store.vault.blobs)
    assert waiting(rig) == 0


def test_what_was_published_before_an_outage_is_taken_out(rig: Rig) -> None:
    made = add(rig, 3)

    def fail(act: str, name: str) -> None:
        if act == "put" and name == made[2]:
            raise StorageUnavailable("503")

    rig.store.before = fail
    with pytest.raises(StorageUnavailable):
        rig.publisher.publish()
    assert waiting(rig) == 1


def test_a_name_that_holds_another_document_is_reported_kept_and_stops_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    taken, free = add(rig, 2)
    rig.store.vault.put(names.VaultBlob(taken), b'{"a":"another"}', "application/json")
    with caplog.at_level(logging.ERROR):
        assert rig.publisher.publish() == 1
    assert "another document" in caplog.text
    assert rig.store.vault.blobs[taken].data == b'{"a":"another"}'
    assert free in rig.store.vault.blobs
    assert waiting(rig) == 1


def test_the_same_document_in_another_form_counts_as_published(rig: Rig) -> None:
    (name,) = add(rig, 1)
    rig.store.vault.put(names.VaultBlob(name), b'{ "a" : "\\u00fc" }', "application/json")
    assert rig.publisher.publish() == 0
    assert waiting(rig) == 0


def test_many_publishers_at_once_do_no_harm(rig: Rig) -> None:
    made = add(rig, 50)
    faults: list[Any] = []

    def work() -> None:
        try:
            Publisher(catalog=rig.catalog, vault=rig.vault).publish()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert set(made) <= set(rig.store.vault.blobs)
    assert waiting(rig) == 0
