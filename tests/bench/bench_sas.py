"""How long one read grant takes, ours beside the SDK's, in one run: ``python -m tests.bench.bench_sas``.

Rounds alternate between the two, so that a busy machine slows both; the figure is the median of the rounds' ratios.
Exits with 1 if ours takes more than a quarter of the SDK's time, for either kind of key.
"""

from __future__ import annotations

import base64
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from azure.storage.blob import UserDelegationKey, generate_blob_sas

from broker import names
from broker.ids import new_id
from broker.names import Rendition, VaultBlob
from broker.sas.grants import AccountKey, DelegationKey, Key
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer

LIMIT = 0.25
ROUNDS = 31
#: Links a page asks for at once; every page brings its own time and its own pictures.
PAGE = 100
PAGES = 10
SECRET = b"k" * 64
START = datetime(2026, 11, 30, 7, tzinfo=UTC)
ABOUT = ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
WINDOW = ("2026-11-29T23:45:00Z", "2026-12-01T00:00:00Z")

Page = tuple[datetime, list[tuple[VaultBlob, str]]]


def main() -> int:
    """Measure, print a table, and give the exit code."""
    pages = [_page(START + timedelta(seconds=7 * number)) for number in range(PAGES)]
    account = AccountKey("clinic", SECRET)
    delegation = DelegationKey("clinic", *ABOUT, *WINDOW, "b", "2026-06-06", SECRET)
    print(f"{'read grants of renditions':28}{'ours us':>9}{'SDK us':>9}{'ours/s':>10}{'SDK/s':>9}{'ratio':>8}")
    ratios = [
        _row("account key", _ours(account), _sdk(account_key=base64.b64encode(SECRET).decode()), pages),
        _row("user delegation key", _ours(delegation), _sdk(user_delegation_key=_sdk_key()), pages),
    ]
    good = max(ratios) <= LIMIT
    print(f"limit {LIMIT}: {'held' if good else 'EXCEEDED'}")
    return 0 if good else 1


def _row(label: str, ours: Callable[[Page], None], sdk: Callable[[Page], None], pages: list[Page]) -> float:
    _time(ours, pages)
    _time(sdk, pages)
    pairs = [(_time(ours, pages), _time(sdk, pages)) for _ in range(ROUNDS)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{label:28}{mine * 1e6:9.2f}{theirs * 1e6:9.2f}{1 / mine:10.0f}{1 / theirs:9.0f}{ratio:8.3f}")
    return ratio


def _time(sign: Callable[[Page], None], pages: list[Page]) -> float:
    """Seconds a grant."""
    began = time.perf_counter()
    for page in pages:
        sign(page)
    return (time.perf_counter() - began) / (PAGE * PAGES)


def _ours(key: Key) -> Callable[[Page], None]:
    signer = Signer(
        keys=FixedKey(key),
        base_url="https://clinic.blob.core.windows.net",
        rendition_cache=True,
        create_blocks=lambda _: False,
    )

    def sign(page: Page) -> None:
        now, pictures = page
        for blob, filename in pictures:
            signer.rendition(blob, filename, "image/webp", now)

    return sign


def _sdk(
    *, account_key: str | None = None, user_delegation_key: UserDelegationKey | None = None
) -> Callable[[Page], None]:
    def sign(page: Page) -> None:
        now, pictures = page
        expiry = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
        for blob, filename in pictures:
            token = generate_blob_sas(
                "clinic",
                names.VAULT,
                blob.name,
                account_key=account_key,
                user_delegation_key=user_delegation_key,
                permission="r",
                expiry=expiry,
                protocol="https",
                cache_control="private, max-age=3600, immutable",
                content_disposition=f'inline; filename="{filename}"',
                content_type="image/webp",
            )
            f"https://clinic.blob.core.windows.net/{names.VAULT}/{blob.name}?{token}"

    return sign


def _sdk_key() -> UserDelegationKey:
    key = UserDelegationKey()  # type: ignore[no-untyped-call]
    key.signed_oid, key.signed_tid = ABOUT
    key.signed_start, key.signed_expiry = WINDOW
    key.signed_service, key.signed_version = "b", "2026-06-06"
    key.signed_delegated_user_tid = None
    key.value = base64.b64encode(SECRET).decode()
    return key


def _page(now: datetime) -> Page:
    scans = [new_id(now) for _ in range(PAGE)]
    return now, [
        (names.rendition(scan, Rendition.THUMBNAIL, "image/webp"), f"OD_color_fundus_{scan[-6:]}.webp")
        for scan in scans
    ]


if __name__ == "__main__":
    sys.exit(main())
