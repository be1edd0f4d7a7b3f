"""The sweeper beside browsers, workers, time, crashes and a store that loses things, in any order: a state machine.

Whatever happens, bytes that somebody may still need stay, and in the end nothing is left lying about.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from broker import audit
from broker.blocks import MIB, block_id
from broker.catalog import unsettled, uploads
from broker.catalog.unsettled import SILENT, Settlement
from broker.catalog.uploads import Filter, Upload
from broker.completion import settle
from broker.declaration import Told
from broker.errors import StorageUnavailable
from broker.ids import new_id
from broker.ingest.crashpoint import Effect
from broker.names import IntakeBlob
from broker.words import FINAL, Expiry, Settled, State
from tests.lanes import KEEP, Died, Rig, digest_of, fault_at
from tests.people import actor

BLOCK = 8 * MIB
LARGE = bytes(33 * MIB)
COUNT = 5
CRASHES = st.tuples(st.sampled_from(Effect), st.sampled_from(["before", "after"]))
FAULTS = st.sampled_from([Died, StorageUnavailable])


class Sweeping(RuleBasedStateMachine):
    """What may happen to uploads, and what must hold all the while."""

    sent = Bundle("sent")

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sweeping-"))
        self.rig = Rig(self.folder)
        self.number = 0
        self.data: dict[str, bytes] = {}
        #: Uploads of which the right bytes lie in the intake, and those that are longer than declared.
        self.whole: set[str] = set()
        self.oversize: set[str] = set()
        #: Uploads of which something arrived that may be their file: it stays until somebody has settled them.
        self.arrived: set[str] = set()

    @rule(target=sent, told=st.booleans())
    def declare(self, told: bool) -> Upload:
        self.number += 1
        data = f"picture {self.number}".encode()
        upload = self.rig.declare(data, **({} if told else {"digest": None}))
        self.data[upload.id] = data
        return upload

    @rule(target=sent, upload=sent)
    def declare_again(self, upload: Upload) -> Upload | object:
        """The same file, sent once more for the same patient."""
        if upload.block_size:
            return multiple()
        again = self.rig.declare(self.data[upload.id])
        self.data[again.id] = self.data[upload.id]
        return again

    @rule(target=sent, told=st.booleans())
    def declare_large(self, told: bool) -> Upload | object:
        if any(len(data) == len(LARGE) for data in self.data.values()):
            return multiple()
        digest = digest_of(LARGE) if told else None
        upload = self.rig.declare(LARGE, filename="volume.fda", block_size=BLOCK, digest=digest)
        self.data[upload.id] = LARGE
        return upload

    @rule(upload=sent, what=st.sampled_from(["right", "right", "short", "long"]))
    def arrive(self, upload: Upload, what: str) -> None:
        """A grant to create writes once, while its upload is pending."""
        if upload.block_size or self.state(upload) is not State.PENDING or self.there(upload):
            return
        data = self.data[upload.id]
        self.rig.store.arrive(IntakeBlob(upload.id), {"right": data, "short": data[:-1], "long": data + b"x"}[what])
        if what == "right":
            self.whole.add(upload.id)
        if what == "long":
            self.oversize.add(upload.id)
        self.arrived.add(upload.id)

    @rule(upload=sent, indices=st.sets(st.integers(0, COUNT - 1), min_size=3), wrong=st.booleans())
    def stage(self, upload: Upload, indices: set[int], wrong: bool) -> None:
        if not upload.block_size or self.state(upload) is not State.PENDING:
            return
        for index in indices:
            piece = LARGE[index * BLOCK : (index + 1) * BLOCK]
            self.rig.store.stage(IntakeBlob(upload.id), block_id(index, hashlib.sha256(piece).digest()), piece)
        if wrong:
            self.rig.store.stage(IntakeBlob(upload.id), block_id(0, bytes(32)), bytes(BLOCK))

    @rule(upload=sent)
    def complete(self, upload: Upload) -> None:
        row = self.rig.row(upload)
        digest = settle(self.rig.intake, row, Told(upload.id))
        if isinstance(digest, str) and self.there(upload):
            with self.rig.catalog.write() as tx:
                uploads.receive(tx, row.id, digest=digest, now=self.rig.clock())

    @rule(upload=sent)
    def abandon(self, upload: Upload) -> None:
        now = self.rig.clock()
        settled = Settlement(how=Settled.GIVEN_UP, at=now, account=upload.account_id)
        with self.rig.catalog.write() as tx:
            if uploads.expire(tx, upload.id, reason=Expiry.ABANDONED, now=now, settled=settled):
                audit.record(tx, actor(), "upload.expired", now=self.rig.clock(), subjects=[upload.id])
                self.whole.discard(upload.id)

    @rule(upload=sent)
    def settle(self, upload: Upload) -> None:
        """Somebody else gives it up, if it was not stored, or has been silent for long."""
        now = self.rig.clock()
        given_up = Settlement(how=Settled.GIVEN_UP, at=now, account=new_id(now))
        with self.rig.catalog.write() as tx:
            if not uploads.some(tx, Filter(ids=[upload.id], open_since=now - SILENT), after=None, limit=1):
                return
            if unsettled.settle(tx, upload.id, given_up):
                return
            assert uploads.expire(tx, upload.id, reason=Expiry.ABANDONED, now=now, settled=given_up)
            audit.record(tx, actor(), "upload.expired", now=now, subjects=[upload.id])
        self.whole.discard(upload.id)

    @rule(upload=consumes(sent))
    def lose(self, upload: Upload) -> None:
        """The storage loses what it had acknowledged."""
        self.rig.store.intake.blobs.pop(IntakeBlob(upload.id).name, None)
        self.whole.discard(upload.id)
        self.oversize.discard(upload.id)
        self.arrived.discard(upload.id)

    @rule()
    def unknown_bytes(self) -> None:
        self.rig.store.arrive(IntakeBlob(new_id(self.rig.clock())), b"nobody declared me")

    @rule(by=st.sampled_from([timedelta(minutes=1), timedelta(minutes=25), timedelta(days=1), timedelta(days=7)]))
    def pass_time(self, by: timedelta) -> None:
        self.rig.clock.now += by

    @rule()
    def sweep(self) -> None:
        self.rig.sweeper.sweep()

    @rule(point=CRASHES, fault=FAULTS)
    def sweep_and_fail(self, point: tuple[Effect, str], fault: type[BaseException]) -> None:
        with fault_at(point, fault("here")), suppress(fault):
            self.rig.sweeper.sweep()

    @rule()
    def work(self) -> None:
        self.rig.forget_leases()
        self.rig.lane.step()

    @rule(point=CRASHES)
    def work_and_die(self, point: tuple[Effect, str]) -> None:
        self.rig.forget_leases()
        with fault_at(point, Died()), suppress(Died):
            self.rig.lane.step()

    @invariant()
    def nothing_that_is_needed_is_gone(self) -> None:
        for upload in self.uploads():
            kept = upload.state in (State.PENDING, State.RECEIVED, State.VERIFYING)
            if upload.id in self.whole and kept and not self.in_vault(upload):
                assert self.rig.store.intake.blobs[IntakeBlob(upload.id).name].data == self.data[upload.id]
            if upload.state is State.STORED:
                assert self.in_vault(upload)

    @invariant()
    def what_arrived_and_was_not_stored_stays_until_somebody_has_settled_it(self) -> None:
        for upload in self.uploads():
            ended = upload.state in (State.REJECTED, State.EXPIRED, State.MISSING)
            if ended and upload.settled_at is None and upload.id in self.arrived:
                assert IntakeBlob(upload.id).name in self.rig.store.intake.blobs

    @invariant()
    def what_is_said_to_be_stored_already_lies_in_the_vault(self) -> None:
        rows = {upload.id: upload for upload in self.uploads()}
        for upload in rows.values():
            if upload.reason == Expiry.DUPLICATE or upload.settled_how is Settled.SENT_AGAIN:
                twin = rows[upload.settled_twin or ""]
                assert twin.state is State.STORED
                assert self.data[twin.id] == self.data[upload.id]

    @invariant()
    def what_is_oversize_is_never_received(self) -> None:
        for upload in self.uploads():
            assert upload.id not in self.oversize or upload.state is not State.STORED

    def teardown(self) -> None:
        if not hasattr(self, "rig"):
            return
        # Of a file whose client never told a digest nobody knows whether it is whole: it expires in the end.
        sure = {row.id for row in self.uploads() if row.digest or row.state in FINAL - {State.EXPIRED}}
        whole = self.whole & sure
        self.rig.sweeper.sweep()
        self.rig.run()
        for upload in self.uploads():
            if upload.id in whole and upload.attempts <= 3:
                assert upload.state is State.STORED, (upload.state, upload.reason)
        self.rig.clock.now += KEEP.pending + KEEP.rejected
        for _ in range(2):
            self.rig.sweeper.sweep()
            self.rig.run()
        for upload in self.uploads():
            self.settle(upload)
        self.rig.clock.now += KEEP.rejected
        self.rig.sweeper.sweep()
        assert not self.rig.store.intake.blobs
        assert all(upload.state in FINAL for upload in self.uploads())
        self.rig.check()
        self.rig.catalog.close()
        shutil.rmtree(self.folder)

    def uploads(self) -> list[Upload]:
        with self.rig.catalog.read() as tx:
            return list(uploads.find(tx, self.data).values())

    def state(self, upload: Upload) -> State:
        return self.rig.row(upload).state

    def there(self, upload: Upload) -> bool:
        return IntakeBlob(upload.id).name in self.rig.store.intake.blobs

    def in_vault(self, upload: Upload) -> bool:
        blob = self.rig.store.vault.blobs.get(f"uploads/{upload.id[-2:]}/{upload.id}/original")
        return blob is not None and blob.data == self.data[upload.id]


TestSweeping = Sweeping.TestCase
TestSweeping.settings = settings(
    max_examples=400 if os.environ.get("FUZZ") else 15,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
