"""What an older release sent as declared is told from what a person said, as far as its manifests allow it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from broker.catalog import Catalog, leases, migrate, scans
from broker.catalog.scans import Scan
from broker.ids import scan_id
from broker.ingest import manifest as manifests
from broker.ingest.promote import DECLARED_BY_PERSONS
from broker.ingest.rows import scan_rows
from broker.ops.rebuild import MARK, OUTDATED, ensure_indexed, index
from broker.words import CaptureSource, Eye, Kind, Review
from tests import catalogs, golden
from tests.fakes import FakeStore
from tests.lanes import Clock, Rig, dump


def quiet(line: str) -> None:
    """Say nothing."""


@pytest.fixture
def store() -> FakeStore:
    made = FakeStore(Clock())
    golden.fill_vault(made.vault)
    return made


@pytest.fixture
def old(tmp_path: Path) -> Catalog:
    """The catalog of the older release, brought up to date."""
    made = golden.old_catalog(f"sqlite+pysqlite:///{tmp_path / 'old.sqlite'}")
    migrate.upgrade(made)
    return made


def row(name: str) -> Scan:
    return scan_rows(manifests.read(golden.MANIFESTS[name]))[0]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


RECEIVED = "2026-11-22T09:30:00+00:00"


@pytest.mark.parametrize("data", golden.MANIFESTS.values(), ids=golden.MANIFESTS)
def test_a_manifest_of_version_1_stays_readable_and_is_written_as_it_was(data: bytes) -> None:
    found = manifests.read(data)
    assert found.version == 1
    assert manifests.write(found) == data


@pytest.mark.parametrize(
    ("name", "captured_at", "source", "day", "declared"),
    [
        # The browser had dropped the offset: half past midnight in Japan is the afternoon before in Berlin.
        ("header-time-with-offset", "2026-07-01T00:30:00+09:00", CaptureSource.EXIF, "2026-06-30", None),
        ("header-time", "2026-07-01T00:30:00.250000+02:00", CaptureSource.EXIF, "2026-07-01", None),
        ("placeholder-time", "2026-03-10T10:20:30+01:00", CaptureSource.ACQUISITION_DATE, "2026-03-10", None),
        ("clock-that-was-never-set", RECEIVED, CaptureSource.UPLOAD, "2026-11-22", None),
        ("placeholder-and-nothing-found", RECEIVED, CaptureSource.UPLOAD, "2026-11-22", None),
        ("time-of-a-person", "2026-11-20T09:00+01:00", CaptureSource.DECLARED, "2026-11-20", "2026-11-20T09:00"),
        ("time-of-a-person-alone", "2026-11-20T09:00+01:00", CaptureSource.DECLARED, "2026-11-20", "2026-11-20T09:00"),
        ("nothing-declared", "2026-03-10T10:20:30+01:00", CaptureSource.ACQUISITION_DATE, "2026-03-10", None),
    ],
)
def test_a_header_time_is_told_from_a_persons(
    name: str, captured_at: str, source: CaptureSource, day: str, declared: str | None
) -> None:
    found = row(name)
    assert abs(found.captured_at - at(captured_at)) < timedelta(seconds=1)
    assert (found.captured_source, found.visit_day) == (source, day)
    assert found.facts["declared"]["captured_at"] == declared
    assert (found.facts["declared"]["captured_source"] is None) == (declared is None)


@pytest.mark.parametrize(
    ("name", "eye", "kind", "unsure"),
    [
        ("same-eye-and-kind", Eye.OS, Kind.OCT, ["eye", "kind"]),
        ("another-eye", Eye.OD, Kind.OCTA, None),
        ("nothing-declared", Eye.OS, Kind.OCT, None),
        ("header-time", Eye.OD, Kind.COLOR_FUNDUS, None),
    ],
)
def test_an_eye_that_may_be_the_files_stays_but_nobody_is_said_to_have_said_it(
    name: str, eye: Eye, kind: Kind, unsure: list[str] | None
) -> None:
    found = row(name)
    assert (found.eye, found.kind) == (eye, kind)
    assert found.facts["declared"].get("perhaps_file") == unsure


def test_an_eye_that_differs_stays_declared_and_flagged() -> None:
    found = row("another-eye")
    assert (found.facts["declared"]["eye"], found.facts["detected"]["eye"], found.attention) == ("OD", "OS", ["eye"])


@pytest.mark.parametrize("name", golden.MANIFESTS)
def test_from_version_2_on_a_declaration_is_a_persons_whatever_the_file_says(name: str) -> None:
    document = json.loads(golden.MANIFESTS[name]) | {"version": 2}
    found = manifests.read(json.dumps(document).encode())
    (scan,) = scan_rows(found)
    part = found.scans[0]
    assert (scan.captured_at, scan.captured_source) == (part.captured_at, part.captured_source)
    assert scan.facts["declared"]["captured_at"] == found.upload.captured_at
    assert "perhaps_file" not in scan.facts["declared"]


def test_after_the_upgrade_the_next_worker_reads_the_vault_once_and_then_nothing_differs(
    old: Catalog, store: FakeStore, tmp_path: Path
) -> None:
    before = index(old, store.vault, quiet, check_only=True)
    assert before.different > 0
    lines: list[str] = []
    ensure_indexed(old, store.vault, lines.append)
    assert "understands the vault better" in lines[0]
    assert index(old, store.vault, quiet, check_only=True).different == 0
    store.before = lambda act, name: pytest.fail("the vault was read again")
    ensure_indexed(old, store.vault, lines.append)


def test_a_rebuild_of_an_old_vault_gives_the_same_as_the_living_catalog(
    old: Catalog, store: FakeStore, tmp_path: Path
) -> None:
    empty = catalogs.fresh(tmp_path / "empty")
    index(empty, store.vault, quiet)
    ensure_indexed(old, store.vault, quiet)
    assert dump(empty) == dump(old)


def test_only_header_times_and_claims_change_in_an_old_gallery(old: Catalog, store: FakeStore) -> None:
    def shown() -> dict[str, dict[str, Any]]:
        with old.read() as tx:
            found = scans.find(tx, [one["id"] for one in golden.ROWS["scans"]])
        return {
            scan.facts["filename"]: {n: getattr(scan, n) for n in Scan.__dataclass_fields__}
            for scan, _ in found.values()
        }

    before = shown()
    ensure_indexed(old, store.vault, quiet)
    times = {"captured_at", "captured_source", "visit_day", "facts"}
    expected = {
        "header-time-with-offset.jpg": times,
        "header-time.jpg": times - {"visit_day"},
        "placeholder-time.jpg": times,
        "clock-that-was-never-set.jpg": times,
        "placeholder-and-nothing-found.jpg": times,
        "same-eye-and-kind.jpg": {"facts"},
        "corrected.jpg": {"facts"},
        "reviewed.jpg": times,
    }
    after = shown()
    changed = {name: {what for what in row if row[what] != after[name][what]} for name, row in before.items()}
    assert {name: what for name, what in changed.items() if what} == expected


def test_records_of_an_old_gallery_fold_over_it_as_before(old: Catalog, store: FakeStore) -> None:
    ensure_indexed(old, store.vault, quiet)
    ids = {name: scan_id(json.loads(data)["upload"]["id"], 0) for name, data in golden.MANIFESTS.items()}
    with old.read() as tx:
        found = {scan.id: scan for scan, _ in scans.find(tx, ids.values()).values()}
    corrected, reviewed = found[ids["corrected"]], found[ids["reviewed"]]
    assert (corrected.eye, corrected.captured_at) == (Eye.OD, at("2026-07-02T10:00:00+02:00"))
    assert corrected.captured_source is CaptureSource.CORRECTED
    assert (reviewed.review, reviewed.captured_source) == (Review.REVIEWED, CaptureSource.ACQUISITION_DATE)


def test_a_new_catalog_has_nothing_to_read_again(tmp_path: Path) -> None:
    with catalogs.fresh(tmp_path).read() as tx:
        assert not any(leases.marked(tx, name) for name in (MARK, OUTDATED, DECLARED_BY_PERSONS))


def test_a_declaration_from_before_the_upgrade_gets_a_manifest_of_version_1(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    before = rig.send(b"before")
    with rig.catalog.write() as tx:
        leases.mark(tx, DECLARED_BY_PERSONS, rig.clock())
    after = rig.send(b"after")
    rig.run()
    assert (rig.manifest(before).version, rig.manifest(after).version) == (1, 2)
    rig.check()


def test_a_release_without_older_declarations_writes_version_2(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    upload = rig.send(b"first")
    rig.run()
    assert rig.manifest(upload).version == 2
