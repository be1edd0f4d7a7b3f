"""What the mint functions grant, and that each token is the SDK's bit for bit."""

from __future__ import annotations

import base64
import hashlib
import os
import string
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import pytest
from azure.storage.blob import UserDelegationKey, generate_blob_sas
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker import names
from broker.config import SERVICE_VERSION
from broker.names import ENDINGS, IntakeBlob, Rendition, VaultBlob
from broker.sas.grants import (
    AccountKey,
    DelegationKey,
    Grant,
    Key,
    Permission,
    check_address,
    mint_blocks,
    mint_create,
    mint_original,
    mint_rendition,
)

from . import reference

CASES = int(os.environ.get("SAS_CASES") or (50_000 if os.environ.get("FUZZ") else 5_000))
thorough = settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))

BASE = "https://clinic.blob.core.windows.net"
EMULATOR = "http://127.0.0.1:10000/devstoreaccount1"
NOW = datetime(2026, 11, 30, 0, 41, 7, 890123, tzinfo=UTC)
UPLOAD = "0193782b-3d40-7abc-8def-0123456789ab"
ACCOUNT_KEY = AccountKey(reference.ACCOUNT, base64.b64decode(reference.ACCOUNT_KEY))
DELEGATION_KEY = DelegationKey(
    account=reference.ACCOUNT,
    object_id="11111111-1111-1111-1111-111111111111",
    tenant_id="22222222-2222-2222-2222-222222222222",
    start="2026-11-30T00:00:00Z",
    expiry="2026-12-01T00:00:00Z",
    service="b",
    version="2026-06-06",
    value=base64.b64decode("ZPMLwhzStP1yicwIMzqxSKNWSXiGJwWkQnBPRwdoGUQ="),
)
ORIGINAL = names.original(UPLOAD)
THUMBNAIL = names.rendition(UPLOAD, Rendition.THUMBNAIL, "image/webp")

Mint = Callable[..., Grant]


def create(key: Key = ACCOUNT_KEY, base: str = BASE, now: datetime = NOW) -> Grant:
    return mint_create(key, base, IntakeBlob(UPLOAD), now=now)


def blocks_w(key: Key = ACCOUNT_KEY, base: str = BASE, now: datetime = NOW) -> Grant:
    return mint_blocks(key, base, IntakeBlob(UPLOAD), now=now, create_is_enough=False)


def blocks_c(key: Key = ACCOUNT_KEY, base: str = BASE, now: datetime = NOW) -> Grant:
    return mint_blocks(key, base, IntakeBlob(UPLOAD), now=now, create_is_enough=True)


def original(
    key: Key = ACCOUNT_KEY, base: str = BASE, now: datetime = NOW, filename: str = "OD_oct_6789ab.dcm"
) -> Grant:
    return mint_original(key, base, ORIGINAL, filename=filename, now=now)


def rendition(key: Key = ACCOUNT_KEY, base: str = BASE, now: datetime = NOW, cache: bool = True) -> Grant:
    return mint_rendition(
        key, base, THUMBNAIL, filename="OD_oct_6789ab.webp", media_type="image/webp", now=now, cache=cache
    )


EVERY = pytest.mark.parametrize("mint", [create, blocks_w, blocks_c, original, rendition])
BOTH_KEYS = pytest.mark.parametrize("key", [ACCOUNT_KEY, DELEGATION_KEY], ids=["account", "delegation"])


def query(grant: Grant) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(grant.url).query, strict_parsing=True).items()}


def test_the_golden_grant_does_not_change() -> None:
    # Any change of version, field order or encoding shows here first.
    assert create(now=datetime(2026, 11, 30, 23, 45, tzinfo=UTC)).url == GOLDEN_CREATE
    assert rendition(DELEGATION_KEY).url == GOLDEN_RENDITION


