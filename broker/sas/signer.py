"""The signer as the use cases hold it: it knows the key, the address and the policy; they bring blob and time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from ..names import IntakeBlob, VaultBlob
from .grants import Grant, check_address, mint_blocks, mint_create, mint_original, mint_rendition
from .keys import KeySource


class Signer:
    """Mints every grant of the service.

    ``base_url`` is the account's address as browsers reach it. ``rendition_cache`` says whether browsers may keep
    renditions for an hour. ``create_blocks`` measures whether the store takes CREATE for blocks; it is called once,
    when the first block plan is granted, and again only if it raised.

    Every method raises StorageUnavailable when there is no key to sign with. ``now`` is in UTC.
    """

    def __init__(
        self,
        *,
        keys: KeySource,
        base_url: str,
        rendition_cache: bool,
        create_blocks: Callable[[Signer], bool],
    ) -> None:
        check_address(base_url)
        self._keys = keys
        self._base_url = base_url
        self._rendition_cache = rendition_cache
        self._create_blocks = create_blocks
        self._measured: bool | None = None
        self._measuring = threading.Lock()

    def create(self, blob: IntakeBlob, now: datetime) -> Grant:
        """Grant one PUT of a whole file under a free name, for 15 minutes."""
        return mint_create(self._keys.key_for(now), self._base_url, blob, now=now)

    def blocks(self, blob: IntakeBlob, now: datetime) -> Grant:
        """Grant the PUTs of one file's blocks, for 15 minutes."""
        enough = self._create_is_enough()
        return mint_blocks(self._keys.key_for(now), self._base_url, blob, now=now, create_is_enough=enough)

    def original(self, blob: VaultBlob, filename: str, now: datetime) -> Grant:
        """Grant reading an original as an attachment, for 5 minutes."""
        return mint_original(self._keys.key_for(now), self._base_url, blob, filename=filename, now=now)

    def rendition(self, blob: VaultBlob, filename: str, media_type: str, now: datetime) -> Grant:
        """Grant reading a rendition: the same URL all hour, or for 10 minutes where nothing may be kept."""
        key, cache = self._keys.key_for(now), self._rendition_cache
        return mint_rendition(key, self._base_url, blob, filename=filename, media_type=media_type, now=now, cache=cache)

    def _create_is_enough(self) -> bool:
        if self._measured is None:
            with self._measuring:
                if self._measured is None:
                    self._measured = self._create_blocks(self)
        return self._measured
