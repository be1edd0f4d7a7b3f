"""Every problem the service answers with: one tree that is also the table.

Each class is one problem of RFC 9457: ``slug`` names its page under ``/problems/``, ``status`` and ``title`` go on
the wire, and the docstring is that page's text. An instance adds ``detail`` (what happened this time and what
to do) and extension members. Raise them in use cases and seams; only the edges turn them into answers.

    BrokerError
    ├── SignInNeeded ── SessionLocked
    ├── NotAllowed, CrossSite
    ├── NotFound ── UploadNotFound, ScanNotFound, PatientNotFound, AccountNotFound
    ├── BlocksMissing, BlobMissing, SizeMismatch, DigestMismatch, IllegalMove, PatientExists, Stale
    ├── NotOpened, AttentionOpen
    ├── UploadExpired, FileTooLarge, TypeRefused, Invalid, TooMany
    ├── BadRequest, MethodNotAllowed, BodyTooLarge, NotJson (of a request as such)
    └── Unavailable ── StorageUnavailable, ProviderUnavailable, CatalogBusy
"""

from __future__ import annotations

from collections.abc import Iterator


class BrokerError(Exception):
    """Something went wrong here. Nothing you sent was lost; try again, and tell IT if it stays."""

    slug = "internal"
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str = "", **members: object) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.members = members


class SignInNeeded(BrokerError):
    """This needs a signed-in account. Sign in, or send a bearer token."""

    slug, status, title = "sign-in-needed", 401, "Sign in first"


class SessionLocked(SignInNeeded):
    """Nobody touched this computer for a while, so its session is locked. Unlock it to go on where you were."""

    slug, title = "session-locked", "Locked"


class NotAllowed(BrokerError):
    """Your account's roles do not include this. An administrator can change roles."""

    slug, status, title = "not-allowed", 403, "Not allowed"


class CrossSite(BrokerError):
    """A change was asked for from another site's page. Changes are taken from this site's own pages only."""

    slug, status, title = "cross-site", 403, "Refused: this came from another site"


class NotFound(BrokerError):
    """There is nothing here, or nothing that your account may see."""

    slug, status, title = "not-found", 404, "Not found"


class UploadNotFound(NotFound):
    """There is no such upload, or it was declared by another account."""

    slug, title = "upload-not-found", "No such upload"


class ScanNotFound(NotFound):
    """There is no such scan, or it was withdrawn."""

    slug, title = "scan-not-found", "No such scan"


class PatientNotFound(NotFound):
    """There is no such patient."""

    slug, title = "patient-not-found", "No such patient"


class AccountNotFound(NotFound):
    """There is no such account, invitation or token."""

    slug, title = "account-not-found", "No such account"


class BlocksMissing(BrokerError):
    """Some blocks of the file have not arrived, or not with the planned size. Send those listed, complete again."""

    slug, status, title = "blocks-missing", 409, "Blocks are missing"


class BlobMissing(BrokerError):
    """Nothing has arrived in the store under this upload. Send the bytes, then complete again."""

    slug, status, title = "blob-missing", 409, "Nothing has arrived"


class DigestMismatch(BrokerError):
    """The blocks that arrived are not those of the file that was announced. Send the file again."""

    slug, status, title = "digest-mismatch", 409, "Other bytes than announced"


class SizeMismatch(BrokerError):
    """What arrived is not as long as what was declared. Declare the file again and send it anew."""

    slug, status, title = "size-mismatch", 409, "Wrong size"


class IllegalMove(BrokerError):
    """It is in a state that does not allow this. Look at its newest state first; nothing was changed."""

    slug, status, title = "illegal-move", 409, "Not possible in this state"


class PatientExists(BrokerError):
    """A patient with this record number exists, with other details. Use that patient, or correct its details."""

    slug, status, title = "patient-exists", 409, "This record number is taken"


class NotOpened(BrokerError):
    """Your account has never opened some of these pictures. Open them, or say that you sign without."""

    slug, status, title = "not-opened", 409, "Not every picture was opened"


class AttentionOpen(BrokerError):
    """The patient or the eye of some scans is in doubt. Somebody corrects or confirms it first; technicians may too."""

    slug, status, title = "attention-open", 409, "Patient or eye is in doubt"


class UploadExpired(BrokerError):
    """The time for sending this file is over. Declare it again; nothing on your computer was touched."""

    slug, status, title = "upload-expired", 410, "Too late for this upload"


class Stale(BrokerError):
    """Somebody changed this meanwhile. Look at the newest state, then do it again."""

    slug, status, title = "stale", 412, "Changed meanwhile"


class FileTooLarge(BrokerError):
    """The file is larger than this service takes."""

    slug, status, title = "file-too-large", 413, "File too large"


class TypeRefused(BrokerError):
    """Files of this type are not stored here."""

    slug, status, title = "type-refused", 415, "File type not taken"


class Invalid(BrokerError):
    """The request does not have the form it must have. ``errors`` says which field and why."""

    slug, status, title = "invalid", 422, "Not in the right form"


class TooMany(BrokerError):
    """Too many requests, files or bytes at once. Wait until some of them are done."""

    slug, status, title = "too-many", 429, "Too many at once"


class Unavailable(BrokerError):
    """A part of the service does not answer. Nothing was lost; try again in a moment."""

    slug, status, title = "unavailable", 503, "Not available just now"


class StorageUnavailable(Unavailable):
    """The blob storage does not answer. Nothing was lost; try again in a moment."""

    slug, title = "storage-unavailable", "The storage does not answer"


class ProviderUnavailable(Unavailable):
    """The clinic's sign-in provider does not answer. Who is signed in stays so; try again in a moment."""

    slug, title = "provider-unavailable", "The sign-in provider does not answer"


class CatalogBusy(Unavailable):
    """The catalog does not answer, or is being rebuilt. Nothing was lost; try again in a moment."""

    slug, title = "catalog-busy", "The catalog is busy"


class BadRequest(BrokerError):
    """The request cannot be understood: its JSON is broken, says something twice, or is sent to another address."""

    slug, status, title = "bad-request", 400, "Not understood"


class MethodNotAllowed(BrokerError):
    """This address does not take this kind of request. The Allow header says which it takes."""

    slug, status, title = "method-not-allowed", 405, "Not possible here"


class BodyTooLarge(BrokerError):
    """The request itself is too long: 1 MiB for uploads, 64 KiB elsewhere. Files are sent to the storage, not here."""

    slug, status, title = "body-too-large", 413, "Request too long"


class NotJson(BrokerError):
    """The body must be JSON, and say so: Content-Type: application/json."""

    slug, status, title = "not-json", 415, "Send JSON"


def problems(root: type[BrokerError] = BrokerError) -> Iterator[type[BrokerError]]:
    """Yield every problem class, general before special."""
    yield root
    for child in root.__subclasses__():
        yield from problems(child)