GOLDEN_CREATE = (
    "https://clinic.blob.core.windows.net/intake/ab/0193782b-3d40-7abc-8def-0123456789ab"
    "?se=2026-12-01T00%3A00%3A00Z&sp=c&spr=https"
    "&sv=2026-06-06&sr=b&sig=D6m%2BtqKWgnAHvcD9DkHv4/ba5kzf8leU9EsxCt3TEo0%3D"
)
GOLDEN_RENDITION = (
    "https://clinic.blob.core.windows.net/vault/scans/ab/0193782b-3d40-7abc-8def-0123456789ab/thumbnail.webp"
    "?se=2026-11-30T02%3A00%3A00Z&sp=r&spr=https"
    "&sv=2026-06-06&sr=b&rscc=private%2C%20max-age%3D3600%2C%20immutable&rscd=inline%3B%20filename%3D%22OD_oct"
    "_6789ab.webp%22&rsct=image/webp&skoid=11111111-1111-1111-1111-111111111111&sktid=22222222-2222-2222-2222-"
    "222222222222&skt=2026-11-30T00%3A00%3A00Z&ske=2026-12-01T00%3A00%3A00Z&sks=b&skv=2026-06-06&sig=yAndhXOTE"
    "0j/uh9YNEpNGdzt56BPAZT99I2bxaCZkNY%3D"
)


@pytest.mark.parametrize(
    ("mint", "method", "letter", "container", "life", "headers"),
    [
        (create, "PUT", "c", "intake", timedelta(minutes=15), {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}),
        (blocks_w, "PUT", "w", "intake", timedelta(minutes=15), {}),
        (blocks_c, "PUT", "c", "intake", timedelta(minutes=15), {}),
        (original, "GET", "r", "vault", timedelta(minutes=5), {}),
    ],
)
@BOTH_KEYS
def test_each_grant_is_for_one_blob_one_verb_and_minutes(
    key: Key, mint: Mint, method: str, letter: str, container: str, life: timedelta, headers: dict[str, str]
) -> None:
    grant = mint(key)
    sent = query(grant)
    assert (grant.method, grant.headers) == (method, headers)
    assert grant.expires_at == NOW.replace(microsecond=0) + life
    assert (sent["sp"], sent["sr"], sent["sv"], sent["spr"]) == (letter, "b", SERVICE_VERSION, "https")
    assert sent["se"] == f"{grant.expires_at:%Y-%m-%dT%H:%M:%SZ}"
    assert "st" not in sent
    assert urlsplit(grant.url).path.startswith(f"/{container}/")


def test_only_create_write_and_read_exist() -> None:
    assert {permission.value for permission in Permission} == {"c", "w", "r"}


@BOTH_KEYS
def test_every_read_grant_forces_type_disposition_and_caching(key: Key) -> None:
    sent = query(original(key))
    assert sent["rscd"] == 'attachment; filename="OD_oct_6789ab.dcm"'
    assert (sent["rsct"], sent["rscc"]) == ("application/octet-stream", "private, no-store")
    sent = query(rendition(key))
    assert sent["rscd"] == 'inline; filename="OD_oct_6789ab.webp"'
    assert (sent["rsct"], sent["rscc"]) == ("image/webp", "private, max-age=3600, immutable")
    assert query(rendition(key, cache=False))["rscc"] == "private, no-store"


def test_a_rendition_has_the_same_url_all_hour_and_another_in_the_next() -> None:
    hour = datetime(2026, 11, 30, 7, tzinfo=UTC)
    minted = {rendition(now=hour + timedelta(minutes=minute)).url for minute in range(60)}
    assert len(minted) == 1
    assert rendition(now=hour + timedelta(minutes=60)).url not in minted
    assert rendition(now=hour + timedelta(minutes=59)).expires_at == hour + timedelta(hours=2)


def test_without_the_cache_a_rendition_lives_ten_minutes() -> None:
    assert rendition(cache=False).expires_at == NOW.replace(microsecond=0) + timedelta(minutes=10)


@EVERY
def test_off_loopback_every_grant_is_for_https_only(mint: Mint) -> None:
    assert query(mint(base=BASE))["spr"] == "https"
    assert query(mint(base="https://127.0.0.1:10000/devstoreaccount1"))["spr"] == "https"
    assert "spr" not in query(mint(base=EMULATOR))
    assert "spr" not in query(mint(base="http://localhost:10000/devstoreaccount1"))


