"""The worker: claims uploads, verifies and promotes them, publishes the outbox, sweeps the intake.

Two files are checked at once, each in a lane: a thread with a sandbox of its own. Decoding is done by the sandbox's
processes, so threads lose nothing: while one file is decoded the next one is read, and a file of many minutes leaves a
lane for the small ones. More lanes are had by more worker processes. Beside them run five small threads: heartbeat,
renewal of leases, publisher, sealer, sweeper. A fault in any of them is logged and tried again; none ends the worker.

No work is held in memory that the catalog does not know: the process may die at any line.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from ..catalog import Catalog, leases
from ..errors import Unavailable
from ..storage.containers import Intake, Vault
from .claim import RENEW_SECONDS, Claims
from .fate import Keep
from .lane import Lane
from .promote import Promoter
from .publish import Publisher
from .sandbox import Sandbox, SandboxUnavailable
from .seal import SEAL_SECONDS, Sealer
from .spool import Spool
from .sweep import Sweeper
from .verify import Decoder, Verifier

LANES = 2
#: How long an idle lane waits before it asks again.
IDLE_SECONDS = 0.25
HEARTBEAT_SECONDS = 5.0
PUBLISH_SECONDS = 1.0
SWEEP_SECONDS = 60.0
SWEEP_LEASE = timedelta(minutes=10)
#: The longest pause of a lane while the catalog does not answer.
LONGEST_WAIT = 15.0
#: How long a stopping worker lets its lanes finish the files they are at.
FINISH_SECONDS = 20.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Everything a worker needs. ``work_dir`` is for its spool; ``new_decoder`` makes a sandbox for each lane."""

    catalog: Catalog
    intake: Intake
    vault: Vault
    work_dir: Path
    zone: ZoneInfo
    keep: Keep
    clock: Callable[[], datetime]
    new_decoder: Callable[[], Decoder] = Sandbox

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then finish or give back what is claimed, and publish the outbox.

        Raises:
            OSError: ``work_dir`` cannot be used.
        """
        spool = Spool(self.work_dir)
        try:
            _Running(self, spool, stop).run()
        finally:
            spool.close()


class _Running:
    """One run of a worker: its threads and what they share."""

    def __init__(self, parts: Worker, spool: Spool, stop: threading.Event) -> None:
        self._parts = parts
        self._spool = spool
        self._stop = stop
        #: Set when the lanes are done: what serves them runs until then.
        self._done = threading.Event()
        self._name = secrets.token_hex(8)
        self._claims = Claims(parts.catalog)
        self._publisher = Publisher(catalog=parts.catalog, vault=parts.vault)
        self._sweeper = Sweeper(
            catalog=parts.catalog, intake=parts.intake, vault=parts.vault, keep=parts.keep, clock=parts.clock
        )
        self._sealer = Sealer(catalog=parts.catalog, vault=parts.vault, clock=parts.clock, name=self._name)

    def run(self) -> None:
        for end, seconds, act in (
            (self._done, HEARTBEAT_SECONDS, self._beat),
            (self._done, RENEW_SECONDS, self._claims.renew),
            (self._done, PUBLISH_SECONDS, self._publish),
            (self._done, SEAL_SECONDS, self._seal),
            (self._stop, SWEEP_SECONDS, self._sweep),
        ):
            _start(partial(_every, end, seconds, act), act.__name__)
        lanes = [_start(self._lane, f"lane-{number}") for number in range(LANES)]
        while not self._stop.is_set():
            # Not stop.wait(): a signal handler that sets the event while its own thread waits on it can lock up.
            time.sleep(0.1)
        self._finish(lanes)

    def _finish(self, lanes: list[threading.Thread]) -> None:
        deadline = time.monotonic() + FINISH_SECONDS
        for lane in lanes:
            lane.join(max(0.0, deadline - time.monotonic()))
        self._done.set()
        # What is not finished is given back under its fence, so the lane that still holds on can do nothing more.
        for act in (self._claims.drop, self._publish):
            _tried(act)

    def _lane(self) -> None:
        decoder = self._parts.new_decoder()
        lane = self._new_lane(decoder)
        try:
            decoder.start()
        except SandboxUnavailable as fault:
            _log.error("no decoder can be started yet: %s", fault)
        faults = 0
        while not self._stop.is_set():
            try:
                busy = lane.step()
            except Exception as fault:
                faults += 1
                _told(fault)
                self._stop.wait(min(LONGEST_WAIT, 0.5 * 2 ** min(faults, 5)))
            else:
                faults = 0
                if not busy:
                    self._stop.wait(IDLE_SECONDS)
        decoder.stop()

    def _new_lane(self, decoder: Decoder) -> Lane:
        parts = self._parts
        promoter = Promoter(
            catalog=parts.catalog, vault=parts.vault, publisher=self._publisher, zone=parts.zone, clock=parts.clock
        )
        return Lane(
            catalog=parts.catalog,
            claims=self._claims,
            intake=parts.intake,
            spool=self._spool,
            verifier=Verifier(intake=parts.intake, vault=parts.vault, decoder=decoder),
            promoter=promoter,
            clock=parts.clock,
            wait=self._stop.wait,
        )

    def _beat(self) -> None:
        with self._parts.catalog.write() as tx:
            leases.mark(tx, "worker", self._parts.catalog.now(tx))

    def _publish(self) -> None:
        self._publisher.publish()

    def _seal(self) -> None:
        self._sealer.seal()

    def _sweep(self) -> None:
        """Sweep, unless another worker does, or did a moment ago."""
        catalog = self._parts.catalog
        with catalog.write() as tx:
            last = leases.marked(tx, "swept")
            recent = last is not None and catalog.now(tx) - last < timedelta(seconds=SWEEP_SECONDS * 0.75)
            if recent or leases.take(catalog, tx, "sweep", holder=self._name, life=SWEEP_LEASE) is None:
                return
        try:
            self._sweeper.sweep()
        finally:
            with catalog.write() as tx:
                leases.mark(tx, "swept", catalog.now(tx))
                leases.give_back(tx, "sweep", holder=self._name)


def _start(act: Callable[[], None], name: str) -> threading.Thread:
    # Daemons: a lane whose decoder does not come to an end must not keep a stopping process alive.
    thread = threading.Thread(target=act, name=name, daemon=True)
    thread.start()
    return thread


def _every(end: threading.Event, seconds: float, act: Callable[[], None]) -> None:
    while True:
        _tried(act)
        if end.wait(seconds):
            return


def _tried(act: Callable[[], None]) -> None:
    try:
        act()
    except Exception as fault:
        _told(fault)


def _told(fault: Exception) -> None:
    """Log what will be tried again: an outage in one line, a fault of our own with its trace."""
    if isinstance(fault, Unavailable):
        _log.warning("will be tried again: %s", fault)
    else:
        _log.error("unexpected fault", exc_info=fault)
