"""Where signing keys come from: the account's own, or user delegation keys fetched through azure-identity.

Only this module of ``sas`` knows azure, and it loads it late: importing the SDK takes half a second.
"""

from __future__ import annotations

import binascii
import logging
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from ..config import SERVICE_VERSION, Config, ConfigError
from ..errors import StorageUnavailable
from .grants import LONGEST_LIFE, AccountKey, DelegationKey, Key

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobServiceClient

_log = logging.getLogger(__name__)

#: A delegation key belongs to a window of the clock, so that replicas and pages agree on it without talking.
WINDOW = timedelta(hours=12)
_BACKDATE = timedelta(minutes=15)
_KEEP = timedelta(hours=24)
#: From here on in a window the next one's key is fetched.
_RENEW_AFTER = timedelta(hours=10)
_RETRY_SECONDS = 30.0

Fetch = Callable[[datetime, datetime], DelegationKey]


class KeySource(Protocol):
    """Gives the key to sign with."""

    def key_for(self, t: datetime) -> Key:
        """Give the key for grants minted at ``t`` (UTC). Raises StorageUnavailable if there is none."""
        ...


def key_source(config: Config) -> KeySource:
    """Choose by the settings: the account key if one is set, else delegation keys. Nothing is fetched yet.

    Raises:
        ConfigError: the account key is not base64, or delegation keys would be asked for over http.
    """
    if config.account_key is None:
        if not config.blob_url.startswith("https://"):
            raise ConfigError(["AZURE_STORAGE_ACCOUNT_URL: signing in to the store needs https"])
        return DelegationKeys(AzureFetch(config.account, config.blob_url))
    try:
        return FixedKey(AccountKey(config.account, b64decode(config.account_key, validate=True)))
    except binascii.Error:
        # The cause would be shown with the key in it.
        raise ConfigError(["AZURE_STORAGE_CONNECTION_STRING: its AccountKey is not base64"]) from None


class FixedKey:
    """One key, always."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def key_for(self, t: datetime) -> Key:
        """Give the key, whatever ``t`` is."""
        return self._key


class DelegationKeys:
    """Delegation keys, one a window, cached, fetched ahead; safe to share between threads.

    The window is floor(``t``, 12 h); its key is valid from 15 minutes before until 24 h after the window's start. The
    next window's key is fetched in the background; while that fails, the one in hand serves as long as it outlives
    every grant. After a failure the store is left alone for 30 s.
    """

    def __init__(
        self,
        fetch: Fetch,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._background = background or _in_thread
        self._keys: dict[datetime, DelegationKey] = {}  # replaced, never changed: readers need no lock
        self._fetching = threading.Lock()
        self._ahead = threading.Lock()
        self._retry_at = 0.0

    def key_for(self, t: datetime) -> DelegationKey:
        """Give the key of ``t``'s window. Raises StorageUnavailable if none can be had and none in hand will do."""
        window = t.replace(hour=t.hour // 12 * 12, minute=0, second=0, microsecond=0)
        key = self._keys.get(window)
        if key is None:
            return self._fetched(window, t)
        if t - window >= _RENEW_AFTER and window + WINDOW not in self._keys:
            self._renew(window + WINDOW)
        return key

    def _fetched(self, window: datetime, t: datetime) -> DelegationKey:
        spare = self._keys.get(window - WINDOW)
        if spare is not None and spare.expiry < f"{(t + LONGEST_LIFE):%Y-%m-%dT%H:%M:%SZ}":
            spare = None
        # Whoever holds a spare does not queue behind a fetch that may be waiting for its timeout.
        if not self._fetching.acquire(blocking=spare is None) and spare is not None:
            return spare
        try:
            return self._keys.get(window) or self._fetch_window(window)
        except StorageUnavailable:
            if spare is None:
                raise
            return spare
        finally:
            self._fetching.release()

    def _renew(self, window: datetime) -> None:
        if self._monotonic() >= self._retry_at and self._ahead.acquire(blocking=False):
            self._background(lambda: self._renew_now(window))

    def _renew_now(self, window: datetime) -> None:
        try:
            with self._fetching:
                if window not in self._keys:
                    self._fetch_window(window)
        except StorageUnavailable:
            pass  # said in the log already, and the key in hand serves on
        finally:
            self._ahead.release()

    def _fetch_window(self, window: datetime) -> DelegationKey:
        if self._monotonic() < self._retry_at:
            raise StorageUnavailable("no signing key could be had just now")
        try:
            key = self._fetch(window - _BACKDATE, window + _KEEP)
        except StorageUnavailable as error:
            self._retry_at = self._monotonic() + _RETRY_SECONDS
            _log.warning("no delegation key for the window of %s: %s", window.isoformat(), error.detail)
            raise
        known = {**self._keys, window: key}
        self._keys = {start: known[start] for start in known if start >= window - WINDOW}
        return key


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="delegation-key", daemon=True).start()


class AzureFetch:
    """Fetch delegation keys from the store at ``url``, signed in through azure-identity unless given a credential.

    ``options`` go to the SDK's client. Client and credential are made on first use, so after a fork; the caller
    lets one thread in at a time.
    """

    def __init__(self, account: str, url: str, credential: TokenCredential | None = None, **options: Any) -> None:
        self._account = account
        self._url = url
        self._credential = credential
        self._options = options
        self._client: BlobServiceClient | None = None

    def __call__(self, start: datetime, expiry: datetime) -> DelegationKey:
        """Fetch one key that is valid from ``start`` to ``expiry``, at most 7 days. Raises StorageUnavailable."""
        from azure.core.exceptions import AzureError

        try:
            key = self._service().get_user_delegation_key(start, expiry)
        except (AzureError, ValueError) as error:  # the latter from a client or credential that cannot be made
            # Only its kind: an answer's text may quote what was signed in with.
            raise StorageUnavailable(f"no delegation key: {type(error).__name__}") from None
        return DelegationKey(
            account=self._account,
            object_id=str(key.signed_oid),
            tenant_id=str(key.signed_tid),
            start=str(key.signed_start),
            expiry=str(key.signed_expiry),
            service=str(key.signed_service),
            version=str(key.signed_version),
            value=b64decode(str(key.value)),
        )

    def _service(self) -> BlobServiceClient:
        if self._client is None:
            from azure.identity import DefaultAzureCredential
            from azure.storage.blob import BlobServiceClient, LinearRetry

            self._client = BlobServiceClient(
                self._url,
                credential=self._credential or DefaultAzureCredential(),
                api_version=SERVICE_VERSION,
                # The SDK's own first wait is 15 s, too long for whoever waits for a link.
                retry_policy=LinearRetry(backoff=1, retry_total=2, random_jitter_range=0),
                connection_timeout=3,
                read_timeout=10,
                **self._options,
            )
        return self._client
