"""The doctor: finds what is wrong, says what to do, finds nothing where nothing is wrong, and changes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import responses

from broker import names
from broker.catalog import leases, tables
from broker.config import Config
from broker.errors import StorageUnavailable
from broker.ids import new_id, scan_id
from broker.ingest.crashpoint import Effect
from broker.names import IntakeBlob, Rendition
from broker.ops import doctor, rights
from broker.ops.finding import Finding
from broker.ops.inventory import SHOWN, Inventory
from broker.ops.rebuild import MARK, OUTDATED, ensure_indexed
from tests import people
from tests.lanes import Died, Rig, fault_at
from tests.people import NOW
from tests.unit.conftest import make_config

DAY = timedelta(days=1)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A vault and a catalog that agree, and a day gone by."""
    made = Rig(tmp_path)
    for number in range(3):
        made.send(f"picture {number}".encode())
    made.run()
    made.publisher.publish()
    made.clock.now += DAY
    return made


def stored(rig: Rig) -> list[str]:
    return [row["id"] for row in rig.rows(tables.uploads)]


def looked(rig: Rig, *, scrub: int = 0) -> list[Finding]:
    """What a look at vault and intake finds wrong."""
    before = {**rig.store.vault.blobs, **rig.store.intake.blobs}
    inventory = Inventory(rig.catalog, rig.intake, rig.vault, rig.clock())
    found = [*inventory.findings(), *(inventory.scrub(scrub) if scrub else ())]
    assert {**rig.store.vault.blobs, **rig.store.intake.blobs} == before, "a look changes nothing"
    assert all(finding.remedy for finding in found if not finding.good)
    assert all("\n" not in str(finding) for finding in found)
    return [finding for finding in found if not finding.good]


def test_nothing_is_found_where_nothing_is_wrong(rig: Rig) -> None:
    rig.declare(b"pending")
    rig.send(b"received")
    assert looked(rig, scrub=10) == []


@pytest.mark.parametrize("leaf", ["original", "manifest.json", "thumbnail.webp"])
@pytest.mark.parametrize("how", ["lost", "shorter"])
def test_a_missing_blob_is_named(rig: Rig, leaf: str, how: str) -> None:
    name = next(name for name in sorted(rig.store.vault.blobs) if name.endswith(leaf))
    if how == "lost":
        del rig.store.vault.blobs[name]
    else:
        rig.store.vault.blobs[name].data = b"s"
    found = looked(rig)
    # How long a manifest is stands nowhere.
    expected = [] if (leaf, how) == ("manifest.json", "shorter") else [name]
    assert [finding.text.split()[0] for finding in found] == expected


def test_bytes_that_changed_are_found_by_a_scrub(rig: Rig) -> None:
    upload = stored(rig)[1]
    blob = rig.store.vault.blobs[names.original(upload).name]
    blob.data = blob.data[:-1] + b"X"
    assert looked(rig) == []
    (finding,) = looked(rig, scrub=3)
    assert names.original(upload).name in finding.text


def test_an_original_whose_upload_nobody_knows_is_an_orphan(rig: Rig) -> None:
    lost = new_id(NOW)
    rig.vault.put(names.original(lost), b"x", "application/octet-stream")
    rig.vault.put(names.rendition(scan_id(lost, 0), Rendition.THUMBNAIL, "image/webp"), b"x", "image/webp")
    assert looked(rig) == [], "what is young may be on its way"
    rig.clock.now += DAY
    assert [finding.title for finding in looked(rig)] == ["Orphans", "Orphans"]


def test_what_a_worker_left_half_promoted_is_no_orphan(rig: Rig) -> None:
    rig.send(b"half")
    rig.forget_leases()
    with fault_at((Effect.MANIFEST, "before"), Died()), pytest.raises(Died):
        rig.lane.step()
    rig.clock.now += DAY
    assert looked(rig) == []


