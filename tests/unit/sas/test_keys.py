"""Where keys come from: windows, cache, early renewal, and what happens while the store does not answer."""

from __future__ import annotations

import base64
import dataclasses
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import responses
from azure.core.credentials import AccessToken

from broker.config import SERVICE_VERSION, Config, ConfigError
from broker.errors import StorageUnavailable
from broker.names import IntakeBlob
from broker.sas.grants import AccountKey, DelegationKey, mint_create
from broker.sas.keys import AzureFetch, DelegationKeys, FixedKey, key_source

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Store:
    """Gives delegation keys as the store does, counts what it was asked, and can be down."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime]] = []
        self.down = False

    def __call__(self, start: datetime, expiry: datetime) -> DelegationKey:
        self.asked.append((start, expiry))
        if self.down:
            raise StorageUnavailable("down")
        form = "%Y-%m-%dT%H:%M:%SZ"
        return DelegationKey("a", "oid", "tid", start.strftime(form), expiry.strftime(form), "b", SERVICE_VERSION, b"v")


class Seconds:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def keys_of(store: Store, seconds: Seconds | None = None) -> DelegationKeys:
    return DelegationKeys(store, monotonic=seconds or Seconds(), background=lambda work: work())


@pytest.mark.parametrize("t", [NOON, NOON + timedelta(hours=11, minutes=59, seconds=59), NOON + 5 * HOUR])
def test_the_window_follows_from_the_time_of_the_grant_alone(t: datetime) -> None:
    store = Store()
    key = keys_of(store).key_for(t)
    assert store.asked[0] == (NOON - timedelta(minutes=15), NOON + timedelta(hours=24))
    assert (key.start, key.expiry) == ("2026-11-30T11:45:00Z", "2026-12-01T12:00:00Z")


def test_two_replicas_agree_whenever_they_started() -> None:
    assert keys_of(Store()).key_for(NOON + HOUR) == keys_of(Store()).key_for(NOON + 9 * HOUR)


def test_no_key_is_asked_for_longer_than_seven_days() -> None:
    store = Store()
    keys_of(store).key_for(NOON)
    assert all(expiry - start <= timedelta(days=7) for start, expiry in store.asked)


def test_a_window_is_fetched_once() -> None:
    store = Store()
    keys = keys_of(store)
    assert len({keys.key_for(NOON + minute * timedelta(minutes=1)) for minute in range(600)}) == 1
    assert len(store.asked) == 1


def test_the_next_windows_key_is_fetched_ahead_and_not_used_early() -> None:
    store = Store()
    keys = keys_of(store)
    first = keys.key_for(NOON)
    assert keys.key_for(NOON + 10 * HOUR) == first
    assert len(store.asked) == 2
    store.down = True
    assert keys.key_for(NOON + 11 * HOUR) == first
    assert keys.key_for(NOON + 12 * HOUR).start == "2026-11-30T23:45:00Z"
    # A page that began before the turn of the window still gets the window's own key.
    assert keys.key_for(NOON + 11 * HOUR) == first
    assert len(store.asked) == 2


def test_the_old_key_serves_while_renewal_fails_as_long_as_it_outlives_every_grant() -> None:
    store, seconds = Store(), Seconds()
    keys = keys_of(store, seconds)
    first = keys.key_for(NOON)
    store.down = True
    for hours in range(10, 23):
        seconds.now += 3600
        t = NOON + hours * HOUR
        assert keys.key_for(t) == first
        mint_create(first, "https://a.example", IntakeBlob("0193782b-3d40-7abc-8def-0123456789ab"), now=t)
    seconds.now += 3600
    with pytest.raises(StorageUnavailable):
        keys.key_for(NOON + timedelta(hours=22, seconds=1))
    store.down = False
    seconds.now += 3600
    assert keys.key_for(NOON + 23 * HOUR) != first


def test_after_a_failure_the_store_is_left_alone_for_half_a_minute() -> None:
    store, seconds = Store(), Seconds()
    keys = keys_of(store, seconds)
    store.down = True
    for _ in range(100):
        with pytest.raises(StorageUnavailable):
            keys.key_for(NOON)
    assert len(store.asked) == 1
    store.down = False
    seconds.now += 29
    with pytest.raises(StorageUnavailable):
        keys.key_for(NOON)
    seconds.now += 1
    assert keys.key_for(NOON).start == "2026-11-30T11:45:00Z"


def test_a_failed_renewal_is_logged_without_anything_secret(caplog: pytest.LogCaptureFixture) -> None:
    store = Store()
    store.down = True
    with pytest.raises(StorageUnavailable):
        keys_of(store).key_for(NOON)
    assert "2026-11-30T12:00:00" in caplog.text


def test_many_threads_cause_one_fetch_a_window() -> None:
    store = Store()
    slow = threading.Event()

    def fetch(start: datetime, expiry: datetime) -> DelegationKey:
        slow.wait(5)
        return store(start, expiry)

    keys = DelegationKeys(fetch)
    got: list[DelegationKey] = []
    threads = [threading.Thread(target=lambda: got.append(keys.key_for(NOON))) for _ in range(16)]
    for thread in threads:
        thread.start()
    slow.set()
    for thread in threads:
        thread.join(10)
    assert len(got) == 16
    assert len(set(got)) == 1
    assert len(store.asked) == 1


def test_nobody_waits_for_a_renewal_while_a_key_is_in_hand() -> None:
    store, renewing, release = Store(), threading.Event(), threading.Event()

    def fetch(start: datetime, expiry: datetime) -> DelegationKey:
        if store.asked:
            renewing.set()
            assert release.wait(10)
        return store(start, expiry)

    keys = DelegationKeys(fetch)
    first = keys.key_for(NOON)
    try:
        assert keys.key_for(NOON + 11 * HOUR) == first
        assert renewing.wait(10)
        # The renewal hangs. In its window and in the next, the key in hand is given at once.
        assert keys.key_for(NOON + 11 * HOUR) == first
        assert keys.key_for(NOON + 12 * HOUR) == first
    finally:
        release.set()
    deadline = threading.Event()
    for _ in range(200):
        if keys.key_for(NOON + 12 * HOUR) != first:
            break
        deadline.wait(0.02)
    assert keys.key_for(NOON + 12 * HOUR).start == "2026-11-30T23:45:00Z"
    assert len(store.asked) == 2


def test_a_renewal_that_breaks_does_not_stop_later_ones() -> None:
    store, seconds = Store(), Seconds()
    broken: list[bool] = []

    def fetch(start: datetime, expiry: datetime) -> DelegationKey:
        if store.asked and not broken:
            broken.append(True)
            raise RuntimeError("unforeseen")
        return store(start, expiry)

    def swallow(work: Callable[[], None]) -> None:
        with pytest.raises(RuntimeError) if not broken else _nothing():
            work()

    keys = DelegationKeys(fetch, monotonic=seconds, background=swallow)
    keys.key_for(NOON)
    keys.key_for(NOON + 10 * HOUR)
    keys.key_for(NOON + 11 * HOUR)
    assert [start for start, _ in store.asked] == [NOON - HOUR / 4, NOON + 12 * HOUR - HOUR / 4]


class _nothing:  # noqa: N801
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def config(account_key: str | None) -> Config:
    return Config(
        blob_url="https://clinic.blob.core.windows.net",
        account="clinic",
        account_key=account_key,
        public_url="https://images.example",
        blob_public_url="https://clinic.blob.core.windows.net",
        database_url="",
        data_dir=Path("/data"),
        work_dir=Path("/data/work"),
        time_zone=ZoneInfo("UTC"),
    )


def test_an_account_key_in_the_settings_is_used_for_every_time() -> None:
    source = key_source(config(base64.b64encode(b"secret").decode()))
    assert isinstance(source, FixedKey)
    assert source.key_for(NOON) == source.key_for(NOON + 100 * HOUR) == AccountKey("clinic", b"secret")


def test_without_an_account_key_delegation_keys_are_used_and_nothing_is_fetched_yet() -> None:
    with responses.RequestsMock() as rest:
        assert isinstance(key_source(config(None)), DelegationKeys)
        assert len(rest.calls) == 0


def test_an_account_key_that_is_not_base64_is_a_setting_fault_that_does_not_repeat_it() -> None:
    with pytest.raises(ConfigError) as caught:
        key_source(config("not*base64"))
    assert "AZURE_STORAGE_CONNECTION_STRING" in str(caught.value)
    assert "not*base64" not in str(caught.value)
    assert caught.value.__suppress_context__


class Credential:
    """A token credential without an identity service behind it."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken("token", 4102444800)


