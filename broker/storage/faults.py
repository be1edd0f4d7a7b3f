"""Translate what the Azure libraries raise, so that nobody outside this folder sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import requests
import urllib3
from azure.core.exceptions import AzureError, HttpResponseError

from ..errors import StorageUnavailable
from .containers import BlobChanged, BlobExists, BlobGone, BlobUnreadable, BlocksRefused, StorageFault, Unerasable

# Only the store's own codes decide about a file. A bare 404, from a proxy for example, must never mean "gone".
_FAULTS: dict[str, type[StorageFault]] = {
    "BlobNotFound": BlobGone,
    "ConditionNotMet": BlobChanged,
    "BlobAlreadyExists": BlobExists,
    "UnauthorizedBlobOverwrite": BlobExists,
    "BlobArchived": BlobUnreadable,
    "BlobBeingRehydrated": BlobUnreadable,
    "BlobUsesCustomerSpecifiedEncryption": BlobUnreadable,
    "BlobImmutableDueToPolicy": Unerasable,
    "InvalidBlockList": BlocksRefused,
    "InvalidBlobOrBlock": BlocksRefused,
    "InvalidBlockId": BlocksRefused,
    "BlockListTooLong": BlocksRefused,
}


@contextmanager
def translated() -> Iterator[None]:
    """Turn every failure of the Azure client inside the block into a StorageFault or StorageUnavailable.

    The cause is cut off: its text may spell out a whole address.
    """
    try:
        yield
    except AzureError as error:
        raise _translation(error) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        # azure-core lets some of these through while a body is being read.
        raise StorageUnavailable(f"The storage broke off ({type(error).__name__}).") from None


def error_code(error: AzureError) -> str:
    """The store's own code for what went wrong, or nothing if it did not answer."""
    return _header(error, "x-ms-error-code")


def _translation(error: AzureError) -> Exception:
    code = error_code(error)
    if code in _FAULTS:
        return _FAULTS[code](code)
    if not isinstance(error, HttpResponseError) or error.response is None:
        return StorageUnavailable(f"The storage does not answer ({type(error).__name__}).")
    what = f"{error.status_code} {code or 'without a code'}, request {_header(error, 'x-ms-request-id') or 'unknown'}"
    return StorageUnavailable(f"The storage answered {what}.")


def _header(error: AzureError, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", {})
    return str(headers.get(name, ""))
