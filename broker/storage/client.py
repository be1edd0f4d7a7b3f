"""The Azure client of one process, built when it is first needed."""

from __future__ import annotations

import os
from threading import Lock

import requests
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, LinearRetry
from requests.adapters import HTTPAdapter

from ..config import SERVICE_VERSION, Config

MIB = 1 << 20
#: The largest piece that reading holds in memory.
PIECE = 4 * MIB
#: For a call that waits for many bytes: seconds without one.
READING = {"read_timeout": 60}
#: For a call with a large body. On a fresh connection the connect timeout is the socket's timeout until the whole body
#: is sent (urllib3 changes it only then), and 3 s are too short for 64 MiB over a clinic's line.
SENDING = {"connection_timeout": 60, "read_timeout": 60}
_CONNECTIONS = 64


class Client:
    """Gives the account's BlobServiceClient; every process that asks gets its own, also after a fork."""

    def __init__(self, config: Config) -> None:
        self.url = config.blob_url
        self.account = config.account
        self._key = config.account_key
        self._lock = Lock()
        self._owner: int | None = None
        self._service: BlobServiceClient | None = None

    @property
    def service(self) -> BlobServiceClient:
        """The client, with its pool of connections."""
        with self._lock:
            # Sockets and TLS states must not be shared by forked processes: the parent's client is left alone.
            if self._service is None or self._owner != os.getpid():
                self._service, self._owner = self._build(), os.getpid()
            return self._service

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        with self._lock:
            if self._service is not None and self._owner == os.getpid():
                self._service.close()
            self._service = None

    def _build(self) -> BlobServiceClient:
        return BlobServiceClient(
            self.url,
            self._credential(),
            api_version=SERVICE_VERSION,
            transport=RequestsTransport(session=_session()),
            # The SDK's own first wait is 15 s. Its annotations say int; it draws from uniform().
            retry_policy=LinearRetry(backoff=0.2, retry_total=2, random_jitter_range=0.1),  # type: ignore[arg-type]
            max_single_get_size=PIECE,
            max_chunk_get_size=PIECE,
            connection_timeout=3,
            read_timeout=10,
        )

    def _credential(self) -> AzureNamedKeyCredential | TokenCredential:
        if self._key is not None:
            return AzureNamedKeyCredential(self.account, self._key)
        # Takes 0.1 s to import and is not needed with a key.
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential()


def _session() -> requests.Session:
    """A session for many threads: with the usual 10 connections the 11th thread would open and throw away its own."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_connections=4, pool_maxsize=_CONNECTIONS))
    return session
