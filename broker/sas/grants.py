"""Minting: a key, an address, a blob and a time in, a frozen grant out. No clock, no network, no SDK.

What cannot be said here cannot be granted. Nobody passes a permission, a container or a lifetime: each function
stands for one kind of grant, write grants take an intake blob and read grants a vault blob. Every grant is for one
blob (``sr=b``), has no start time (clocks differ), and off loopback works over https only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from ..config import SERVICE_VERSION, is_loopback
from ..names import ENDINGS, INTAKE, VAULT, IntakeBlob, VaultBlob
from .string_to_sign import delegation_text, service_text

WRITE_LIFE = timedelta(minutes=15)
ORIGINAL_LIFE = timedelta(minutes=5)
#: From the start of the hour, so a link is good for one to two hours.
RENDITION_LIFE = timedelta(hours=2)
UNCACHED_LIFE = timedelta(minutes=10)
#: No grant lives longer than this.
LONGEST_LIFE = RENDITION_LIFE


class Permission(Enum):
    """What a grant can allow; list, delete and tags do not exist."""

    CREATE = "c"
    WRITE = "w"
    READ = "r"


_CREATE_HEADERS = {"x-ms-blob-type": "BlockBlob", "If-None-Match": "*"}

_CREATE, _WRITE, _READ = (permission.value for permission in Permission)


@dataclass(frozen=True, slots=True)
class AccountKey:
    """The storage account's own key, decoded."""

    account: str
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_printable(self.account)


@dataclass(frozen=True, slots=True)
class DelegationKey:
    """A user delegation key as the store gave it; ``start`` and ``expiry`` are YYYY-MM-DDTHH:MM:SSZ, as signed."""

    account: str
    object_id: str
    tenant_id: str
    start: str
    expiry: str
    service: str
    version: str
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_printable(
            self.account, self.object_id, self.tenant_id, self.start, self.expiry, self.service, self.version
        )


def _check_printable(*values: str) -> None:
    # A control character could end a line of the signed text early, or fill one of the gaps of a form.
    if not all(value.isprintable() for value in values):
        raise ValueError("what describes a key holds a control character")


Key = AccountKey | DelegationKey


