"""Many workers on one PostgreSQL: no upload is done twice at once, no stale one finishes, no scan is doubled."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.catalog import Catalog, tables
from broker.ingest.crashpoint import Effect
from broker.words import State
from tests.fakes import FakeStore
from tests.lanes import Died, Rig, hook

WORKERS, FILES = 6, 90


@pytest.fixture
def workers(tmp_path: Path, postgres_url: str) -> Iterator[list[Rig]]:
    """Workers with connections of their own, on one store."""
    store = FakeStore()
    made = [
        Rig(
            tmp_path / str(n),
            catalog=Catalog(postgres_url),
            intake=store.intake,
            vault=store.vault,
            arrive=store.arrive,
        )
        for n in range(WORKERS)
    ]
    yield made
    for rig in made:
        rig.catalog.close()


def run_all(workers: list[Rig]) -> None:
    """Let every worker work until it finds nothing; one that dies is started again."""
    faults: list[BaseException] = []

    def work(rig: Rig) -> None:
        try:
            while True:
                try:
                    if not rig.lane.step():
                        return
                except Died:
                    rig.lane = rig.new_lane(rig.decoder)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(rig,)) for rig in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not faults, faults


def test_no_file_is_done_twice(workers: list[Rig]) -> None:
    first = workers[0]
    sent = [first.send(f"picture {number}".encode()) for number in range(FILES)]
    first.forget_leases()
    run_all(workers)
    seen = Counter(data for rig in workers for data in rig.fake.seen)
    assert set(seen.values()) == {1}
    assert len(seen) == FILES
    assert sum(len(rig.fake.seen) > 0 for rig in workers) > 1, "they shared the work"
    assert {first.row(upload).fence for upload in sent} == {1}
    first.check()


def test_takeovers_and_deaths_in_between_double_nothing(workers: list[Rig]) -> None:
    """Now and then every lease is over, while its worker still works: two are at one file, the older one is stale."""
    first, chance, lock = workers[0], random.Random(715), threading.Lock()
    sent = [first.send(f"picture {number}".encode()) for number in range(FILES)]
    first.forget_leases()
    deaths = [0]

    def trouble(what: Effect, moment: str) -> None:
        with lock:
            draw = chance.random()
            # Attempts count, and three deaths at one file refuse it: so not too many.
            die = draw < 0.02 and deaths[0] < 15
            deaths[0] += die
        if die:
            raise Died
        if draw > 0.98:
            with first.catalog.write() as tx:
                past = {"lease_until": first.clock.now.replace(year=2020)}
                tx.execute(tables.uploads.update().where(tables.uploads.c.state == State.VERIFYING).values(past))

    with hook(trouble):
        run_all(workers)
    with first.catalog.write() as tx:
        tx.execute(tables.uploads.update().values(attempts=0))
    first.run()
    first.sweeper.sweep()
    assert {first.row(upload).state for upload in sent} == {State.STORED}
    assert max(first.row(upload).fence for upload in sent) > 1
    first.check()
