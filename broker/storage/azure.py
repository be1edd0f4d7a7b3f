"""The storage account: both containers over one client, and whether it is there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from ..config import SERVICE_VERSION, Config
from ..names import INTAKE, VAULT, VaultBlob
from . import setup
from .client import Client
from .containers import Intake, Kept, Vault
from .faults import translated
from .intake import AzureIntake
from .vault import AzureVault


class AzureStore:
    """Azure Blob Storage, or its emulator. Safe for many threads, and to be built before a fork."""

    intake: Intake
    vault: Vault

    def __init__(self, config: Config) -> None:
        self._client = Client(config)
        self.intake = AzureIntake(self._client)
        self.vault = AzureVault(self._client)

    def ready(self) -> None:
        """Return if both containers answer. Tries once, so that the caller soon knows.

        Raises:
            StorageUnavailable: they do not.
        """
        for name in (INTAKE, VAULT):
            self._look(name)

    def ensure(self, origins: Sequence[str]) -> None:
        """Make the containers and the CORS rule for pages at ``origins``; see ``setup.ensure``."""
        setup.ensure(self._client.service, self._client.account, origins)

    def server_time(self) -> datetime:
        """The store's clock, to the second: grants live and die by it. Raises StorageUnavailable."""
        return self._look(INTAKE)

    def kept(self, blob: VaultBlob) -> Kept:
        """Say what a deletion leaves behind in this account, by a ``blob`` that is there. Raises StorageUnavailable."""
        with translated():
            versions = bool(self._client.service.get_blob_client(VAULT, blob.name).get_blob_properties().version_id)
            try:
                policy = self._client.service.get_service_properties()["delete_retention_policy"]
            except HttpResponseError as error:
                if error.status_code not in (401, 403):
                    raise
                return Kept(versions, None)
        return Kept(versions, (policy.days or 0) if policy.enabled else 0)

    def tried(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> int:
        """Send one signed request, once, and give the answer's status; for whoever tries its rights."""
        service: Any = self._client.service
        known = {"x-ms-version": SERVICE_VERSION, "Content-Length": str(len(body))} | dict(headers)
        request = HttpRequest(method, service.url.rstrip("/") + path, headers=known, content=body or None)
        with translated():
            return int(service._pipeline.run(request, retry_total=0).http_response.status_code)

    def close(self) -> None:
        """Close this process's connections."""
        self._client.close()

    def _look(self, container: str) -> datetime:
        """Ask for a container's properties and give the answer's date."""
        answers: list[Any] = []
        with translated():
            self._client.service.get_container_client(container).get_container_properties(
                raw_response_hook=answers.append, retry_total=0
            )
        return parsedate_to_datetime(answers[-1].http_response.headers["Date"])
