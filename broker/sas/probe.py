"""One question to the store that no documentation settles: does CREATE suffice to send blocks?

Azure says yes from service version 2026-04-06, in words about user delegation SAS only; the emulator says no.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from ..errors import StorageUnavailable
from ..ids import new_id
from ..names import INTAKE, IntakeBlob
from .signer import Signer

_SECONDS = 10.0
#: Answers that settle it: the permission is too little, or the grant is for https and this way to the store is not
#: (then the store is an emulator).
_NO = frozenset({"AuthorizationPermissionMismatch", "AuthorizationProtocolMismatch"})


def create_blocks(blob_url: str) -> Callable[[Signer], bool]:
    """Make the measurement for a ``Signer``; ``blob_url`` is the store's address as this process reaches it.

    It sends one block of one byte to a name that no upload has and never commits it: invisible, and gone after a week.
    The measurement raises StorageUnavailable unless the store said a clear yes or no.
    """

    def measure(signer: Signer) -> bool:
        now = datetime.now(UTC)
        # The signature covers the path below the account, not the host, so it holds on this address as well.
        _, _, tail = signer.create(IntakeBlob(new_id(now)), now).url.rpartition(f"/{INTAKE}/")
        status, code = _put(f"{blob_url.rstrip('/')}/{INTAKE}/{tail}&comp=block&blockid=AAAA", b"\0")
        if status == 201 or (status == 403 and code in _NO):
            return status == 201
        raise StorageUnavailable(f"the store answered {status} {code} to a trial block")

    return measure


def _put(url: str, body: bytes) -> tuple[int, str]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_SECONDS)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", body)
        response = connection.getresponse()
        return response.status, response.getheader("x-ms-error-code") or ""
    except (OSError, http.client.HTTPException) as error:
        # Without the cause: some of these spell out the URL.
        raise StorageUnavailable(f"the store did not answer a trial block: {type(error).__name__}") from None
    finally:
        connection.close()