URL = "https://clinic.blob.core.windows.net"
ANSWER = """<?xml version="1.0" encoding="utf-8"?>
<UserDelegationKey><SignedOid>oid</SignedOid><SignedTid>tid</SignedTid>
<SignedStart>2026-11-30T11:45:00Z</SignedStart><SignedExpiry>2026-12-01T12:00:00Z</SignedExpiry>
<SignedService>b</SignedService><SignedVersion>2026-06-06</SignedVersion><Value>c2VjcmV0</Value></UserDelegationKey>"""


def test_a_delegation_key_is_fetched_by_the_pinned_version_for_the_window() -> None:
    with responses.RequestsMock() as rest:
        rest.post(f"{URL}/", body=ANSWER, content_type="application/xml")
        key = DelegationKeys(AzureFetch("clinic", URL, Credential())).key_for(NOON)
        sent = rest.calls[0].request
    assert key == DelegationKey(
        "clinic", "oid", "tid", "2026-11-30T11:45:00Z", "2026-12-01T12:00:00Z", "b", "2026-06-06", b"secret"
    )
    assert sent.headers["x-ms-version"] == SERVICE_VERSION
    assert sent.headers["Authorization"] == "Bearer token"
    assert "comp=userdelegationkey" in str(sent.url)
    body = sent.body.decode() if isinstance(sent.body, bytes) else str(sent.body)
    assert "<Start>2026-11-30T11:45:00Z</Start>" in body
    assert "<Expiry>2026-12-01T12:00:00Z</Expiry>" in body


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_by_the_store_is_storage_unavailable_and_quotes_nothing(status: int) -> None:
    with responses.RequestsMock() as rest:
        rest.post(f"{URL}/", status=status, body="<Error><Code>X</Code><Message>Bearer token</Message></Error>")
        with pytest.raises(StorageUnavailable) as caught:
            AzureFetch("clinic", URL, Credential())(NOON, NOON + HOUR)
    assert "Bearer" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_delegation_keys_over_http_are_a_setting_fault() -> None:
    with pytest.raises(ConfigError, match="https"):
        key_source(dataclasses.replace(config(None), blob_url="http://azurite:10000/clinic"))


def test_a_client_that_cannot_be_made_is_storage_unavailable() -> None:
    fetch = AzureFetch("clinic", "http://127.0.0.1:9/clinic", Credential())
    with pytest.raises(StorageUnavailable):
        fetch(NOON, NOON + HOUR)
