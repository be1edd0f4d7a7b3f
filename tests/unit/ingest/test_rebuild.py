"""Rebuild: an empty catalog beside a vault becomes the same catalog again; what does not count imports nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from broker import names
from broker.catalog import Catalog, audit, leases, tables
from broker.errors import CatalogBusy, StorageUnavailable
from broker.ids import new_id, scan_id
from broker.ingest.crashpoint import Effect
from broker.names import Rendition, VaultBlob
from broker.ops import vaulted
from broker.ops.indexing import Counts
from broker.ops.progress import PREFIX
from broker.ops.rebuild import LEASE, MARK, ensure_indexed, index
from broker.records import Records
from broker.records.stale import Seen
from broker.words import Eye, Review, Role, State
from tests import catalogs, people
from tests.lanes import JPEG, Died, Rig, dump, fault_at, furnished

QUIET: Callable[[str], None] = lambda line: None  # noqa: E731


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return furnished(tmp_path)


@pytest.fixture
def empty(tmp_path: Path) -> Catalog:
    return catalogs.fresh(tmp_path / "empty")


def test_an_empty_catalog_becomes_equal(rig: Rig, empty: Catalog) -> None:
    counts = index(empty, rig.vault, QUIET)
    assert (counts.versions, counts.uploads, counts.scans, counts.faults) == (3, 8, 9, [])
    assert dump(empty) == dump(rig.catalog)


def test_repeating_it_changes_nothing(rig: Rig, empty: Catalog) -> None:
    index(empty, rig.vault, QUIET)
    again = index(empty, rig.vault, QUIET)
    assert again.different == 0
    assert dump(empty) == dump(rig.catalog)


def test_on_a_living_catalog_it_changes_nothing(rig: Rig) -> None:
    before = dump(rig.catalog)
    waiting = rig.declare(b"more")
    index(rig.catalog, rig.vault, QUIET)
    assert dump(rig.catalog) == before
    assert rig.row(waiting).state is State.PENDING


def test_comparing_writes_nothing(rig: Rig, empty: Catalog) -> None:
    counts = index(empty, rig.vault, QUIET, check_only=True)
    assert (counts.uploads, counts.different) == (8, 11)
    assert all(not rows for rows in dump(empty).values())
    assert index(rig.catalog, rig.vault, QUIET, check_only=True).different == 0


def test_an_upload_whose_worker_died_after_the_manifest_becomes_stored(rig: Rig) -> None:
    upload = rig.send(b"late")
    with fault_at((Effect.MANIFEST, "after"), Died()), pytest.raises(Died):
        rig.lane.step()
    index(rig.catalog, rig.vault, QUIET)
    assert rig.row(upload).state is State.STORED
    rig.run()
    rig.sweeper.sweep()
    assert rig.acts(upload) == ["upload.stored"]
    rig.check()


def gets(rig: Rig) -> list[str]:
    """From now on, the names of what is read from the vault."""
    read: list[str] = []
    rig.store.before = lambda act, name: read.append(name) if act == "get" else None
    return read


def test_a_run_that_broke_off_is_taken_up_where_it_was(
    rig: Rig, empty: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vaulted, "PAGE", 2)
    pages: list[str] = []

    def die(line: str) -> None:
        pages.append(line)
        if len(pages) == 4:
            raise Died

    with pytest.raises(Died):
        index(empty, rig.vault, die)
    read, lines = gets(rig), list[str]()
    counts = index(empty, rig.vault, lines.append)
    assert dump(empty) == dump(rig.catalog)
    assert counts.skipped > 0
    assert len(read) < 11, "what was in is not read again"
    assert f"{counts.skipped} folders" in lines[0]
    read.clear()
    assert index(empty, rig.vault, QUIET).skipped == 0, "a whole run leaves no notes behind"
    assert len(read) == 11


def test_a_folder_with_a_fault_is_read_again(rig: Rig, empty: Catalog) -> None:
    name = spoil_manifest(rig, lambda data: data[:-20])
    with fault_at((Effect.INDEXED, "before"), Died()), pytest.raises(Died):
        index(empty, rig.vault, QUIET)
    counts = index(empty, rig.vault, QUIET)
    assert [fault.name for fault in counts.faults] == [name]


def test_old_notes_are_not_believed(rig: Rig, empty: Catalog) -> None:
    with empty.write() as tx:
        folders = [PREFIX + f"{kind}/{number:02x}" for kind in ("patients", "uploads") for number in range(256)]
        leases.mark_all(tx, folders, datetime.now(UTC) - timedelta(days=2))
    assert index(empty, rig.vault, QUIET).skipped == 0
    assert dump(empty) == dump(rig.catalog)


def test_what_the_catalog_calls_stored_and_the_vault_lost_is_reported(rig: Rig) -> None:
    upload = next(row for row in rig.rows(tables.uploads) if row["state"] == State.STORED)
    for name in [name for name in rig.store.vault.blobs if upload["id"] in name]:
        del rig.store.vault.blobs[name]
    for check_only in (True, False):
        counts = index(rig.catalog, rig.vault, QUIET, check_only=check_only)
        assert [fault.name for fault in counts.faults] == [names.manifest(upload["id"]).name]
        assert "not there" in counts.faults[0].why


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (tables.uploads, {"note": "changed"}),
        (tables.uploads, {"position": 999}),
        (tables.scans, {"eye": "OU"}),
        (tables.scans, {"visit_day": "1999-01-01"}),
        (tables.patients, {"name": "Changed"}),
    ],
)
def test_comparing_finds_every_difference(rig: Rig, table: sa.Table, change: dict[str, object]) -> None:
    with rig.catalog.write() as tx:
        first = sa.select(sa.func.min(table.c.id))
        if table is tables.uploads:
            first = first.where(table.c.state == State.STORED)
        tx.execute(table.update().where(table.c.id == first.scalar_subquery()).values(change))
    for check_only, found in ((True, 1), (False, 1), (True, 0)):
        assert index(rig.catalog, rig.vault, QUIET, check_only=check_only).different == found


def test_a_tombstone_takes_out_what_an_erasure_left_in_the_catalog(rig: Rig) -> None:
    upload = next(row for row in rig.rows(tables.uploads) if row["state"] == State.STORED)
    rig.vault.put(names.tombstone(upload["id"]), b"{}", "application/json")
    assert index(rig.catalog, rig.vault, QUIET, check_only=True).different == 1
    counts = index(rig.catalog, rig.vault, QUIET)
    assert (counts.erased, counts.different) == (1, 1)
    assert not any(row["id"] == upload["id"] for row in rig.rows(tables.uploads))
    assert not any(row["upload_id"] == upload["id"] for row in rig.rows(tables.scans))


def test_a_patients_tombstone_keeps_every_version_out(rig: Rig, empty: Catalog) -> None:
    identity = new_id(people.NOW)
    known = json.loads(rig.vault.get(names.patient(rig.patient.id, 1), 10_000))
    gone = known | {"id": identity, "mrn": "999"}
    rig.vault.put(names.patient(identity, 1), json.dumps(gone).encode(), "application/json")
    rig.vault.put(names.patient_tombstone(identity), b"{}", "application/json")
    counts = index(empty, rig.vault, QUIET)
    assert (counts.erased, counts.faults) == (1, [])
    assert dump(empty) == dump(rig.catalog)


def spoil_manifest(rig: Rig, how: Callable[[bytes], bytes]) -> str:
    name = next(name for name in sorted(rig.store.vault.blobs) if name.endswith("manifest.json"))
    blob = rig.store.vault.blobs[name]
    blob.data = how(blob.data)
    return name


@pytest.mark.parametrize(
    "how",
    [
        lambda data: data[:-20],
        lambda data: b"",
        lambda data: data.replace(b'"version":2', b'"version":3'),
        lambda data: data.replace(b'"urgent":', b'"urgently":'),
        lambda data: b"x" * (5 << 20),
        lambda data: re.sub(rb'"size":\d+', b'"size":99999', data),
    ],
)
def test_a_damaged_manifest_is_reported_and_imports_nothing(
    rig: Rig, empty: Catalog, how: Callable[[bytes], bytes]
) -> None:
    name = spoil_manifest(rig, how)
    counts = index(empty, rig.vault, QUIET)
    assert [fault.name for fault in counts.faults] == [name]
    assert counts.uploads == 7


def test_a_manifest_under_another_uploads_name_is_reported(rig: Rig, empty: Catalog) -> None:
    name = next(name for name in rig.store.vault.blobs if name.endswith("manifest.json"))
    elsewhere = names.manifest(new_id(people.NOW))
    rig.vault.put(elsewhere, rig.store.vault.blobs[name].data, "application/json")
    counts = index(empty, rig.vault, QUIET)
    assert [fault.name for fault in counts.faults] == [elsewhere.name]
    assert dump(empty) == dump(rig.catalog)


@pytest.mark.parametrize("which", ["original", "thumbnail.webp", "display.jpg"])
@pytest.mark.parametrize("how", ["lost", "shorter"])
def test_a_manifest_that_names_a_missing_blob_is_reported(rig: Rig, empty: Catalog, which: str, how: str) -> None:
    name = next(name for name in sorted(rig.store.vault.blobs) if name.endswith(which))
    if how == "lost":
        del rig.store.vault.blobs[name]
    else:
        rig.store.vault.blobs[name].data = b"s"
    counts = index(empty, rig.vault, QUIET)
    assert len(counts.faults) == 1
    assert name in counts.faults[0].why
    assert counts.uploads == 7


def test_a_tombstone_keeps_its_upload_out(rig: Rig, empty: Catalog) -> None:
    upload = rig.send(b"to be erased", eye=Eye.OS)
    rig.fake.verdict = JPEG
    rig.run()
    rig.vault.put(names.tombstone(upload.id), b"{}", "application/json")
    counts = index(empty, rig.vault, QUIET)
    assert (counts.erased, counts.uploads) == (1, 8)
    assert not any(row["id"] == upload.id for row in dump(empty)["uploads"])


def test_a_record_that_stands_for_the_wrong_one_is_seen_and_put_right(rig: Rig) -> None:
    """Its versions are as the vault has them; only whom it is shown as is not."""
    other = people.patient(rig.patients, mrn="780", name="Cleo Beispiel")
    rig.publisher.publish()
    before = dump(rig.catalog)
    wrong = tables.patients.update().where(tables.patients.c.id == rig.patient.id).values(survivor=other.id)
    with rig.catalog.write() as tx:
        tx.execute(wrong)
        tx.execute(tables.scans.update().values(patient_id=other.id))
    assert index(rig.catalog, rig.vault, QUIET, check_only=True).different > 0
    assert index(rig.catalog, rig.vault, QUIET).different > 0
    assert dump(rig.catalog) == before
    assert index(rig.catalog, rig.vault, QUIET, check_only=True).different == 0
    # Of one without scans nothing else tells.
    alone = tables.patients.update().where(tables.patients.c.id == other.id).values(survivor=rig.patient.id)
    with rig.catalog.write() as tx:
        tx.execute(alone)
    assert index(rig.catalog, rig.vault, QUIET, check_only=True).different == 1


def test_a_scan_of_a_patient_that_nobody_knows_is_reported(rig: Rig, empty: Catalog) -> None:
    for name in [name for name in rig.store.vault.blobs if name.startswith("patients/") and rig.patient.id in name]:
        del rig.store.vault.blobs[name]
    counts = index(empty, rig.vault, QUIET)
    assert {fault.why for fault in counts.faults} == {"its patient is not in the vault"}
    assert (counts.uploads, counts.scans) == (1, 1)
    assert {row["patient_id"] for row in dump(empty)["scans"]} == {row["patient_id"] for row in dump(empty)["uploads"]}
    assert rig.patient.id not in str(dump(empty))


@pytest.mark.parametrize(
    "document",
    [b"{", b"[]", b"{}", b'"x"', b"null", b'{"id": 1}', b"[" * 100_000, b"x" * (65 << 10)],
)
def test_a_damaged_patient_is_reported(rig: Rig, empty: Catalog, document: bytes) -> None:
    blob = names.patient(new_id(people.NOW), 1)
    rig.vault.put(blob, document, "application/json")
    counts = index(empty, rig.vault, QUIET)
    assert [fault.name for fault in counts.faults] == [blob.name]
    assert dump(empty) == dump(rig.catalog)


def test_two_patients_with_one_record_number_are_told_apart(rig: Rig, empty: Catalog) -> None:
    identity = new_id(people.NOW)
    known = json.loads(rig.vault.get(names.patient(rig.patient.id, 1), 10_000))
    twin = known | {"id": identity}
    rig.vault.put(names.patient(identity, 1), json.dumps(twin).encode(), "application/json")
    counts = index(empty, rig.vault, QUIET)
    assert len(counts.faults) >= 1
    assert len(dump(empty)["patients"]) == 2


def test_the_tenth_version_is_newer_than_the_second(rig: Rig, empty: Catalog) -> None:
    for number in range(11):
        rig.patients.change(people.actor(), rig.patient.id, {"name": f"Name {number}"}, now=people.NOW)
    rig.publisher.publish()
    index(empty, rig.vault, QUIET)
    assert dump(empty) == dump(rig.catalog)


def test_what_comes_while_it_reads_is_found_by_looking(rig: Rig, empty: Catalog) -> None:
    upload = rig.send(b"just now")
    rig.fake.verdict = JPEG
    seen: list[str] = []

    def arrive(act: str, name: str) -> None:
        # The renditions were listed already when this upload is promoted.
        if act == "list" and name == "uploads/" and not seen:
            seen.append(name)
            rig.run()

    rig.store.before = arrive
    counts = index(empty, rig.vault, QUIET)
    assert counts.faults == []
    assert dump(empty) == dump(rig.catalog)
    assert rig.store.vault.blobs[names.rendition(scan_id(upload.id, 0), Rendition.THUMBNAIL, "image/webp").name]


def test_a_storage_fault_ends_it_and_nothing_is_marked(rig: Rig, empty: Catalog) -> None:
    def fail(act: str, name: str) -> None:
        if act == "get" and name.startswith("uploads/"):
            raise StorageUnavailable("503")

    rig.store.before = fail
    with pytest.raises(StorageUnavailable):
        ensure_indexed(empty, rig.vault, QUIET)
    with empty.read() as tx:
        assert leases.marked(tx, MARK) is None


def test_a_start_reads_the_vault_once(rig: Rig, empty: Catalog) -> None:
    lines: list[str] = []
    ensure_indexed(empty, rig.vault, lines.append)
    assert dump(empty) == dump(rig.catalog)
    assert any("8 uploads" in line for line in lines)
    rig.store.before = lambda act, name: pytest.fail("the vault was asked again")
    ensure_indexed(empty, rig.vault, lines.append)


def test_an_empty_vault_is_marked_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    ensure_indexed(rig.catalog, rig.vault, lambda line: pytest.fail(line))
    with rig.catalog.read() as tx:
        assert leases.marked(tx, MARK) is not None


def test_only_one_worker_reads_the_vault_at_a_time(rig: Rig, empty: Catalog) -> None:
    with empty.write() as tx:
        assert leases.take(empty, tx, "rebuild", holder="another", life=LEASE)
    with pytest.raises(CatalogBusy):
        ensure_indexed(empty, rig.vault, QUIET)


def test_it_leaves_an_audit_row(rig: Rig, empty: Catalog) -> None:
    index(empty, rig.vault, QUIET)
    with empty.read() as tx:
        (row,) = audit.newest(tx, before=None, limit=10)
    assert (row.act, row.detail) == ("catalog.rebuilt", {"uploads": 8, "scans": 9, "faults": 0})


def said(rig: Rig) -> None:
    """Merge two records, and move and review a scan of each; everything is published."""
    doctor, now = people.actor(Role.PHYSICIAN), rig.clock.now
    other = next(row["id"] for row in rig.rows(tables.patients) if row["id"] != rig.patient.id)
    third = people.patient(rig.patients, mrn="3", name="Cleo Beispiel").id
    kept = Records(catalog=rig.catalog, zone=ZoneInfo("Europe/Berlin"))
    mine, theirs = (
        sorted(row["id"] for row in rig.rows(tables.scans) if row["patient_id"] == one)
        for one in (rig.patient.id, other)
    )
    for scan in (mine[0], theirs[0]):
        seen: dict[str, int | Seen] = {scan: 0}
        kept.review(doctor, new_id(now), seen, status=Review.REVIEWED, note="", now=now, unopened=True)
    kept.correct(doctor, new_id(now), [mine[0]], changes={"patient": third}, reason="Another's.", now=now)
    rig.patients.merge(doctor, new_id(now), absorbed=other, into=rig.patient.id, reason="One person.", now=now)
    rig.publisher.publish()


def test_merges_and_moves_come_back(rig: Rig, empty: Catalog) -> None:
    said(rig)
    counts = index(empty, rig.vault, QUIET)
    assert counts.faults == []
    assert dump(empty) == dump(rig.catalog)
    assert len(rig.rows(tables.moves)) == 1
    before = dump(rig.catalog)
    for check_only in (True, False):
        assert index(rig.catalog, rig.vault, QUIET, check_only=check_only).different == 0
    assert dump(rig.catalog) == before


@pytest.mark.parametrize("column", ["patient_id", "filed_under"])
def test_a_scan_that_is_shown_with_another_patient_than_merges_say_is_found_and_put_right(
    rig: Rig, column: str
) -> None:
    said(rig)
    before = dump(rig.catalog)
    scan = next(row["id"] for row in rig.rows(tables.scans) if row["filed_under"] != row["patient_id"])
    wrong = tables.scans.update().where(tables.scans.c.id == scan).values({column: new_id(people.NOW)})
    with rig.catalog.write() as tx:
        tx.execute(wrong)
    for check_only, different in ((True, 1), (False, 1), (True, 0)):
        assert index(rig.catalog, rig.vault, QUIET, check_only=check_only).different == different
    assert dump(rig.catalog) == before


def test_no_progress_line_names_a_patient(rig: Rig, empty: Catalog) -> None:
    lines: list[str] = []
    spoil_manifest(rig, lambda data: data.replace(b'"eye":"OD"', b'"eye":"Ada"'))
    counts = index(empty, rig.vault, lines.append)
    text = " ".join([*lines, *(f"{fault.name} {fault.why}" for fault in counts.faults)])
    assert isinstance(counts, Counts)
    assert "Ada" not in text
    assert "Beispiel" not in text


def test_every_blob_name_that_is_read_is_one_of_ours() -> None:
    with pytest.raises(ValueError, match="not a vault name"):
        VaultBlob("uploads/../secret")
