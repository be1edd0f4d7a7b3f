"""Work that dies before an effect, after it, or whose answer is lost, is finished by whoever comes next.

The points are reached inside this process, on stores and catalogs of the tests; ``test_kill_worker`` kills real
processes at some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broker.catalog import Catalog, scans, tables
from broker.catalog.unsettled import SILENT
from broker.errors import CatalogBusy, StorageUnavailable
from broker.ids import new_id
from broker.ingest.crashpoint import Effect
from broker.ingest.sweep import SILENCE
from broker.names import IntakeBlob
from broker.ops.rebuild import index
from broker.records import Records
from broker.words import Expiry, Eye, Rejection, Role, State
from tests import catalogs, people
from tests.erasures import Case
from tests.lanes import Died, Rig, dump, fault_at, furnished, rejected
from tests.people import NOW
from tests.unit.ingest.test_seal import SEALING
from tests.unit.ingest.test_sweep import blobs, declare_large, settle, stage

QUIET: Callable[[str], None] = lambda line: None  # noqa: E731

PROMOTION = (
    Effect.CLAIM,
    Effect.SPOOL,
    Effect.ORIGINAL,
    Effect.RENDITION,
    Effect.PUBLISH,
    Effect.PUBLISHED,
    Effect.MANIFEST,
    Effect.STORED,
    Effect.INTAKE_DELETE,
)
MOMENTS = ("before", "after")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def full(tmp_path: Path) -> Rig:
    return furnished(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Catalog:
    return catalogs.fresh(tmp_path / "empty")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = Case(tmp_path)
    yield made
    made.rig.catalog.close()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", PROMOTION)
def test_a_worker_that_dies_anywhere_leaves_work_that_another_one_finishes(rig: Rig, what: Effect, moment: str) -> None:
    upload = rig.send(b"a picture")
    with fault_at((what, moment), Died()) as hits, pytest.raises(Died):
        rig.lane.step()
    assert hits
    rig.run()
    rig.sweeper.sweep()
    assert rig.row(upload).state is State.STORED
    assert rig.acts(upload) == ["upload.stored"]
    rig.check()


@pytest.mark.parametrize("fault", [StorageUnavailable("lost"), CatalogBusy("lost")])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", PROMOTION[1:])
def test_an_answer_that_is_lost_changes_nothing_in_the_end(
    rig: Rig, what: Effect, moment: str, fault: Exception
) -> None:
    upload = rig.send(b"a picture")
    with fault_at((what, moment), fault) as hits:
        rig.lane.step()
    assert hits
    rig.run()
    rig.sweeper.sweep()
    assert rig.row(upload).state is State.STORED
    assert rig.row(upload).attempts <= 1, "faults that pass are not counted"
    rig.check()


@pytest.mark.parametrize("fault", [Died(), CatalogBusy("lost")])
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(("what", "state"), [(Effect.REJECTED, State.REJECTED), (Effect.MISSING, State.MISSING)])
def test_the_other_ends_can_die_too(rig: Rig, what: Effect, state: State, moment: str, fault: BaseException) -> None:
    rig.fake.verdict = rejected(Rejection.DECODE)
    upload = rig.send(b"a picture")
    if state is State.MISSING:
        rig.store.intake.blobs.clear()
    with fault_at((what, moment), fault), pytest.raises(Died) if isinstance(fault, Died) else nullcontext():
        rig.lane.step()
    rig.run()
    assert rig.row(upload).state is state
    assert rig.store.vault.blobs.keys() == set()
    rig.check()


@pytest.mark.parametrize("fault", [Died(), CatalogBusy("lost")])
@pytest.mark.parametrize("moment", MOMENTS)
def test_giving_back_can_die_too(rig: Rig, moment: str, fault: BaseException) -> None:
    upload = rig.send(b"a picture")
    rig.store.before = lambda act, name: _unavailable() if act == "read" else None
    with fault_at((Effect.RELEASE, moment), fault), pytest.raises(Died) if isinstance(fault, Died) else nullcontext():
        rig.lane.step()
    rig.store.before = lambda act, name: None
    rig.run()
    assert rig.row(upload).state is State.STORED
    rig.check()


def _unavailable() -> None:
    raise StorageUnavailable("503")


SWEEPING = (
    Effect.RECEIVE,
    Effect.COMMIT,
    Effect.REFUSE,
    Effect.LOSE,
    Effect.SETTLE,
    Effect.EXPIRE,
    Effect.PURGE,
)


@pytest.mark.parametrize("fault", [Died(), StorageUnavailable("lost"), CatalogBusy("lost")])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", SWEEPING)
def test_a_sweeper_may_die_anywhere(rig: Rig, what: Effect, moment: str, fault: BaseException) -> None:
    rig.send(b"twin")
    rig.run()
    given_up = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(given_up.id), b"picture and more")
    rig.sweeper.sweep()
    settle(rig, given_up)
    dead = rig.declare(b"twin", created_at=NOW - SILENT)
    lost = rig.send(b"lost")
    del rig.store.intake.blobs[IntakeBlob(lost.id).name]
    # The large one takes long to hash, and matters for one effect only.
    large = declare_large(rig) if what is Effect.COMMIT else rig.send(b"spoken")
    for number in range(5) if large.block_size else ():
        stage(rig, large, number)
    rig.clock.now += SILENCE
    silent = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(silent.id), b"picture")
    oversize = rig.declare(b"picture")
    rig.store.arrive(IntakeBlob(oversize.id), b"picture and more")
    late = rig.declare(b"late", keep_until=NOW)
    with fault_at((what, moment), fault) as hits, pytest.raises(type(fault)):
        rig.sweeper.sweep()
    assert hits
    rig.sweeper.sweep()
    rig.run()
    ends = [rig.row(one).state for one in (silent, large, oversize, late, lost, dead)]
    assert ends == [State.STORED, State.STORED, State.REJECTED, State.EXPIRED, State.MISSING, State.EXPIRED]
    assert rig.row(dead).reason == Expiry.DUPLICATE
    assert blobs(rig) == {IntakeBlob(oversize.id).name}  # kept until somebody has settled it
    rig.check()


INDEXING = (Effect.INDEX_PATIENTS, Effect.INDEX_UPLOADS, Effect.INDEX_MARK, Effect.INDEXED)


@pytest.mark.parametrize("fault", [Died(), StorageUnavailable("lost"), CatalogBusy("lost")])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", INDEXING)
def test_a_rebuild_may_die_anywhere_and_be_started_again(
    full: Rig, empty: Catalog, what: Effect, moment: str, fault: BaseException
) -> None:
    with fault_at((what, moment), fault) as hits, pytest.raises(type(fault)):
        index(empty, full.vault, QUIET)
    assert hits
    index(empty, full.vault, QUIET)
    assert dump(empty) == dump(full.catalog)


#: Needs a record in the vault, so it has a test of its own.
RECORDED = (Effect.INDEX_RECORDS,)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", RECORDED)
def test_a_rebuild_may_die_at_the_records_and_be_started_again(
    full: Rig, empty: Catalog, what: Effect, moment: str
) -> None:
    with full.catalog.read() as tx:
        shown = scans.page(tx, scans.Filter(), after=None, limit=1)[0][0]
    said = Records(catalog=full.catalog, zone=ZoneInfo("UTC"))
    changes, now = {"eye": "OU"}, full.clock.now
    said.correct(people.actor(Role.PHYSICIAN), new_id(now), [shown.id], changes=changes, reason="Both eyes.", now=now)
    full.publisher.publish()
    with fault_at((what, moment), Died()) as hits, pytest.raises(Died):
        index(empty, full.vault, QUIET)
    assert hits
    index(empty, full.vault, QUIET)
    with empty.read() as tx:
        assert scans.find(tx, [shown.id])[shown.id][0].eye is Eye.OU
    assert index(empty, full.vault, QUIET, check_only=True).different == 0


ERASING = (Effect.TOMBSTONE, Effect.ERASE, Effect.FORGET)


@pytest.mark.parametrize("fault", [Died(), StorageUnavailable("lost")])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("what", ERASING)
@pytest.mark.parametrize("whole", [False, True])
def test_an_erasure_may_die_anywhere_and_be_started_again(
    case: Case, tmp_path: Path, whole: bool, what: Effect, moment: str, fault: BaseException
) -> None:
    act = case.patient if whole else case.scan
    with fault_at((what, moment), fault) as hits:
        if isinstance(fault, Died):
            with pytest.raises(Died):
                act()
        else:
            assert act() == 1
    assert hits
    assert act() == 0
    assert case.named(case.volumes) == set()
    case.rebuilt(tmp_path / "rebuilt")


@pytest.mark.parametrize("hit", range(12))
def test_after_any_crash_of_an_erasure_a_rebuilt_catalog_can_go_on(case: Case, tmp_path: Path, hit: int) -> None:
    """The catalog is lost in the middle of an erasure: the tombstone knows what was to be erased."""
    hits = [0]

    def die(act: str, name: str) -> None:
        hits[0] += act == "delete"
        if hits[0] > hit:
            raise Died

    case.rig.store.before = die
    with pytest.raises(Died):
        case.patient()
    case.rig.store.before = lambda act, name: None
    empty = catalogs.fresh(tmp_path / "rebuilt")
    index(empty, case.rig.vault, lambda line: None)
    case.rig.catalog.close()
    case.rig.catalog = empty
    assert not [row for row in case.rig.rows(tables.patients) if row["id"] == case.rig.patient.id]
    assert case.patient() == 0
    assert case.named(case.volumes, case.single, case.bad) == set()


#: Ends of a claim that have tests of their own.
ENDS = (Effect.REJECTED, Effect.MISSING, Effect.RELEASE)


def test_every_effect_is_covered_by_one_list() -> None:
    lists = (PROMOTION, SWEEPING, INDEXING, RECORDED, SEALING, ERASING, ENDS)
    assert sorted(effect for some in lists for effect in some) == sorted(Effect)
