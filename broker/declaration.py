"""What is said about files on their way in, and what is answered: values only, and what a declaration must hold."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta, tzinfo

from . import capture, filetypes
from .blocks import BlockPlan, fits, plan_for
from .catalog.uploads import Upload
from .errors import FileTooLarge, Invalid, TypeRefused
from .sas.grants import Grant
from .words import Eye, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one account may have under way. ``file_bytes`` is the largest single file."""

    file_bytes: int
    pending_keep: timedelta
    files: int = 1_000
    pending_files: int = 20_000
    pending_bytes: int = 4 << 40


@dataclass(frozen=True, slots=True)
class FileDeclaration:
    """What the technician says about one file. ``size`` is bytes, ``captured_at`` ISO 8601.

    ``again``: send it although the very bytes are stored for this patient already.
    """

    ref: str
    filename: str
    size: int
    media_type: str | None
    eye: Eye
    kind: Kind
    captured_at: str | None
    digest: str | None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Declaration:
    """The files of one batch, all of one patient."""

    batch: str
    patient: str
    note: str
    urgent: bool
    files: tuple[FileDeclaration, ...]

    @property
    def body_hash(self) -> str:
        """Tell a repeated declaration from another one under the same batch id."""
        said = asdict(self)
        for file in said["files"]:
            # Manifests keep this hash: what nobody said must not change what it was before it could be said.
            if not file["again"]:
                del file["again"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer to one declared file: a grant while it is pending, and what is known about the same bytes.

    ``duplicate_of``: the upload that has them for this patient. Then nothing is to be sent, unless it was asked for.
    """

    upload: Upload
    grant: Grant | None
    plan: BlockPlan | None
    duplicate_of: str | None = None
    stored_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What the browser says when all bytes of one upload are there. ``blocks``: SHA-256 (hex) of each, in order."""

    id: str
    digest: str | None = None
    blocks: tuple[str, ...] | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class ArrivedBlock:
    """A block that lies in the store; ``digest`` is hex, ``size`` bytes."""

    index: int
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload is, which scans came out of it, and while pending which blocks have arrived."""

    upload: Upload
    scans: tuple[str, ...] = ()
    arrived: tuple[ArrivedBlock, ...] | None = None


def check_times(files: Sequence[FileDeclaration], *, born: date, zone: tzinfo, now: datetime) -> None:
    """Refuse a capture time that cannot be, in whatever way it was typed; the problem names the files.

    Raises:
        Invalid: it is none, or lies before photography, before the patient's birth (``born``), or in the future.
    """
    wrong: dict[str, str] = {}
    for file in files:
        if file.captured_at is not None and (why := _refused(file.captured_at, born, zone, now)):
            wrong[file.ref] = why
    if wrong:
        raise Invalid(next(iter(wrong.values())), field="captured_at", refs=list(wrong))


def _refused(said: str, born: date, zone: tzinfo, now: datetime) -> str | None:
    try:
        when = capture.instant(said, zone)
    except ValueError:
        return "There is no such day or time."
    return capture.refusal(when, now) or capture.before_birth(when, born)


def visit_day(upload: Upload, zone: tzinfo) -> str:
    """The day (ISO) of the visit that a file is of, as far as its declaration tells; else the day it was declared."""
    if upload.captured_at is None:
        return upload.created_at.astimezone(zone).date().isoformat()
    said = datetime.fromisoformat(upload.captured_at)
    return (said.astimezone(zone) if said.tzinfo else said).date().isoformat()


def check(declaration: Declaration, limits: Limits) -> None:
    """Refuse what cannot be taken, before a byte is sent; problems name the files by their ``ref``.

    Raises:
        Invalid: no file or too many, a reference twice, an empty file, a digest of the wrong form.
        FileTooLarge, TypeRefused.
    """
    files = declaration.files
    if not 1 <= len(files) <= limits.files:
        raise Invalid(f"A batch has 1 to {limits.files} files; this one has {len(files)}.")
    if len({file.ref for file in files}) < len(files):
        raise Invalid("Two files have the same ref. Give each its own.")
    if empty := [file.ref for file in files if file.size < 1]:
        raise Invalid("A file is empty. Export it again.", refs=empty)
    if large := [file.ref for file in files if file.size > limits.file_bytes]:
        raise FileTooLarge(f"The largest file taken is {limits.file_bytes} bytes.", refs=large)
    if refused := {file.ref: why for file in files if (why := filetypes.refusal(file.filename))}:
        raise TypeRefused(next(iter(refused.values())), refs=list(refused))
    if odd := [file.ref for file in files if file.digest and not fits(file.digest, plan_for(file.size))]:
        raise Invalid("A digest does not have the form that a file of this size must have.", refs=odd)
