"""An upload's life through the use case: declared once, granted narrowly, completed by comparison."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from broker.blocks import BlockPlan, block_id, blocks_digest, plan_for
from broker.catalog import Catalog, audit, scans, tables
from broker.catalog import uploads as rows
from broker.catalog.patients import Patient
from broker.catalog.uploads import Filter
from broker.declaration import Limits, Progress, Told
from broker.errors import (
    BlobMissing,
    BlocksMissing,
    BrokerError,
    DigestMismatch,
    FileTooLarge,
    IllegalMove,
    Invalid,
    NotAllowed,
    PatientNotFound,
    StorageUnavailable,
    TooMany,
    TypeRefused,
    UploadExpired,
    UploadNotFound,
)
from broker.ids import new_id
from broker.ingest.rows import scan_rows
from broker.names import IntakeBlob
from broker.patients import Patients
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer
from broker.uploads import Uploads
from broker.words import Expiry, Role, Settled, State, sentence
from tests import catalogs
from tests.fakes import FakeStore
from tests.people import NOW, actor, declaration, file, patient, sha256
from tests.unit.ingest.test_manifest import described, upload

MIB = 1 << 20
LARGE = 40 * MIB
LARGE_PLAN = plan_for(LARGE) or BlockPlan(0, 1)
TECH = actor(Role.TECHNICIAN)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalogs.fresh(tmp_path)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def uploads(catalog: Catalog, store: FakeStore) -> Uploads:
    return Uploads(
        catalog=catalog,
        intake=store.intake,
        signer=Signer(
            keys=FixedKey(AccountKey("clinic", b"k" * 64)),
            base_url="https://clinic.blob.core.windows.net",
            rendition_cache=True,
            create_blocks=lambda signer: False,
        ),
        limits=Limits(file_bytes=100 * MIB, pending_keep=timedelta(days=6), files=50, pending_files=60),
        new_id=new_id,
    )


@pytest.fixture
def ada(catalog: Catalog) -> Patient:
    return patient(Patients(catalog=catalog, issuer="clinic", new_id=new_id))


def declared(uploads: Uploads, ada: Patient, **changes: object) -> str:
    """Declare one file and give its upload id."""
    return uploads.declare(TECH, declaration(ada.id, file(**changes)), NOW)[0].upload.id  # type: ignore[arg-type]


def completed(uploads: Uploads, item: Told) -> Progress:
    """Complete one upload that must succeed."""
    result = uploads.complete(TECH, [item], NOW)[0]
    assert isinstance(result, Progress), result
    return result


def refused(uploads: Uploads, item: Told) -> BrokerError:
    """Complete one upload that must not succeed."""
    result = uploads.complete(TECH, [item], NOW)[0]
    assert isinstance(result, BrokerError), result
    return result


def blocks_of(seed: int) -> tuple[list[str], list[bytes]]:
    """Give ids and digests for every block of the large file."""
    digests = [bytes([seed, index]) * 16 for index in range(LARGE_PLAN.count)]
    return [block_id(index, digest) for index, digest in enumerate(digests)], digests


def stage(store: FakeStore, upload: str, ids: list[str], **wrong_size: int) -> None:
    """Let blocks arrive in the store, with planned sizes unless told otherwise."""
    for index, name in enumerate(ids):
        size = wrong_size.get(f"at{index}", LARGE_PLAN.length(index))
        store.stage(IntakeBlob(upload), name, b"x" * size)


def state_of(catalog: Catalog, upload: str) -> State:
    with catalog.read() as tx:
        return rows.find(tx, [upload])[upload].state


def test_each_declared_file_gets_a_grant_for_one_new_name(uploads: Uploads, ada: Patient) -> None:
    offers = uploads.declare(TECH, declaration(ada.id, file("a"), file("b", size=LARGE, digest=None)), NOW)
    small, large = offers
    assert [offer.upload.ref for offer in offers] == ["a", "b"]
    assert small.grant is not None
    assert large.grant is not None
    assert small.plan is None
    assert small.grant.headers == {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}
    assert large.plan == BlockPlan(LARGE, 8 * MIB)
    for offer in offers:
        assert offer.grant is not None
        assert IntakeBlob(offer.upload.id).name in offer.grant.url
        assert offer.grant.expires_at == NOW + timedelta(minutes=15)
        assert offer.upload.keep_until == NOW + timedelta(days=6)


def test_the_same_declaration_again_gives_the_same_uploads_and_fresh_grants(uploads: Uploads, ada: Patient) -> None:
    said = declaration(ada.id, file("a"), file("b"))
    first = uploads.declare(TECH, said, NOW)
    again = uploads.declare(TECH, said, NOW + timedelta(minutes=20))
    assert [offer.upload.id for offer in again] == [offer.upload.id for offer in first]
    assert again[0].grant is not None
    assert again[0].grant.expires_at == NOW + timedelta(minutes=35)


def test_another_declaration_under_the_same_batch_id_is_refused(uploads: Uploads, ada: Patient) -> None:
    said = declaration(ada.id, file("a"))
    uploads.declare(TECH, said, NOW)
    with pytest.raises(Invalid):
        uploads.declare(TECH, replace(said, note="another"), NOW)
    with pytest.raises(Invalid):
        uploads.declare(actor(Role.TECHNICIAN), said, NOW)


def test_the_same_declaration_from_many_threads_makes_one_batch(
    uploads: Uploads, ada: Patient, catalog: Catalog
) -> None:
    said = declaration(ada.id, *[file(str(number)) for number in range(5)])
    found: list[tuple[str, ...]] = []
    start = threading.Barrier(6)

    def say() -> None:
        start.wait()
        found.append(tuple(offer.upload.id for offer in uploads.declare(TECH, said, NOW)))

    threads = [threading.Thread(target=say) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    with catalog.read() as tx:
        assert rows.waiting(tx, TECH.account) == (5, 5000)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"size": 0}, Invalid),
        ({"size": -1}, Invalid),
        ({"size": 100 * MIB + 1, "digest": None}, FileTooLarge),
        ({"filename": "report.exe"}, TypeRefused),
        ({"filename": "scan.png.html"}, TypeRefused),
        ({"digest": "sha256:abc"}, Invalid),
        ({"digest": "sha256-blocks-8388608:" + "0" * 64}, Invalid),
        ({"size": LARGE, "digest": "sha256:" + "0" * 64}, Invalid),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_before_a_byte(
    uploads: Uploads, ada: Patient, catalog: Catalog, changes: dict[str, object], problem: type[BrokerError]
) -> None:
    with pytest.raises(problem) as caught:
        uploads.declare(TECH, declaration(ada.id, file("good"), file("bad", **changes)), NOW)
    assert caught.value.members.get("refs") == ["bad"]
    with catalog.read() as tx:
        assert rows.waiting(tx, TECH.account) == (0, 0)


def test_a_name_without_an_ending_is_taken_because_dicom_files_often_have_none(uploads: Uploads, ada: Patient) -> None:
    assert declared(uploads, ada, filename="IM000001")


def test_a_batch_has_one_to_so_many_files_with_a_reference_each(uploads: Uploads, ada: Patient) -> None:
    for files in ([file(str(number)) for number in range(51)], [file("a"), file("a")]):
        with pytest.raises(Invalid):
            uploads.declare(TECH, declaration(ada.id, *files), NOW)
    with pytest.raises(Invalid):
        uploads.declare(TECH, replace(declaration(ada.id), files=()), NOW)


def test_an_unknown_patient_or_a_role_without_the_right_gets_no_grant(uploads: Uploads, ada: Patient) -> None:
    with pytest.raises(PatientNotFound):
        uploads.declare(TECH, declaration(new_id(NOW)), NOW)
    with pytest.raises(NotAllowed):
        uploads.declare(actor(Role.ADMIN), declaration(ada.id), NOW)


def test_an_account_cannot_announce_without_end(uploads: Uploads, ada: Patient) -> None:
    uploads.declare(TECH, declaration(ada.id, *[file(str(number)) for number in range(50)]), NOW)
    with pytest.raises(TooMany):
        uploads.declare(TECH, declaration(ada.id, *[file(str(number)) for number in range(11)]), NOW)
    other = actor(Role.TECHNICIAN)
    assert uploads.declare(other, declaration(ada.id, file()), NOW)


@pytest.fixture
def bea(catalog: Catalog) -> Patient:
    return patient(Patients(catalog=catalog, issuer="clinic", new_id=new_id), mrn="2", name="Bea Other")


@pytest.fixture
def stored(uploads: Uploads, ada: Patient, catalog: Catalog) -> str:
    """The file ``same`` is stored for Ada, with one scan; gives its upload."""
    first = declared(uploads, ada, ref="same")
    completed(uploads, Told(first))
    end(catalog, State.STORED)
    row = scan_rows(described(upload(id=first, patient_id=ada.id)))[0]
    with catalog.write() as tx:
        scans.put(tx, [row])
    return first


def test_bytes_that_are_stored_already_are_a_duplicate_of_which_nothing_is_sent(
    uploads: Uploads, ada: Patient, catalog: Catalog, stored: str
) -> None:
    here, new = uploads.declare(TECH, declaration(ada.id, file("same"), file("new")), NOW)
    assert (here.duplicate_of, here.stored_elsewhere, here.grant) == (stored, False, None)
    assert new.grant is not None
    with catalog.read() as tx:
        row = rows.find(tx, [here.upload.id])[here.upload.id]
        assert rows.waiting(tx, TECH.account) == (1, 1000)
        acts = audit.newest(tx, before=None, limit=1)
    assert row == here.upload
    assert (row.state, row.reason, row.duplicate_of) == (State.EXPIRED, Expiry.DUPLICATE, stored)
    assert (row.settled_how, row.settled_twin, row.ended_at) == (Settled.DUPLICATE, stored, NOW)
    assert sentence(row.state, row.reason).startswith("Already stored and checked")
    assert acts[0].detail["duplicates"] == {row.id: stored}
    assert list(acts[0].detail["signatures"]) == [new.upload.id]


def test_a_duplicate_that_is_asked_for_is_sent(uploads: Uploads, ada: Patient, stored: str) -> None:
    again = uploads.declare(TECH, declaration(ada.id, file("same", again=True)), NOW)[0]
    assert (again.duplicate_of, again.upload.state) == (stored, State.PENDING)
    assert again.grant is not None


def test_bytes_that_are_stored_for_another_patient_are_asked_about(uploads: Uploads, bea: Patient, stored: str) -> None:
    there = uploads.declare(TECH, declaration(bea.id, file("same")), NOW)[0]
    assert (there.duplicate_of, there.stored_elsewhere, there.upload.state) == (None, True, State.PENDING)
    assert there.grant is not None


def test_duplicates_go_by_whom_the_scans_are_of_by_now(
    uploads: Uploads, ada: Patient, bea: Patient, catalog: Catalog, stored: str
) -> None:
    with catalog.write() as tx:
        tx.execute(tables.scans.update().values(patient_id=bea.id))
    of_ada, of_bea = (uploads.declare(TECH, declaration(who.id, file("same")), NOW)[0] for who in (ada, bea))
    assert (of_ada.duplicate_of, of_ada.stored_elsewhere) == (None, True)
    assert (of_bea.duplicate_of, of_bea.stored_elsewhere) == (stored, False)


def test_an_upload_whose_scans_are_all_withdrawn_is_not_stored_already(
    uploads: Uploads, ada: Patient, bea: Patient, catalog: Catalog, stored: str
) -> None:
    with catalog.write() as tx:
        tx.execute(tables.scans.update().values(withdrawn=True))
    for who in (ada, bea):
        offer = uploads.declare(TECH, declaration(who.id, file("same")), NOW)[0]
        assert (offer.duplicate_of, offer.stored_elsewhere) == (None, False)
        assert offer.grant is not None


def test_a_declaration_with_duplicates_said_again_is_answered_as_before(
    uploads: Uploads, ada: Patient, catalog: Catalog, stored: str
) -> None:
    said = declaration(ada.id, file("same"), file("new"))
    first = uploads.declare(TECH, said, NOW)
    with catalog.write() as tx:  # the twin is withdrawn meanwhile: what was said of this upload stays
        tx.execute(tables.scans.update().values(withdrawn=True))
    again = uploads.declare(TECH, said, NOW + timedelta(minutes=1))
    assert [(one.upload.id, one.upload.state, one.duplicate_of) for one in first] == [
        (one.upload.id, one.upload.state, one.duplicate_of) for one in again
    ]
    assert again[0].grant is None


def test_a_digest_that_is_told_only_at_the_end_is_checked_and_stored_as_ever(
    uploads: Uploads, ada: Patient, stored: str
) -> None:
    upload = declared(uploads, ada, digest=None)
    assert completed(uploads, Told(upload, digest=sha256(b"same"))).upload.state is State.RECEIVED


def test_what_a_declaration_could_not_say_before_does_not_change_its_hash(ada: Patient) -> None:
    """Manifests of before keep the hash by which a repeated declaration is known."""
    fixed = replace(declaration("p", file()), batch="b")
    assert fixed.body_hash == "a03016f46c000ed3488e7418e90c4269b1b3038051c7d336756af89063d49285"
    assert replace(fixed, files=(file(again=True),)).body_hash != fixed.body_hash


def end(catalog: Catalog, state: State) -> None:
    """Let a worker claim the next upload and end it."""
    with catalog.write() as tx:
        claimed = rows.claim(catalog, tx, lease=timedelta(minutes=1))
        assert claimed is not None
        reason = "decode" if state is State.REJECTED else None
        assert rows.end(tx, claimed, state, now=NOW, reason=reason)


def test_a_single_file_is_completed_without_asking_the_store(
    uploads: Uploads, ada: Patient, store: FakeStore, catalog: Catalog
) -> None:
    def unreachable(act: str, name: str) -> None:
        raise StorageUnavailable(f"{act} must not happen")

    store.before = unreachable
    upload = declared(uploads, ada)
    assert completed(uploads, Told(upload)).upload.state is State.RECEIVED
    assert state_of(catalog, upload) is State.RECEIVED


@pytest.mark.parametrize("final", [State.STORED, State.REJECTED, State.MISSING])
def test_complete_said_again_answers_with_the_state_as_it_is(
    uploads: Uploads, ada: Patient, catalog: Catalog, final: State
) -> None:
    upload = declared(uploads, ada)
    for _ in range(3):
        assert completed(uploads, Told(upload)).upload.state is State.RECEIVED
    end(catalog, final)
    assert completed(uploads, Told(upload)).upload.state is final


def test_a_single_file_needs_a_digest_at_declaring_or_completing(uploads: Uploads, ada: Patient) -> None:
    upload = declared(uploads, ada, digest=None)
    assert isinstance(refused(uploads, Told(upload)), Invalid)
    assert isinstance(refused(uploads, Told(upload, digest="sha256:zz")), Invalid)
    assert completed(uploads, Told(upload, digest=sha256(b"x"))).upload.digest == sha256(b"x")


def test_a_digest_cannot_be_told_differently_from_the_declared_one(uploads: Uploads, ada: Patient) -> None:
    upload = declared(uploads, ada)
    assert isinstance(refused(uploads, Told(upload, digest=sha256(b"other"))), DigestMismatch)


def test_a_block_plan_is_committed_when_every_block_is_there(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    ids, digests = blocks_of(1)
    stage(store, upload, ids)
    done = completed(uploads, Told(upload))
    assert done.upload.state is State.RECEIVED
    assert done.upload.digest == blocks_digest(LARGE_PLAN, digests)
    arrived = store.intake.head(IntakeBlob(upload))
    assert arrived is not None
    assert arrived.size == LARGE


def test_missing_blocks_are_named_and_nothing_is_committed(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    assert isinstance(refused(uploads, Told(upload)), BlobMissing)
    ids, _ = blocks_of(1)
    stage(store, upload, ids[:1] + ids[2:4], at0=7)  # the first has the wrong size
    problem = refused(uploads, Told(upload))
    assert isinstance(problem, BlocksMissing)
    assert problem.members["missing"] == [0, 1, 4]
    assert store.intake.head(IntakeBlob(upload)) is None


def test_blocks_of_another_file_are_refused(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    mine, digests = blocks_of(1)
    theirs, _ = blocks_of(2)
    upload = declared(uploads, ada, size=LARGE, digest=blocks_digest(LARGE_PLAN, digests))
    stage(store, upload, theirs)
    assert isinstance(refused(uploads, Told(upload)), DigestMismatch)
    told = tuple(digest.hex() for digest in digests)
    assert isinstance(refused(uploads, Told(upload, blocks=told)), BlocksMissing)
    stage(store, upload, mine)  # now both lie there: told which, the plan's are chosen
    assert completed(uploads, Told(upload, blocks=told)).upload.state is State.RECEIVED


def test_a_wrong_number_of_told_blocks_is_invalid(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    stage(store, upload, blocks_of(1)[0])
    assert isinstance(refused(uploads, Told(upload, blocks=("0" * 64,))), Invalid)


def test_a_commit_whose_answer_was_lost_is_found_done(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    ids, digests = blocks_of(1)
    stage(store, upload, ids)
    store.intake.commit(IntakeBlob(upload), ids)
    done = completed(uploads, Told(upload, digest=blocks_digest(LARGE_PLAN, digests)))
    assert done.upload.state is State.RECEIVED


def test_a_list_that_a_grant_holder_committed_himself_must_be_the_plan(
    uploads: Uploads, ada: Patient, store: FakeStore
) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    ids, _ = blocks_of(1)
    stage(store, upload, ids)
    store.intake.commit(IntakeBlob(upload), [ids[1], ids[0], *ids[2:]])
    assert isinstance(refused(uploads, Told(upload)), DigestMismatch)


def test_a_race_for_the_commit_ends_with_the_same_answer(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    ids, _ = blocks_of(1)
    stage(store, upload, ids)
    acts: list[str] = []

    def somebody_is_faster(act: str, name: str) -> None:
        acts.append(act)
        if act == "commit" and acts.count("commit") == 1:
            store.before = lambda act, name: None
            store.intake.commit(IntakeBlob(upload), ids)

    store.before = somebody_is_faster
    assert completed(uploads, Told(upload)).upload.state is State.RECEIVED


def test_a_store_that_does_not_answer_is_one_items_problem_not_the_calls(
    uploads: Uploads, ada: Patient, store: FakeStore
) -> None:
    single, large = declared(uploads, ada), declared(uploads, ada, size=LARGE, digest=None)

    def down(act: str, name: str) -> None:
        raise StorageUnavailable("down")

    store.before = down
    first, second = uploads.complete(TECH, [Told(single), Told(large)], NOW)
    assert isinstance(first, Progress)
    assert isinstance(second, StorageUnavailable)


def foreign_acts(uploads: Uploads, upload: str) -> list[Callable[[], object]]:
    other = actor(Role.TECHNICIAN, Role.PHYSICIAN)
    return [
        lambda: uploads.renew(other, [upload], NOW)[0],
        lambda: uploads.complete(other, [Told(upload)], NOW)[0],
        lambda: uploads.abandon(other, upload, NOW),
        lambda: uploads.one(other, upload, now=NOW),
    ]


def test_another_accounts_pending_upload_answers_exactly_like_a_missing_one(uploads: Uploads, ada: Patient) -> None:
    def answer(act: Callable[[], object]) -> tuple[object, ...]:
        try:
            result = act()
        except BrokerError as problem:
            result = problem
        assert isinstance(result, UploadNotFound)
        return result.slug, result.detail, result.members

    foreign = [answer(act) for act in foreign_acts(uploads, declared(uploads, ada))]
    missing = [answer(act) for act in foreign_acts(uploads, new_id(NOW))]
    assert foreign == missing


def test_a_grant_is_renewed_until_the_time_to_arrive_is_over(uploads: Uploads, ada: Patient) -> None:
    upload = declared(uploads, ada)
    late = NOW + timedelta(days=5, hours=23)
    renewed = uploads.renew(TECH, [upload], late)[0]
    assert not isinstance(renewed, BrokerError)
    assert renewed.grant is not None
    assert renewed.grant.expires_at == late + timedelta(minutes=15)
    assert isinstance(uploads.renew(TECH, [upload], NOW + timedelta(days=6))[0], UploadExpired)
    completed(uploads, Told(upload))
    assert isinstance(uploads.renew(TECH, [upload], NOW)[0], IllegalMove)


def test_renewing_many_answers_each_in_its_place(uploads: Uploads, ada: Patient) -> None:
    one, two = declared(uploads, ada, ref="a"), declared(uploads, ada, ref="b")
    results = uploads.renew(TECH, [one, new_id(NOW), two], NOW)
    assert [isinstance(result, BrokerError) for result in results] == [False, True, False]


def test_a_pending_upload_shows_which_blocks_have_arrived(uploads: Uploads, ada: Patient, store: FakeStore) -> None:
    upload = declared(uploads, ada, size=LARGE, digest=None)
    ids, digests = blocks_of(1)
    stage(store, upload, ids[:2])
    arrived = uploads.one(TECH, upload, now=NOW).arrived
    assert arrived is not None
    assert [(block.index, block.digest, block.size) for block in arrived] == [
        (index, digests[index].hex(), LARGE_PLAN.length(index)) for index in range(2)
    ]


def test_an_abandoned_upload_is_expired_and_can_be_abandoned_again(uploads: Uploads, ada: Patient) -> None:
    upload = declared(uploads, ada)
    for _ in range(2):
        gone = uploads.abandon(TECH, upload, NOW).upload
        assert (gone.state, gone.reason) == (State.EXPIRED, "abandoned")
        assert (gone.settled_how, gone.settled_by, gone.settled_name) == (Settled.GIVEN_UP, TECH.account, TECH.name)
    received = declared(uploads, ada, ref="2")
    completed(uploads, Told(received))
    with pytest.raises(IllegalMove):
        uploads.abandon(TECH, received, NOW)


def test_an_administrator_may_abandon_any_pending_upload(uploads: Uploads, ada: Patient) -> None:
    upload = declared(uploads, ada)
    assert uploads.abandon(actor(Role.ADMIN), upload, NOW).upload.state is State.EXPIRED


def test_lists_show_pending_uploads_to_their_own_account_only(uploads: Uploads, ada: Patient) -> None:
    mine, arrived = declared(uploads, ada, ref="a"), declared(uploads, ada, ref="b")
    completed(uploads, Told(arrived))
    everything = Filter()
    assert {item.upload.id for item in uploads.find(TECH, everything, after=None, limit=10, now=NOW)} == {mine, arrived}
    others = uploads.find(actor(Role.PHYSICIAN), everything, after=None, limit=10, now=NOW)
    assert [item.upload.id for item in others] == [arrived]


def test_every_grant_and_change_leaves_one_audit_row_that_names_its_signatures(
    uploads: Uploads, ada: Patient, catalog: Catalog
) -> None:
    offers = uploads.declare(TECH, declaration(ada.id, file("a"), file("b")), NOW)
    ids = [offer.upload.id for offer in offers]
    uploads.renew(TECH, ids[:1], NOW)
    uploads.complete(TECH, [Told(ids[0])], NOW)
    uploads.abandon(TECH, ids[1], NOW)
    with catalog.read() as tx:
        found = audit.newest(tx, before=None, limit=4)
    assert [row.act for row in found] == ["upload.abandon", "upload.complete", "upload.renew", "upload.declare"]
    declared_row = found[3]
    assert declared_row.subjects == [ada.id, *ids]
    assert declared_row.detail["signatures"] == {
        offer.upload.id: offer.grant.signature_hash for offer in offers if offer.grant
    }
    assert "sig=" not in repr(found)


def test_no_grant_leaves_when_its_audit_row_cannot_be_written(
    uploads: Uploads, ada: Patient, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **values: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("broker.catalog.audit.add", full)
    with pytest.raises(OSError, match="disk full"):
        uploads.declare(TECH, declaration(ada.id), NOW)
    with catalog.read() as tx:
        assert rows.waiting(tx, TECH.account) == (0, 0)


def test_time_is_always_the_callers(uploads: Uploads, ada: Patient) -> None:
    then = datetime.fromisoformat("2031-05-06T07:08:09+00:00")
    offer = uploads.declare(TECH, declaration(ada.id), then)[0]
    assert offer.upload.created_at == then
