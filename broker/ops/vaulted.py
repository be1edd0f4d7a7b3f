"""Read the vault's documents back, and judge each: does it fit, is it where it belongs, is all it names there?

Works by listing, so that a blob's size costs no call of its own, and reads eight documents at a time. Lists come in
the order of names (List Blobs), so an upload's blobs stand together.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, TypeVar

from .. import names
from ..catalog.patients import Patient
from ..errors import FileTooLarge
from ..ids import is_id
from ..ingest import manifest as manifests
from ..ingest.manifest import Manifest, Misfit
from ..names import VaultBlob
from ..patients import from_document
from ..storage.containers import BlobGone, Listed, Vault
from . import recorded

READERS = 8
PAGE = 200
PATIENT_LIMIT = RECORD_LIMIT = 64 << 10
TOMBSTONE = "tombstone.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """A blob that does not count, and why; neither repeats anything of a patient."""

    name: str
    why: str

    @property
    def folder(self) -> str:
        """The folder it lies in."""
        return _top(self.name)


@dataclass(frozen=True, slots=True)
class Erased:
    """An upload, or a patient, with a tombstone."""

    id: str
    patient: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a patient: the patient as it was then, and the document itself."""

    patient: Patient
    document: dict[str, Any]
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """One record about a scan."""

    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what was found, in the order of names, and the folders it came from."""

    found: list[Version | Manifest | Recorded | Erased | Fault]
    folders: list[str]

    @property
    def folder(self) -> str:
        """The last folder."""
        return self.folders[-1]


class VaultReader:
    """Reads everything once, save the folders in ``skip``. Every method may raise StorageUnavailable."""

    def __init__(self, vault: Vault, *, skip: Collection[str] = ()) -> None:
        self._vault = vault
        self._skip = skip
        self._records: list[Listed] | None = None

    def is_empty(self) -> bool:
        """Say whether there is nothing at all."""
        return next(iter(self._vault.list("")), None) is None

    def patients(self) -> Iterator[Page]:
        """Give pages of patient versions; all versions of a patient stand together, the newest first."""
        groups = (self._versions(list(group)) for _, group in groupby(self._list("patients/"), _folder))
        yield from _read(self._version, (listed for group in groups for listed in group), _name)

    def uploads(self) -> Iterator[Page]:
        """Give pages of what became of uploads. An original without a manifest is on its way, and left out."""
        sizes = self._sizes()
        groups = (list(group) for _, group in groupby(self._list("uploads/"), _folder))
        finished = (group for group in groups if not {"manifest.json", TOMBSTONE}.isdisjoint(map(_leaf, group)))
        yield from _read(lambda group: self._upload(group, sizes), finished, lambda group: group[0].name)

    def records(self) -> Iterator[Page]:
        """Give pages of the records about scans, as they were listed with the renditions if ``uploads`` came first."""
        if self._records is None:
            self._sizes()
        wanted = (one for one in self._records or () if _top(one.name) not in self._skip)
        yield from _read(self._record, wanted, _name)

    def _sizes(self) -> dict[str, int]:
        """The renditions' sizes. Sets the records aside: no list is longer than this one, so it is read once.

        What comes later the services that wrote it have put into the catalog themselves.
        """
        sizes, self._records = {}, []
        for listed in self._vault.list("scans/"):
            if "/records/" in listed.name:
                self._records.append(listed)
            else:
                sizes[listed.name] = listed.size
        return sizes

    def _list(self, prefix: str) -> Iterator[Listed]:
        return (listed for listed in self._vault.list(prefix) if _top(listed.name) not in self._skip)

    @staticmethod
    def _versions(group: list[Listed]) -> list[Listed]:
        tombstones = [listed for listed in group if _leaf(listed) == TOMBSTONE]
        return tombstones or sorted(group, key=_number, reverse=True)

    def _version(self, listed: Listed) -> Version | Erased | Fault:
        if _leaf(listed) == TOMBSTONE:
            return Erased(_folder(listed).rpartition("/")[2], patient=True)
        try:
            document = json.loads(self._vault.get(VaultBlob(listed.name), PATIENT_LIMIT))
            patient = from_document(document)
            changed_at = datetime.fromisoformat(document["changed_at"]).astimezone(UTC)
            at_home = is_id(patient.id) and names.patient(patient.id, patient.version).name == listed.name
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, BlobGone, FileTooLarge) as fault:
            return Fault(listed.name, f"no patient's document ({type(fault).__name__})")
        return Version(patient, document, changed_at) if at_home else Fault(listed.name, "its ids are not its name's")

    def _record(self, listed: Listed) -> Recorded | Fault:
        try:
            document = json.loads(self._vault.get(VaultBlob(listed.name), RECORD_LIMIT))
            recorded.check(document)
            at_home = names.record(document["scan"], document["number"]).name == listed.name
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, BlobGone, FileTooLarge) as fault:
            return Fault(listed.name, f"no record ({type(fault).__name__})")
        return Recorded(document) if at_home else Fault(listed.name, "its ids are not its name's")

    def _upload(self, group: Sequence[Listed], sizes: dict[str, int]) -> Manifest | Erased | Fault:
        there = {_leaf(listed): listed for listed in group}
        if TOMBSTONE in there:
            return Erased(_folder(there[TOMBSTONE]).rpartition("/")[2], patient=False)
        name = there["manifest.json"].name
        try:
            manifest = manifests.read(self._vault.get(VaultBlob(name), manifests.LIMIT))
        except (Misfit, ValueError, BlobGone, FileTooLarge) as fault:
            return Fault(name, str(fault) or type(fault).__name__)
        if names.manifest(manifest.upload.id).name != name:
            return Fault(name, "its ids are not its name's")
        # Looked up in both, never joined: one of them is as long as the vault.
        known = ChainMap({listed.name: listed.size for listed in group}, sizes)
        wrong = [blob.name for blob, size in manifests.blobs(manifest).items() if self._size(blob, known) != size]
        return Fault(name, f"missing, or of another size: {', '.join(wrong)}") if wrong else manifest

    def _size(self, blob: VaultBlob, known: Mapping[str, int]) -> int | None:
        if blob.name in known:
            return known[blob.name]
        # It may be younger than the listing: services go on while we read.
        arrived = self._vault.head(blob)
        return arrived.size if arrived else None


def _read(read: Callable[[T], Any], items: Iterable[T], name: Callable[[T], str]) -> Iterator[Page]:
    """Read pages of ``items``, the next one while the caller is busy with the one before."""
    rest = iter(items)
    with ThreadPoolExecutor(READERS) as pool:
        waiting: tuple[list[Future[Any]], list[str]] = ([], [])
        while page := list(islice(rest, PAGE)):
            started = [pool.submit(read, item) for item in page]
            if waiting[0]:
                yield _page(*waiting)
            waiting = started, [name(item) for item in page]
        if waiting[0]:
            yield _page(*waiting)


def _page(found: list[Future[Any]], names: list[str]) -> Page:
    return Page([future.result() for future in found], list(dict.fromkeys(map(_top, names))))


def _top(name: str) -> str:
    """The folder of two hex digits that a name lies in: ``uploads/7f``."""
    return "/".join(name.split("/", 2)[:2])


def _name(listed: Listed) -> str:
    return listed.name


def _folder(listed: Listed) -> str:
    return listed.name.rpartition("/")[0]


def _leaf(listed: Listed) -> str:
    return listed.name.rpartition("/")[2]


def _number(listed: Listed) -> int:
    number = _leaf(listed).removesuffix(".json")
    return int(number) if number.isascii() and number.isdigit() else 0