def test_what_the_catalog_does_not_know_is_for_a_rebuild(rig: Rig) -> None:
    upload = stored(rig)[0]
    with rig.catalog.write() as tx:
        tx.execute(tables.scans.delete().where(tables.scans.c.upload_id == upload))
        tx.execute(tables.uploads.delete().where(tables.uploads.c.id == upload))
        tx.execute(tables.patients.delete())
    found = looked(rig)
    assert {finding.title for finding in found} == {"Unknown", "Orphans"}
    assert all("rebuild" in finding.remedy for finding in found)
    assert any(finding.text.startswith("patients/") for finding in found)


def test_a_half_done_erasure_is_to_be_repeated(rig: Rig) -> None:
    upload = stored(rig)[0]
    rig.vault.put(names.tombstone(upload), b"{}", "application/json")
    found = looked(rig)
    assert {finding.title for finding in found} == {"Erasure"}
    assert len(found) == 4, "original, manifest and two renditions"


def test_strangers_in_the_intake_are_named(rig: Rig) -> None:
    rig.store.arrive(IntakeBlob(new_id(NOW)), b"unknown")
    rig.store.intake.blobs["somebody/else's"] = next(iter(rig.store.intake.blobs.values()))
    rig.clock.now += DAY
    assert sorted(finding.text.split(" in ")[1] for finding in looked(rig)) == [
        "the intake belongs to no upload",
        "the intake is no name of ours",
    ]


def test_many_findings_of_one_sort_are_counted(rig: Rig) -> None:
    for _ in range(SHOWN + 5):
        rig.vault.put(names.original(new_id(NOW)), b"x", "application/octet-stream")
    rig.clock.now += DAY
    found = looked(rig)
    assert len(found) == SHOWN + 1
    assert "5 more" in found[-1].text


def test_a_worker_that_gives_no_sign_and_a_row_that_waits_are_found(rig: Rig) -> None:
    rig.patients.change(people.actor(), rig.patient.id, {"name": "Ada Newname"}, now=NOW)
    wrong = [finding for finding in doctor.state(rig.catalog) if not finding.good]
    assert [finding.title for finding in wrong] == ["Catalog", "Worker", "Unpublished"]
    rig.publisher.publish()
    with rig.catalog.write() as tx:
        leases.mark(tx, "worker", rig.catalog.now(tx))
        leases.mark(tx, "vault_indexed", rig.catalog.now(tx))
    assert all(finding.good for finding in doctor.state(rig.catalog))


def test_rows_of_an_older_release_are_found_until_the_vault_was_read_again(rig: Rig) -> None:
    with rig.catalog.write() as tx:
        for name in ("worker", MARK, OUTDATED):
            leases.mark(tx, name, rig.catalog.now(tx))
    (wrong,) = [finding for finding in doctor.state(rig.catalog) if not finding.good]
    assert (wrong.title, "older release" in wrong.text) == ("Catalog", True)
    ensure_indexed(rig.catalog, rig.vault, lambda line: None)
    assert all(finding.good for finding in doctor.state(rig.catalog))


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (59, True), (-59, True), (62, False), (-3600, False)])
def test_a_clock_is_compared(seconds: int, good: bool) -> None:
    assert doctor.clock("storage's", NOW + timedelta(seconds=seconds), NOW).good is good


def test_the_sandbox_says_what_holds_it() -> None:
    found = doctor.sandbox()
    assert "decoders run with" in found.text


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, public_url="https://images.myclinic.example", account_key=None)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (("https://images.myclinic.example",), []),
        ((), ["PUT", "GET"]),
        (("https://images.myclinic.example", doctor.STRANGER), ["any origin"]),
    ],
)
def test_cors_is_asked_as_a_browser_would(config: Config, allowed: tuple[str, ...], expected: list[str]) -> None:
    def answer(request: object) -> tuple[int, Mapping[str, str], str]:
        origin = request.headers["Origin"]  # type: ignore[attr-defined]
        return (200, {"Access-Control-Allow-Origin": origin}, "") if origin in allowed else (403, {}, "")

    with responses.RequestsMock() as http:
        http.add_callback(responses.OPTIONS, f"{config.blob_public_url}/intake/preflight", answer)
        wrong = [finding for finding in doctor.cors(config) if not finding.good]
    assert len(wrong) == len(expected)
    assert all(part in finding.text for part, finding in zip(expected, wrong, strict=True))
    if "PUT" in expected:
        assert "cors-rule" in shlex.split(wrong[0].remedy)