@dataclass(frozen=True, slots=True)
class Grant:
    """What the browser is handed. ``url`` is a key in itself: it stays out of the repr, logs and the catalog."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str]
    expires_at: datetime

    @property
    def signature_hash(self) -> str:
        """SHA-256, in hex, of the signature (its base64 text): what an audit row keeps to recognise the grant."""
        return hashlib.sha256(unquote(self.url.rpartition("sig=")[2]).encode()).hexdigest()


def mint_create(key: Key, base_url: str, blob: IntakeBlob, *, now: datetime) -> Grant:
    """Grant one PUT of a whole file under a name that is still free; once it is stored, the store refuses another.

    Of PUTs that overlap in time several may succeed (the emulator checks first and writes later) unless they carry the
    grant's ``If-None-Match: *``. A holder could leave it out: only bytes read under a known ETag are promoted.
    ``base_url`` is the account's address as browsers reach it; ``now`` is in UTC.

    Raises:
        ValueError: ``base_url`` is http beyond this machine, ``now`` is not in UTC, or ``key`` ends before the grant.
    """
    form = _form(key, base_url, INTAKE, _CREATE, _utc(now) + WRITE_LIFE)
    return _mint(form, blob.name, headers=dict(_CREATE_HEADERS))


def mint_blocks(key: Key, base_url: str, blob: IntakeBlob, *, now: datetime, create_is_enough: bool) -> Grant:
    """Grant the PUTs of one file's blocks; WRITE, which can overwrite, only where the store refuses CREATE for blocks.

    Raises as ``mint_create`` does.
    """
    permission = _CREATE if create_is_enough else _WRITE
    return _mint(_form(key, base_url, INTAKE, permission, _utc(now) + WRITE_LIFE), blob.name)


def mint_original(key: Key, base_url: str, blob: VaultBlob, *, filename: str, now: datetime) -> Grant:
    """Grant reading an original, which the browser saves and never shows: stored script stays asleep.

    Raises:
        ValueError: as ``mint_create``; also if ``blob`` is no original, or ``filename`` is not made of letters,
            digits, dot, dash and underscore.
    """
    if not blob.name.endswith("/original"):
        raise ValueError("this vault blob is not an original")
    answer = ("private, no-store", "attachment", "application/octet-stream")
    form = _form(key, base_url, VAULT, _READ, _utc(now) + ORIGINAL_LIFE, answer)
    return _mint(form, blob.name, filename)


def mint_rendition(
    key: Key, base_url: str, blob: VaultBlob, *, filename: str, media_type: str, now: datetime, cache: bool
) -> Grant:
    """Grant reading one rendition; with ``cache`` the URL is the same all hour, so that browsers can keep the picture.

    Raises:
        ValueError: as ``mint_original``; also if ``blob`` is no rendition of that ``media_type``.
    """
    # Of all vault names only a rendition's ends like this, so records, manifests and audit cannot be granted.
    if media_type not in ENDINGS or not blob.name.endswith("." + ENDINGS[media_type]):
        raise ValueError("this vault blob is no rendition of that media type")
    expires_at = _hour(_utc(now)) + RENDITION_LIFE if cache else _utc(now) + UNCACHED_LIFE
    answer = ("private, max-age=3600, immutable" if cache else "private, no-store", "inline", media_type)
    return _mint(_form(key, base_url, VAULT, _READ, expires_at, answer), blob.name, filename)


def check_address(base_url: str) -> None:
    """Raise ValueError unless grants may be minted for ``base_url``: https, or http on this machine, and no query."""
    _protocol(base_url)


class _Form(NamedTuple):
    """Grants that differ in nothing but the blob's name and the file name, with a gap for each.

    Pages sign a hundred links at a time, and batches a hundred uploads; nearly all of the work is the same for all.
    ``text`` is what is signed, ``url`` what is sent, each the parts before, between and after the gaps.
    """

    signing: hmac.HMAC
    method: str
    expires_at: datetime
    text: tuple[str, str, str]
    url: tuple[str, str, str]


def _mint(form: _Form, name: str, filename: str | None = None, headers: Mapping[str, str] | None = None) -> Grant:
    # Neither gap needs encoding or can break a line: names are made of ids, file names of this alphabet.
    if filename is not None and not _FILENAME.fullmatch(filename):
        raise ValueError("a file name here is letters, digits, dot, dash and underscore, at most 128 of them")
    signing, method, expires_at, (before, between, after), (start, middle, end) = form
    text = f"{before}{name}{between}{filename}{after}" if filename else f"{before}{name}{between}"
    mac = signing.copy()
    mac.update(text.encode())
    sig = b2a_base64(mac.digest(), newline=False).decode().replace("+", "%2B").replace("=", "%3D")
    token = f"{middle}{filename}{end}&sig={sig}" if filename else f"{middle}&sig={sig}"
    return Grant(method, f"{start}{name}{token}", headers or {}, expires_at)


_FILENAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
#: Stand in the gaps while a form is made; control characters, which no other value can hold.
_NAME, _FILE = "\x01", "\x02"


@lru_cache(maxsize=64)
def _form(
    key: Key,
    base_url: str,
    container: str,
    permission: str,
    expires_at: datetime,
    answer: tuple[str, str, str] | None = None,
) -> _Form:
    query = {"se": expires_at.isoformat()[:19] + "Z", "sp": permission}
    query |= {**_protocol(base_url), "sv": SERVICE_VERSION, "sr": "b"}
    if answer:
        control, kind, media_type = answer
        query |= {"rscc": control, "rscd": f'{kind}; filename="{_FILE}"', "rsct": media_type}
    canon = f"/blob/{key.account}/{container}/{_NAME}"
    if isinstance(key, DelegationKey):
        if query["se"] > key.expiry:
            raise ValueError("the grant would outlive its delegation key")
        values = (key.object_id, key.tenant_id, key.start, key.expiry, key.service, key.version)
        query |= zip(("skoid", "sktid", "skt", "ske", "sks", "skv"), values, strict=True)
        text = delegation_text({"canon": canon, **query})
    else:
        text = service_text({"canon": canon, **query})
    token = "&".join(f"{name}={quote(value, safe='/' + _FILE)}" for name, value in query.items())
    return _Form(
        hmac.new(key.value, digestmod="sha256"),
        "GET" if permission == _READ else "PUT",
        expires_at.replace(microsecond=0),
        _gaps(text),
        _gaps(f"{base_url.rstrip('/')}/{container}/{_NAME}?{token}"),
    )


def _utc(time: datetime) -> datetime:
    # Said before anything is looked up: to a cache, the same moment in another zone is the same key.
    if time.utcoffset() != _NO_OFFSET:
        raise ValueError("times are in UTC")
    return time


_NO_OFFSET = timedelta(0)


@lru_cache(maxsize=8)
def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _gaps(text: str) -> tuple[str, str, str]:
    before, _, rest = text.partition(_NAME)
    between, _, after = rest.partition(_FILE)
    return before, between, after


def _protocol(base_url: str) -> dict[str, str]:
    parts = urlsplit(base_url)
    if not _BASE.fullmatch(base_url) or not parts.hostname:
        raise ValueError("the store's address is http(s)://host[:port][/account] without a query")
    if parts.scheme == "https":
        return {"spr": "https"}
    if not is_loopback(parts.hostname):
        raise ValueError("http towards the store is for this very machine only")
    return {}


_BASE = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?")
