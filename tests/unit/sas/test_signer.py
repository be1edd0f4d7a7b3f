"""The signer: the policy in one place, and the one measurement it makes."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from broker import names
from broker.errors import StorageUnavailable
from broker.names import IntakeBlob, Rendition
from broker.sas.grants import AccountKey, Grant, Key
from broker.sas.keys import FixedKey
from broker.sas.signer import Signer

NOW = datetime(2026, 11, 30, 7, 41, tzinfo=UTC)
UPLOAD = "0193782b-3d40-7abc-8def-0123456789ab"
BLOB = IntakeBlob(UPLOAD)
THUMBNAIL = names.rendition(UPLOAD, Rendition.THUMBNAIL, "image/webp")
KEY = AccountKey("clinic", b"secret")
BASE = "https://clinic.blob.core.windows.net"


def signer(*, cache: bool = True, create_blocks: bool = False) -> Signer:
    return Signer(keys=FixedKey(KEY), base_url=BASE, rendition_cache=cache, create_blocks=lambda _: create_blocks)


def letter(grant: Grant) -> str:
    return parse_qs(urlsplit(grant.url).query)["sp"][0]


def test_each_method_grants_its_own_right() -> None:
    assert letter(signer().create(BLOB, NOW)) == "c"
    assert letter(signer().original(names.original(UPLOAD), "OD_oct_6789ab.dcm", NOW)) == "r"
    assert letter(signer().rendition(THUMBNAIL, "OD_oct_6789ab.webp", "image/webp", NOW)) == "r"


@pytest.mark.parametrize(("measured", "right"), [(True, "c"), (False, "w")])
def test_blocks_are_granted_by_create_where_the_store_takes_it(measured: bool, right: str) -> None:
    assert letter(signer(create_blocks=measured).blocks(BLOB, NOW)) == right


def test_rendition_links_follow_the_cache_setting() -> None:
    kept = signer().rendition(THUMBNAIL, "a.webp", "image/webp", NOW)
    assert kept.expires_at == datetime(2026, 11, 30, 9, tzinfo=UTC)
    assert signer(cache=False).rendition(THUMBNAIL, "a.webp", "image/webp", NOW).expires_at == NOW + timedelta(
        minutes=10
    )


def test_an_address_that_would_carry_grants_in_clear_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="http"):
        Signer(keys=FixedKey(KEY), base_url="http://clinic.example", rendition_cache=True, create_blocks=lambda _: True)


def test_the_store_is_measured_once_for_all_threads_and_not_before_it_matters() -> None:
    asked: list[Signer] = []
    all_there = threading.Barrier(8)

    def measure(asking: Signer) -> bool:
        asked.append(asking)
        time.sleep(0.05)  # long enough for the other threads to arrive
        return letter(asking.create(BLOB, NOW)) == "c"

    one = Signer(keys=FixedKey(KEY), base_url=BASE, rendition_cache=True, create_blocks=measure)
    one.create(BLOB, NOW)
    assert asked == []

    def ask() -> None:
        all_there.wait(10)
        one.blocks(BLOB, NOW)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert asked == [one]


def test_a_measurement_that_failed_is_made_again() -> None:
    answers: list[bool | None] = [None, False]

    def measure(_: Signer) -> bool:
        answer = answers.pop(0)
        if answer is None:
            raise StorageUnavailable("no answer")
        return answer

    one = Signer(keys=FixedKey(KEY), base_url=BASE, rendition_cache=True, create_blocks=measure)
    with pytest.raises(StorageUnavailable):
        one.blocks(BLOB, NOW)
    assert letter(one.blocks(BLOB, NOW)) == "w"
    assert answers == []


def test_the_key_is_chosen_by_the_time_of_the_grant() -> None:
    asked: list[datetime] = []

    class Keys:
        def key_for(self, t: datetime) -> Key:
            asked.append(t)
            return KEY

    Signer(keys=Keys(), base_url=BASE, rendition_cache=True, create_blocks=lambda _: True).create(BLOB, NOW)
    assert asked == [NOW]