@EVERY
@pytest.mark.parametrize(
    "base",
    [
        "http://clinic.blob.core.windows.net",
        "http://192.168.1.4:10000/account",
        "http://localhost.evil.example/account",
        "ftp://127.0.0.1/account",
        "https://host/?sig=x",
        "https://host/#x",
        "https://user@host/",
        "https://ho st/",
        "https://host/a\nb",
        "https:///account",
        "clinic.blob.core.windows.net",
        "",
    ],
)
def test_an_address_that_would_carry_grants_in_clear_or_twist_them_is_refused(mint: Mint, base: str) -> None:
    with pytest.raises(ValueError, match="store"):
        mint(base=base)
    with pytest.raises(ValueError, match="store"):
        check_address(base)


@EVERY
def test_times_are_in_utc(mint: Mint) -> None:
    with pytest.raises(ValueError, match="UTC"):
        mint(now=NOW.replace(tzinfo=None))
    with pytest.raises(ValueError, match="UTC"):
        mint(now=NOW.astimezone(timezone(timedelta(hours=5, minutes=30))))
    # Both times name moments that were, or will be, minted in UTC: no cache may confuse the two.
    assert mint(now=NOW).expires_at.utcoffset() == timedelta(0)


@EVERY
def test_no_grant_outlives_its_delegation_key(mint: Mint) -> None:
    with pytest.raises(ValueError, match="outlive"):
        mint(DELEGATION_KEY, now=datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    assert mint(DELEGATION_KEY, now=datetime(2026, 11, 30, 22, tzinfo=UTC)).expires_at <= datetime(
        2026, 12, 1, tzinfo=UTC
    )


@pytest.mark.parametrize("blob", [names.manifest(UPLOAD), names.tombstone(UPLOAD), THUMBNAIL, names.record(UPLOAD, 1)])
def test_only_originals_are_granted_as_originals(blob: VaultBlob) -> None:
    with pytest.raises(ValueError, match="not an original"):
        mint_original(ACCOUNT_KEY, BASE, blob, filename="x.jpg", now=NOW)


@pytest.mark.parametrize(
    "blob",
    [
        ORIGINAL,
        names.manifest(UPLOAD),
        names.record(UPLOAD, 1),
        names.patient(UPLOAD, 1),
        VaultBlob("audit/0000000001.jsonl"),
        names.rendition(UPLOAD, Rendition.DISPLAY, "image/jpeg"),
    ],
)
@pytest.mark.parametrize("media_type", ["image/webp", "application/json", "text/html", "image/svg+xml", ""])
def test_only_renditions_are_granted_as_renditions(blob: VaultBlob, media_type: str) -> None:
    with pytest.raises(ValueError, match="no rendition"):
        mint_rendition(ACCOUNT_KEY, BASE, blob, filename="x.webp", media_type=media_type, now=NOW, cache=True)


HOSTILE = ["", ".hidden", "a b.jpg", "a\n.jpg", "a\r\nSet-Cookie: x", 'a".jpg', "a;b", "a%0Ab", "é.jpg", "x" * 129]
HOSTILE += ["../x", "a/b", "a&sp=rw", "a\x00", "a\x01b", "a\x02b", "\x02", "a.jpg\n", "\U0001f441.jpg"]


@pytest.mark.parametrize("filename", HOSTILE)
def test_a_file_name_that_could_break_out_is_refused(filename: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        original(filename=filename)


@pytest.mark.parametrize("broken", ["a\nb", "a\x01b", "a\x02b", "a\x00", "a\x7f"])
def test_a_key_description_with_a_control_character_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        AccountKey(broken, b"x")
    about = {
        "account": "a",
        "object_id": "o",
        "tenant_id": "t",
        "start": "s",
        "expiry": "e",
        "service": "b",
        "version": "v",
    }
    for name in about:
        with pytest.raises(ValueError, match="control character"):
            DelegationKey(**{**about, name: broken}, value=b"x")


def test_neither_key_nor_url_shows_in_a_repr() -> None:
    grant = create()
    assert "sig" not in repr(grant)
    assert grant.url not in repr([grant])
    assert repr(ACCOUNT_KEY) == "AccountKey(account='devstoreaccount1')"
    assert "value" not in repr(DELEGATION_KEY)


def test_a_grant_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        create().url = "x"  # type: ignore[misc]


@EVERY
@BOTH_KEYS
def test_the_signature_hash_is_of_the_decoded_signature(mint: Mint, key: Key) -> None:
    grant = mint(key)
    signature = unquote(grant.url.rpartition("&sig=")[2])
    assert len(base64.b64decode(signature, validate=True)) == 32
    assert grant.signature_hash == hashlib.sha256(signature.encode()).hexdigest()


def test_headers_of_one_grant_are_not_shared_with_the_next() -> None:
    assert create().headers is not create().headers


# The SDK as oracle, made to stamp our version; and the reference from the REST text beside it.


@pytest.fixture(scope="module", autouse=True)
def sdk_stamps_our_version() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("azure.storage.blob._shared_access_signature.X_MS_VERSION", SERVICE_VERSION)
        yield


times = st.datetimes(datetime(2000, 1, 1), datetime(2400, 1, 1), timezones=st.just(UTC))
bases = st.sampled_from([BASE, EMULATOR, "https://images.clinic.example/", "https://h:8443/a/b", "http://[::1]:1/a"])
printable = st.characters(exclude_categories=["C", "Z"], include_characters=" ")
described = st.text(printable, min_size=1, max_size=12) | st.sampled_from(["%0A", "a&sp=rwdl", "a/../b", "x" * 3000])
secret = st.binary(min_size=1, max_size=80)


#: Deals out values; drawn as a seed, which is ten times faster than drawing every letter.
dealers = st.randoms(use_true_random=True)


@thorough
@given(account=described, value=secret, deal=dealers, base=bases, now=times)
def test_every_account_key_grant_is_the_sdks_bit_for_bit(
    account: str, value: bytes, deal: Random, base: str, now: datetime
) -> None:
    key = AccountKey(account, value)
    _compare(deal, base, now, key, {"account_key": base64.b64encode(value).decode()}, {})


@thorough
@given(pool=st.tuples(described, described), value=secret, deal=dealers, base=bases, now=times)
def test_every_delegation_key_grant_is_the_sdks_bit_for_bit(
    pool: tuple[str, str], value: bytes, deal: Random, base: str, now: datetime
) -> None:
    account, oid, tid, start, service, version = deal.choices([*pool, UPLOAD, "2026-06-06"], k=6)
    # "9..." is after every time drawn here, so that no grant is refused for outliving its key.
    expiry = "9" + start
    sdk_key = UserDelegationKey()  # type: ignore[no-untyped-call]
    sdk_key.signed_oid, sdk_key.signed_tid, sdk_key.signed_start = oid, tid, start
    sdk_key.signed_expiry, sdk_key.signed_service, sdk_key.signed_version = expiry, service, version
    sdk_key.signed_delegated_user_tid = None
    sdk_key.value = base64.b64encode(value).decode()
    key = DelegationKey(account, oid, tid, start, expiry, service, version, value)
    described_key = {"skoid": oid, "sktid": tid, "skt": start, "ske": expiry, "sks": service, "skv": version}
    _compare(deal, base, now, key, {"user_delegation_key": sdk_key}, described_key)


@settings(thorough, max_examples=min(CASES, 1000))
@given(filename=st.text(max_size=6) | st.text(string.ascii_letters + "0._-") | st.sampled_from(HOSTILE))
def test_a_file_name_is_refused_unless_it_is_plain(filename: str) -> None:
    # The rule said a second way, so that the two can disagree.
    letters = filename.replace(".", "").replace("-", "").replace("_", "")
    if filename.isascii() and letters.isalnum() and filename[0].isalnum() and len(filename) <= 128:
        assert query(original(filename=filename))["rscd"] == f'attachment; filename="{filename}"'
    else:
        with pytest.raises(ValueError, match="file name"):
            original(filename=filename)


def _compare(
    deal: Random, base: str, now: datetime, key: Key, sdk_key: dict[str, Any], described_key: dict[str, str]
) -> None:
    """Mint one grant of a dealt kind; compare its whole URL with the SDK's token and the reference's."""
    kind, media_type = deal.choice(list(EXPECTED)), deal.choice(list(ENDINGS))
    upload = str(UUID(int=deal.getrandbits(128), version=4))
    filename = deal.choice(ALNUM) + "".join(deal.choices(ALNUM + "._-", k=deal.randint(0, 127)))
    ours = _minted(kind, key, base, now, upload, filename, media_type)
    letter, life, cache, disposition, content_type = EXPECTED[kind]
    expiry = (now.replace(minute=0, second=0, microsecond=0) if kind == "rendition" else now) + life
    container, name = urlsplit(ours.url).path.removeprefix(urlsplit(base).path.rstrip("/")).lstrip("/").split("/", 1)
    sent = {"se": f"{expiry:%Y-%m-%dT%H:%M:%SZ}", "sp": letter, "spr": "" if base.startswith("http:") else "https"}
    sent |= {"sv": SERVICE_VERSION, "sr": "b", "rscc": cache, "rscd": disposition.format(filename)}
    sent |= {"rsct": content_type or media_type if letter == "r" else "", **described_key}
    sdk = generate_blob_sas(
        key.account,
        container,
        name,
        permission=letter,
        expiry=expiry,
        protocol=sent["spr"],
        cache_control=sent["rscc"],
        content_disposition=sent["rscd"],
        content_type=sent["rsct"],
        **sdk_key,
    )
    assert (container, name) == ("vault" if letter == "r" else "intake", _name(kind, upload, media_type))
    assert ours.url == f"{base.rstrip('/')}/{container}/{name}?{sdk}"
    assert ours.expires_at == expiry.replace(microsecond=0)
    signed = {**sent, "canon": f"/blob/{key.account}/{container}/{name}"}
    text = reference.delegation_text(signed) if described_key else reference.service_text(signed)
    assert sdk == reference.token([*sent.items(), ("sig", reference.sign(text, key.value))])


ALNUM = string.ascii_letters + string.digits
#: Kind of grant -> letter, life, cache control, disposition, forced type ("" = the rendition's own).
EXPECTED = {
    "create": ("c", timedelta(minutes=15), "", "", ""),
    "write": ("w", timedelta(minutes=15), "", "", ""),
    "create blocks": ("c", timedelta(minutes=15), "", "", ""),
    "original": (
        "r",
        timedelta(minutes=5),
        "private, no-store",
        'attachment; filename="{}"',
        "application/octet-stream",
    ),
    "rendition": ("r", timedelta(hours=2), "private, max-age=3600, immutable", 'inline; filename="{}"', ""),
    "uncached": ("r", timedelta(minutes=10), "private, no-store", 'inline; filename="{}"', ""),
}


def _name(kind: str, upload: str, media_type: str) -> str:
    if kind in ("rendition", "uncached"):
        return names.rendition(upload, Rendition.FULL, media_type).name
    return names.original(upload).name if kind == "original" else IntakeBlob(upload).name


def _minted(kind: str, key: Key, base: str, now: datetime, upload: str, filename: str, media_type: str) -> Grant:
    blob = IntakeBlob(upload)
    if kind == "create":
        return mint_create(key, base, blob, now=now)
    if kind in ("write", "create blocks"):
        return mint_blocks(key, base, blob, now=now, create_is_enough=kind == "create blocks")
    if kind == "original":
        return mint_original(key, base, names.original(upload), filename=filename, now=now)
    full, cache = names.rendition(upload, Rendition.FULL, media_type), kind == "rendition"
    return mint_rendition(key, base, full, filename=filename, media_type=media_type, now=now, cache=cache)
