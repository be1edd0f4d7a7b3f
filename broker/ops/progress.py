"""How far a rebuild has come: which folders of the vault are in the catalog, noted there, so that it can be taken up.

A folder is ``patients/<tt>`` or ``uploads/<tt>``: 256 of each, about equally full. The notes are gone with the catalog
they speak of, and at the end of a whole run.
"""

from __future__ import annotations

from datetime import timedelta

from ..catalog import Catalog, leases
from ..ingest.crashpoint import Effect, effect
from .vaulted import Fault, Page

PREFIX = "rebuilt "
#: What was read longer ago is read again.
FRESH = timedelta(days=1)


class Progress:
    """Notes folders as they are finished. ``idle``: neither reads nor writes notes."""

    def __init__(self, catalog: Catalog, *, idle: bool = False) -> None:
        self._catalog = catalog
        self._idle = idle
        self._open: list[str] = []
        self._faulty: set[str] = set()
        #: Folders that this run has read.
        self.read: set[str] = set()
        #: Folders that need not be read.
        self.done: frozenset[str] = frozenset()
        if not idle:
            with catalog.read() as tx:
                names = leases.marked_since(tx, PREFIX, catalog.now(tx) - FRESH)
            self.done = frozenset(name.removeprefix(PREFIX) for name in names)

    def note(self, page: Page) -> None:
        """Note what ``page`` finished: every folder in it but the last, of which more may follow."""
        self._faulty |= {fault.folder for fault in page.found if isinstance(fault, Fault)}
        self._open += [folder for folder in page.folders if folder not in self._open]
        self._finish(self._open[:-1])
        self._open = self._open[-1:]

    def end(self) -> None:
        """Note that a stage is over."""
        self._finish(self._open)
        self._open = []

    def _finish(self, folders: list[str]) -> None:
        self.read.update(folders)
        good = [PREFIX + folder for folder in folders if folder not in self._faulty]
        if good and not self._idle:
            with effect(Effect.INDEX_MARK), self._catalog.write() as tx:
                leases.mark_all(tx, good, self._catalog.now(tx))