def trying(has: frozenset[str]) -> tuple[rights.Try, list[tuple[str, str]]]:
    """A store that grants just these rights, and what it was asked."""
    asked: list[tuple[str, str]] = []

    def attempt(method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        asked.append((method, path))
        container = path.split("/")[1]
        act = {"GET": "read", "DELETE": "delete", "PUT": "write" if "comp=metadata" in path else "create"}.get(method)
        right = f"{act} in {container}" if act else rights.KEY
        # Nothing that is tried may have an effect: it names what nobody has, or a content that nothing has.
        assert method in ("GET", "POST") or headers["If-Match"] == '"0x0"'
        return 404 if right in has else 403

    return attempt, asked


@pytest.mark.parametrize("need", [rights.WEB, rights.WORKER])
def test_rights_that_fit_are_good(config: Config, need: rights.Need) -> None:
    found = list(rights.findings(config, need, trying(need.rights)[0], NOW))
    assert [finding.good for finding in found] == [True]


def test_too_few_and_too_many_rights_are_found(config: Config) -> None:
    has = rights.WEB.rights - {"write in intake"} | {"write in vault", "delete in vault"}
    found = list(rights.findings(config, rights.WEB, trying(has)[0], NOW))
    assert [finding.good for finding in found] == [False, False, False]
    assert "must be able to write in intake" in found[0].text
    assert "erases" in found[1].remedy
    assert "write in vault" in found[2].text


def test_one_identity_for_both_is_found(config: Config) -> None:
    (finding,) = rights.findings(config, rights.BOTH, trying(rights.BOTH.rights)[0], NOW)
    assert not finding.good
    assert "one identity" in finding.text


def test_an_account_key_is_found_and_nothing_is_tried(config: Config) -> None:
    attempt, asked = trying(frozenset())
    (finding,) = rights.findings(replace(config, account_key="a2V5"), rights.BOTH, attempt, NOW)
    assert not finding.good
    assert asked == []


def test_the_emulator_is_said_to_have_no_rights(config: Config) -> None:
    attempt, asked = trying(frozenset())
    near = replace(config, blob_url="http://127.0.0.1:10000/devstoreaccount1", account_key="a2V5")
    (finding,) = rights.findings(near, rights.BOTH, attempt, NOW)
    assert finding.good
    assert "emulator has none" in finding.text
    assert asked == []


def test_a_storage_that_does_not_answer_is_a_finding_and_the_rest_is_still_looked_at(rig: Rig, tmp_path: Path) -> None:
    def down(act: str, name: str) -> None:
        raise StorageUnavailable("The storage does not answer.")

    rig.store.before = down
    database = f"sqlite+pysqlite:///{rig.folder / 'catalog' / 'catalog.sqlite'}"
    config = make_config(rig.folder / "catalog", database_url=database)
    attempt, _ = trying(frozenset())
    found = list(doctor.findings(config, rig.catalog, rig.store, need=rights.BOTH, attempt=attempt))
    wrong = [finding.title for finding in found if not finding.good]
    assert "Storage" in wrong
    assert "Worker" in wrong


def test_the_upload_of_a_finding_is_no_patient(rig: Rig) -> None:
    rig.send(b"lost", filename="Ada Example.jpg")
    rig.run()
    rig.store.vault.blobs.clear()
    text = " ".join(str(finding) for finding in looked(rig))
    assert "Ada" not in text
