"""``python -m broker worker``: brings the catalog up to date, indexes a vault it does not know yet, then works."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType

from ..catalog import Catalog
from ..catalog.migrate import upgrade
from ..config import Config
from ..errors import Unavailable
from ..ingest.fate import Keep
from ..ingest.worker import Worker
from ..storage.azure import AzureStore
from . import rebuild

LONGEST_PAUSE = 15.0

_log = logging.getLogger(__name__)


def run(config: Config) -> int:
    """Work until SIGTERM or SIGINT, finish or give back what is at hand, and return the exit code.

    Raises:
        CatalogRefused: SQLite was asked to live on a network share.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopper(stop))
    catalog, store = Catalog(config.database_url), AzureStore(config)
    try:
        if _prepared(lambda: _prepare(catalog, store), stop):
            _worker(config, catalog, store).run(stop)
    finally:
        catalog.close()
        store.close()
    return 0


def _prepare(catalog: Catalog, store: AzureStore) -> None:
    upgrade(catalog)
    rebuild.ensure_indexed(catalog, store.vault, _log.info)


def _prepared(act: Callable[[], None], stop: threading.Event) -> bool:
    """Repeat ``act`` until store and catalog answer; False if the worker was stopped before."""
    pause = 0.5
    while not stop.is_set():
        try:
            act()
        except Unavailable as fault:
            _log.warning("not ready yet: %s", fault)
            end, pause = time.monotonic() + pause, min(pause * 2, LONGEST_PAUSE)
            while not stop.is_set() and time.monotonic() < end:
                time.sleep(0.1)
        else:
            return True
    return False


def _worker(config: Config, catalog: Catalog, store: AzureStore) -> Worker:
    return Worker(
        catalog=catalog,
        intake=store.intake,
        vault=store.vault,
        work_dir=config.work_dir,
        zone=config.time_zone,
        keep=Keep(pending=config.pending_keep, rejected=config.rejected_keep),
        clock=lambda: datetime.now(UTC),
    )


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    return on_signal
