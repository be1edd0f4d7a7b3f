"""The gallery: newest capture first, complete pages, narrow links, and an audit row for everything shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from broker.catalog import Catalog, audit, scans
from broker.catalog.patients import Patient
from broker.catalog.scans import Facts, Filter, Scan
from broker.errors import NotAllowed, ScanNotFound
from broker.gallery import Gallery, Shown, file_name
from broker.ids import new_id, scan_id
from broker.names import Rendition
from broker.patients import Patients
from broker.sas.grants import AccountKey
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer
from broker.words import CaptureSource, Eye, Kind, Role
from tests import catalogs
from tests.people import NOW, actor, patient

DOC = actor(Role.PHYSICIAN)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return catalogs.fresh(tmp_path)


@pytest.fixture
def gallery(catalog: Catalog) -> Gallery:
    signer = Signer(
        keys=FixedKey(AccountKey("clinic", b"k" * 64)),
        base_url="https://clinic.blob.core.windows.net",
        rendition_cache=True,
        create_blocks=lambda signer: False,
    )
    return Gallery(catalog=catalog, signer=signer)


@pytest.fixture
def ada(catalog: Catalog) -> Patient:
    return patient(Patients(catalog=catalog, issuer="clinic", new_id=new_id))


def facts() -> Facts:
    claims = {"eye": None, "kind": None, "captured_at": None, "captured_source": None, "device": None, "patient": None}
    size = {"media_type": "image/webp", "width": 384, "height": 384, "bytes": 9000}
    display = {"media_type": "image/jpeg", "width": 1400, "height": 1400, "bytes": 90000}
    return {
        "filename": "a.jpg",
        "ending": "jpg",
        "format": "jpeg",
        "media_type": "image/jpeg",
        "size": 1000,
        "digest": "sha256:" + "0" * 64,
        "sha256": "0" * 64,
        "width": 1411,
        "height": 1411,
        "frames": 1,
        "spacing_mm": None,
        "renditions": {"thumbnail": size, "display": display},  # type: ignore[dict-item]
        "no_preview": None,
        "declared": claims,  # type: ignore[typeddict-item]
        "detected": claims,  # type: ignore[typeddict-item]
        "note": "",
        "sent_by": "Tess",
        "sent_at": NOW.isoformat(),
        "received_at": NOW.isoformat(),
        "stored_at": NOW.isoformat(),
    }


def keep(catalog: Catalog, who: Patient, captured: datetime, **changes: object) -> Scan:
    """Put one scan into the catalog."""
    upload = new_id(NOW)
    values: dict[str, object] = {
        "id": scan_id(upload, 0),
        "upload_id": upload,
        "position": 0,
        "patient_id": who.id,
        "eye": Eye.OD,
        "kind": Kind.COLOR_FUNDUS,
        "captured_at": captured,
        "captured_source": CaptureSource.DECLARED,
        "visit_day": captured.date().isoformat(),
        "device": "",
        "facts": facts(),
        "placeholder": "",
        "attention": [],
        "urgent": False,
        "withdrawn": False,
    }
    scan = Scan(**values | changes)  # type: ignore[arg-type]
    with catalog.write() as tx:
        scans.put(tx, [scan])
    return scan


def pages(gallery: Gallery, which: Filter, limit: int) -> Iterator[Shown]:
    after = None
    while page := gallery.page(DOC, which, after=after, limit=limit, now=NOW):
        assert len(page) <= limit
        yield from page
        after = page[-1].key


def test_pages_are_newest_capture_first_without_gaps_or_doubles(
    gallery: Gallery, catalog: Catalog, ada: Patient
) -> None:
    # Many share a capture time, as a camera's series does: the id decides then.
    made = [keep(catalog, ada, NOW - timedelta(days=number // 4)) for number in range(37)]
    seen = [shown.scan for shown in pages(gallery, Filter(), limit=5)]
    assert seen == sorted(made, key=lambda scan: (scan.captured_at, scan.id), reverse=True)


def test_a_page_stays_put_while_newer_scans_arrive(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    for number in range(6):
        keep(catalog, ada, NOW - timedelta(days=number))
    first = gallery.page(DOC, Filter(), after=None, limit=3, now=NOW)
    keep(catalog, ada, NOW + timedelta(hours=1))
    second = gallery.page(DOC, Filter(), after=first[-1].key, limit=3, now=NOW)
    days = [(NOW - shown.scan.captured_at).days for shown in [*first, *second]]
    assert days == [0, 1, 2, 3, 4, 5]


def test_filters_narrow_to_what_was_asked(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    bea = patient(Patients(catalog=catalog, issuer="clinic", new_id=new_id), mrn="2", name="Bea Other")
    left = keep(catalog, ada, datetime(2026, 3, 1, tzinfo=UTC), eye=Eye.OS)
    oct_scan = keep(catalog, ada, datetime(2026, 4, 1, tzinfo=UTC), kind=Kind.OCT)
    odd = keep(catalog, bea, datetime(2026, 5, 1, tzinfo=UTC), attention=["eye"])

    def shown(which: Filter) -> list[str]:
        return [one.scan.id for one in gallery.page(DOC, which, after=None, limit=10, now=NOW)]

    assert shown(Filter(eye=Eye.OS)) == [left.id]
    assert shown(Filter(kind=Kind.OCT)) == [oct_scan.id]
    assert shown(Filter(patient=bea.id)) == [odd.id]
    assert shown(Filter(attention=True)) == [odd.id]
    assert shown(Filter(attention=False)) == [oct_scan.id, left.id]
    assert shown(Filter(first_day=date(2026, 4, 1))) == [odd.id, oct_scan.id]
    assert shown(Filter(last_day=date(2026, 4, 1))) == [oct_scan.id, left.id]


def test_withdrawn_scans_are_nowhere(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    gone = keep(catalog, ada, NOW, withdrawn=True)
    assert gallery.page(DOC, Filter(), after=None, limit=10, now=NOW) == []
    assert gallery.links(DOC, [gone.id], Rendition.THUMBNAIL, now=NOW) == {}
    for act in (gallery.one, gallery.original):
        with pytest.raises(ScanNotFound):
            act(DOC, gone.id, now=NOW)


def test_a_page_links_thumbnails_and_one_scan_all_its_renditions(
    gallery: Gallery, catalog: Catalog, ada: Patient
) -> None:
    scan = keep(catalog, ada, NOW)
    page = gallery.page(DOC, Filter(), after=None, limit=10, now=NOW)
    assert set(page[0].links) == {Rendition.THUMBNAIL}
    one = gallery.one(DOC, scan.id, now=NOW)
    assert set(one.links) == {Rendition.THUMBNAIL, Rendition.DISPLAY}
    assert f"/vault/scans/{scan.id[-2:]}/{scan.id}/display.jpg?" in one.links[Rendition.DISPLAY].url


def test_a_thumbnails_link_is_the_same_all_hour_so_that_browsers_keep_it(
    gallery: Gallery, catalog: Catalog, ada: Patient
) -> None:
    keep(catalog, ada, NOW)
    at = [NOW.replace(minute=1), NOW.replace(minute=59), NOW + timedelta(hours=1)]
    urls = [gallery.page(DOC, Filter(), after=None, limit=1, now=now)[0].links[Rendition.THUMBNAIL].url for now in at]
    assert urls[0] == urls[1] != urls[2]


def test_links_are_given_only_where_the_rendition_exists(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    scan = keep(catalog, ada, NOW)
    asked = [scan.id, new_id(NOW)]
    assert set(gallery.links(DOC, asked, Rendition.DISPLAY, now=NOW)) == {scan.id}
    assert gallery.links(DOC, asked, Rendition.FRAMES, now=NOW) == {}


def test_an_originals_link_lives_five_minutes_and_has_its_own_audit_row(
    gallery: Gallery, catalog: Catalog, ada: Patient
) -> None:
    scan = keep(catalog, ada, NOW)
    grant = gallery.original(DOC, scan.id, now=NOW)
    assert grant.expires_at == NOW + timedelta(minutes=5)
    with catalog.read() as tx:
        row = audit.newest(tx, before=None, limit=1)[0]
    assert (row.act, row.subjects) == ("scan.original", [ada.id, scan.id])
    assert row.detail == {"signatures": {scan.id: grant.signature_hash}}


def test_a_download_is_named_without_the_patient(catalog: Catalog, ada: Patient) -> None:
    scan = keep(catalog, ada, NOW, eye=Eye.OS)
    assert file_name(scan, "jpg") == f"OS_color_fundus_{scan.id[-12:]}.jpg"
    assert file_name(scan, "") == f"OS_color_fundus_{scan.id[-12:]}"


def test_what_was_shown_is_audited_in_one_row(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    made = [keep(catalog, ada, NOW - timedelta(days=number)) for number in range(3)]
    gallery.page(DOC, Filter(), after=None, limit=10, now=NOW)
    with catalog.read() as tx:
        rows = [row for row in audit.newest(tx, before=None, limit=10) if row.act == "gallery.see"]
    assert [row.subjects for row in rows] == [[ada.id, *(scan.id for scan in made)]]


def test_the_same_page_again_is_the_same_row(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    keep(catalog, ada, NOW)

    def rows() -> int:
        with catalog.read() as tx:
            return len([row for row in audit.newest(tx, before=None, limit=99) if row.act == "gallery.see"])

    for minutes, count in ((0, 1), (10, 1), (11, 2), (12, 2)):
        gallery.page(DOC, Filter(), after=None, limit=10, now=NOW + timedelta(minutes=minutes))
        assert rows() == count, minutes
    keep(catalog, ada, NOW + timedelta(hours=1))
    gallery.page(DOC, Filter(), after=None, limit=10, now=NOW + timedelta(minutes=13))
    assert rows() == 3, "one scan more was shown"


def test_each_original_is_a_row_of_its_own_however_soon(gallery: Gallery, catalog: Catalog, ada: Patient) -> None:
    scan = keep(catalog, ada, NOW)
    for _ in range(2):
        gallery.original(DOC, scan.id, now=NOW)
    with catalog.read() as tx:
        assert [row.act for row in audit.newest(tx, before=None, limit=2)] == ["scan.original"] * 2


def test_an_administrator_sees_no_picture(gallery: Gallery) -> None:
    with pytest.raises(NotAllowed):
        gallery.page(actor(Role.ADMIN), Filter(), after=None, limit=1, now=NOW)
