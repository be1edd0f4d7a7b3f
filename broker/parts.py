"""Assembly: from a Config to the parts that web, worker and command line work with. One place builds them all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from .access.accounts import Access
from .access.provider import Provider
from .access.rates import Rates
from .audit import Trail
from .catalog import Catalog
from .config import Config
from .declaration import Limits
from .gallery import Gallery
from .ids import new_id
from .names import VaultBlob
from .patients import Patients
from .quarantine import Quarantine
from .reading import Reading
from .records import Records
from .sas.keys import KeySource, key_source
from .sas.probe import create_blocks
from .sas.signer import Signer
from .storage.azure import AzureStore
from .storage.containers import Intake, Kept, Vault
from .unsettled import Unsettled
from .uploads import Uploads

#: The path to which the clinic's sign-in provider sends browsers back.
PROVIDER_RETURN = "/sign-in/provider/return"


class Store(Protocol):
    """The storage account: two containers, and whether it answers."""

    @property
    def intake(self) -> Intake: ...
    @property
    def vault(self) -> Vault: ...

    def kept(self, blob: VaultBlob) -> Kept:
        """Say what a deletion leaves behind in this account. Raises StorageUnavailable."""

    def ready(self) -> None:
        """Return if both containers answer. Raises StorageUnavailable."""

    def server_time(self) -> datetime:
        """The store's clock. Raises StorageUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that is built once per process."""

    config: Config
    catalog: Catalog
    store: Store
    signer: Signer
    access: Access
    rates: Rates
    uploads: Uploads
    unsettled: Unsettled
    patients: Patients
    gallery: Gallery
    reading: Reading
    records: Records
    trail: Trail
    quarantine: Quarantine
    clock: Callable[[], datetime]


def assemble(
    config: Config,
    *,
    store: Store | None = None,
    keys: KeySource | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Parts:
    """Build the parts; nothing is contacted yet. A test may hand in its own store, keys and clock.

    Raises:
        CatalogRefused: SQLite was asked to live on a network share.
        ConfigError: the account key is none.
    """
    catalog = Catalog(config.database_url)
    store = store or AzureStore(config)
    signer = Signer(
        keys=keys or key_source(config),
        base_url=config.blob_public_url,
        rendition_cache=config.rendition_cache,
        create_blocks=create_blocks(config.blob_url),
    )
    gallery = Gallery(catalog=catalog, signer=signer)
    limits = Limits(file_bytes=config.max_upload_bytes, pending_keep=config.pending_keep)
    return Parts(
        config=config,
        catalog=catalog,
        store=store,
        signer=signer,
        access=Access(
            catalog=catalog,
            idle=config.idle,
            new_id=new_id,
            demo=config.demo,
            provider=Provider(config.oidc, config.public_url + PROVIDER_RETURN) if config.oidc else None,
        ),
        rates=Rates(config.requests_per_minute),
        uploads=Uploads(
            catalog=catalog,
            intake=store.intake,
            signer=signer,
            limits=limits,
            new_id=new_id,
            zone=config.time_zone,
        ),
        unsettled=Unsettled(catalog),
        patients=Patients(catalog=catalog, issuer=config.mrn_issuer, new_id=new_id),
        gallery=gallery,
        reading=Reading(catalog=catalog, gallery=gallery),
        records=Records(catalog=catalog, zone=config.time_zone),
        trail=Trail(catalog),
        quarantine=Quarantine(catalog),
        clock=clock or (lambda: datetime.now(UTC)),
    )
