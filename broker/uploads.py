"""An upload's life as the browser sees it: declare, send, renew, complete, ask, abandon.

Image bytes never come here. Declaring hands out grants, completing compares what the store says with the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo

from . import audit
from .access.actor import Actor
from .access.permissions import Act, require
from .blocks import parse_block_id, plan_for
from .catalog import Catalog, Conflict, Tx, patients
from .catalog import uploads as rows
from .catalog.unsettled import Settlement
from .catalog.uploads import Batch, Filter, Upload
from .completion import settle
from .declaration import ArrivedBlock, Declaration, Limits, Offer, Progress, Told, check, check_times
from .errors import (
    BrokerError,
    IllegalMove,
    Invalid,
    PatientNotFound,
    TooMany,
    UploadExpired,
    UploadNotFound,
)
from .names import IntakeBlob
from .sas.signer import Signer
from .storage.containers import Intake
from .words import Expiry, Role, Settled, State

#: Block lists asked for at once while many large files are completed in one call.
LISTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploads:
    """The acts on uploads. Everything they need is handed in, so that a test decides time and ids.

    ``zone`` is the clinic's: a capture time without an offset is told in it.
    """

    catalog: Catalog
    intake: Intake
    signer: Signer
    limits: Limits
    new_id: Callable[[datetime], str]
    zone: tzinfo = UTC

    def declare(self, actor: Actor, declaration: Declaration, now: datetime) -> list[Offer]:
        """Take a batch's declaration and hand out a grant for each file; said again, the same ids and fresh grants.

        A file whose very bytes are stored for this patient gets none: its upload ends at once, as their duplicate,
        unless the declaration says that it is to be sent ``again``.

        Raises:
            NotAllowed, PatientNotFound, FileTooLarge, TypeRefused, TooMany, CatalogBusy, StorageUnavailable.
            Invalid: a file is empty, a reference stands twice, a capture time cannot be, or the batch id belongs to
                another declaration.
        """
        require(actor, Act.UPLOAD)
        check(declaration, self.limits)
        with self.catalog.read() as tx:
            patient = patients.find(tx, declaration.patient)
            known = rows.batch(tx, declaration.batch)
        if patient is None:
            raise PatientNotFound("Choose the patient again.")
        if known is None:
            check_times(declaration.files, born=date.fromisoformat(patient.birth_date), zone=self.zone, now=now)
            try:
                return self._declare_new(actor, declaration, now)
            except Conflict:  # the same declaration arrived twice at once: the other one was faster
                pass
        return self._declare_again(actor, declaration, now)

    def renew(self, actor: Actor, ids: Sequence[str], now: datetime) -> list[Offer | BrokerError]:
        """Hand out fresh grants for pending uploads of this account; an item that cannot have one is its problem."""
        require(actor, Act.UPLOAD)
        found = self._own(actor, ids)
        results = [self._renewed(found.get(upload), now) for upload in ids]
        offers = [result for result in results if isinstance(result, Offer)]
        with self.catalog.write() as tx:
            rows.heard(tx, found, now)
            _audit_grants(tx, actor, "upload.renew", offers, now)
        return results

    def complete(self, actor: Actor, items: Sequence[Told], now: datetime) -> list[Progress | BrokerError]:
        """Note that all bytes are there, and answer with each upload's state; may be said any number of times.

        A file in one piece costs no storage call: the worker reads it anyway. A block plan is compared with the
        store's block list, and committed only if every block of the plan is there with its size.
        """
        require(actor, Act.UPLOAD)
        found = self._own(actor, [item.id for item in items])
        with ThreadPoolExecutor(LISTS_AT_ONCE) as pool:
            settled = list(pool.map(lambda item: settle(self.intake, found.get(item.id), item), items))
        digests = {item.id: digest for item, digest in zip(items, settled, strict=True) if isinstance(digest, str)}
        with self.catalog.write() as tx:
            if digests:
                rows.receive_many(tx, digests, now)
                about = _shown(found[upload] for upload in digests)
                audit.record(tx, actor, "upload.complete", now=now, subjects=about)
            after = rows.find(tx, found)
            scans = rows.scan_ids(tx, found)
        return [
            problem if isinstance(problem, BrokerError) else Progress(after[item.id], tuple(scans.get(item.id, ())))
            for item, problem in zip(items, settled, strict=True)
        ]

    def find(self, actor: Actor, which: Filter, *, after: str | None, limit: int, now: datetime) -> list[Progress]:
        """List uploads, newest first, and write down whom they show.

        Pending ones are seen by the account that declared them only.
        """
        require(actor, Act.SEE_UPLOADS)
        with self.catalog.write() as tx:
            found = _found(tx, actor, which, after=after, limit=limit)
            if found:
                audit.view(tx, actor, "upload.see", now=now, subjects=_shown(one.upload for one in found))
        return found

    def standings(self, actor: Actor, which: Filter, *, after: str | None, limit: int) -> list[Progress]:
        """List this account's own uploads to say where they stand, and nothing about a patient: that is no view."""
        require(actor, Act.SEE_UPLOADS)
        with self.catalog.read() as tx:
            return _found(tx, actor, replace(which, account=actor.account), after=after, limit=limit)

    def recent(self, actor: Actor, *, since: datetime) -> list[str]:
        """Give the ids of the patients of the last files that this account declared ``since`` then, the newest first.

        Who shows them looks them up, which is a view.
        """
        found = self.standings(actor, Filter(), after=None, limit=200)
        return list(dict.fromkeys(one.upload.patient_id for one in found if one.upload.created_at >= since))

    def one(self, actor: Actor, upload: str, *, now: datetime) -> Progress:
        """Give one upload's state, and while it is pending the blocks that have arrived.

        Raises:
            UploadNotFound: there is none, or it is another account's and still pending.
        """
        found = self.find(actor, Filter(ids=[upload]), after=None, limit=1, now=now)
        if not found:
            raise UploadNotFound()
        row = found[0].upload
        if row.state is not State.PENDING or row.block_size == 0:
            return found[0]
        listed = self.intake.blocks(IntakeBlob(row.id))
        parsed = ((parse_block_id(block.id), block.size) for block in (*listed.committed, *listed.uncommitted))
        arrived = sorted((key[0], key[1].hex(), size) for key, size in parsed if key)
        return replace(found[0], arrived=tuple(ArrivedBlock(*block) for block in arrived))

    def abandon(self, actor: Actor, upload: str, now: datetime) -> Progress:
        """Give a pending upload up; the worker deletes what has arrived. Said again, it changes nothing.

        Raises:
            UploadNotFound: there is none, or it is another account's (an administrator may abandon any).
            IllegalMove: it is being checked, or has been.
        """
        require(actor, Act.ABANDON)
        with self.catalog.write() as tx:
            row = rows.find(tx, [upload]).get(upload)
            if row is None or (row.account_id != actor.account and Role.ADMIN not in actor.roles):
                raise UploadNotFound()
            given_up = Settlement(how=Settled.GIVEN_UP, at=now, account=actor.account, name=actor.name)
            if rows.expire(tx, upload, reason=Expiry.ABANDONED, now=now, settled=given_up):
                audit.record(tx, actor, "upload.abandon", now=now, subjects=_shown([row]))
            elif row.state is not State.EXPIRED:
                raise IllegalMove(f"This upload is {row.state} already.", state=row.state)
            else:
                audit.view(tx, actor, "upload.see", now=now, subjects=_shown([row]))
            return Progress(rows.find(tx, [upload])[upload])

    def _declare_new(self, actor: Actor, declaration: Declaration, now: datetime) -> list[Offer]:
        batch = Batch(
            declaration.batch,
            actor.account,
            declaration.patient,
            declaration.body_hash,
            declaration.note,
            declaration.urgent,
            now,
        )
        uploads = [self._row(actor, declaration, place, now) for place in range(len(declaration.files))]
        # Signing may have to fetch a key or measure the store: that must not happen while a transaction is open.
        offers = [self._offer(upload, now) for upload in uploads]
        with self.catalog.write() as tx:
            offers = _with_duplicates(tx, declaration, offers, now)
            uploads = [offer.upload for offer in offers]
            files, size = rows.waiting(tx, actor.account)
            sent = [upload.size for upload in uploads if upload.state is State.PENDING]
            if files + len(sent) > self.limits.pending_files or size + sum(sent) > self.limits.pending_bytes:
                raise TooMany("Too many files have been announced and not sent. Send or give up those first.")
            rows.add(tx, batch, uploads)
            _audit_grants(tx, actor, "upload.declare", offers, now, patient=declaration.patient)
        return offers

    def _declare_again(self, actor: Actor, declaration: Declaration, now: datetime) -> list[Offer]:
        with self.catalog.read() as tx:
            known = rows.batch(tx, declaration.batch)
            uploads = rows.of_batch(tx, declaration.batch)
        if known is None or known.account_id != actor.account or known.body_hash != declaration.body_hash:
            raise Invalid("This batch id stands for another declaration. Make a new id for each batch.")
        # A catalog that was rebuilt knows of a batch what was stored; what was still on its way is declared anew.
        there = {upload.position for upload in uploads}
        places = [place for place in range(len(declaration.files)) if place not in there]
        lost = {upload.id: upload for upload in (self._row(actor, declaration, place, now) for place in places)}
        whole = sorted([*uploads, *lost.values()], key=lambda upload: upload.position)
        offers = [self._offer(upload, now) for upload in whole]
        try:
            with self.catalog.write() as tx:
                offers = _with_duplicates(tx, declaration, offers, now, new=lost)
                rows.extend(tx, [offer.upload for offer in offers if offer.upload.id in lost])
                rows.heard(tx, [upload.id for upload in whole], now)
                _audit_grants(tx, actor, "upload.declare", offers, now, patient=declaration.patient)
        except Conflict:  # the same declaration arrived twice at once
            return self._declare_again(actor, declaration, now)
        return offers

    def _row(self, actor: Actor, declaration: Declaration, place: int, now: datetime) -> Upload:
        file = declaration.files[place]
        plan = plan_for(file.size)
        return Upload(
            id=self.new_id(now),
            batch_id=declaration.batch,
            position=place,
            ref=file.ref,
            account_id=actor.account,
            account_name=actor.name,
            patient_id=declaration.patient,
            filename=file.filename,
            size=file.size,
            block_size=plan.size if plan else 0,
            media_type=file.media_type,
            eye=file.eye,
            kind=file.kind,
            captured_at=file.captured_at,
            digest=file.digest,
            note=declaration.note,
            urgent=declaration.urgent,
            state=State.PENDING,
            reason=None,
            detail=None,
            created_at=now,
            keep_until=now + self.limits.pending_keep,
            received_at=None,
            ended_at=None,
            fence=0,
            attempts=0,
        )

    def _offer(self, upload: Upload, now: datetime) -> Offer:
        plan = plan_for(upload.size)
        if upload.state is not State.PENDING or now >= upload.keep_until:
            return Offer(upload, None, plan)
        sign = self.signer.blocks if plan else self.signer.create
        return Offer(upload, sign(IntakeBlob(upload.id), now), plan)

    def _renewed(self, upload: Upload | None, now: datetime) -> Offer | BrokerError:
        if upload is None:
            return UploadNotFound()
        if upload.state is not State.PENDING:
            return IllegalMove(f"This upload is {upload.state} already.", state=upload.state)
        if now >= upload.keep_until:
            return UploadExpired("Declare the file again and send it anew.")
        return self._offer(upload, now)

    def _own(self, actor: Actor, ids: Sequence[str]) -> dict[str, Upload]:
        with self.catalog.read() as tx:
            found = rows.find(tx, ids)
        return {key: upload for key, upload in found.items() if upload.account_id == actor.account}


def _found(tx: Tx, actor: Actor, which: Filter, *, after: str | None, limit: int) -> list[Progress]:
    if actor.locked:
        which = replace(which, account=actor.account)
    found = rows.some(tx, replace(which, viewer=actor.account), after=after, limit=limit)
    scans = rows.scan_ids(tx, [upload.id for upload in found])
    return [Progress(upload, tuple(scans.get(upload.id, ()))) for upload in found]


def _shown(uploads: Iterable[Upload]) -> list[str]:
    """What a row about uploads names: their patients, and the uploads themselves."""
    some = list(uploads)
    return [*dict.fromkeys(one.patient_id for one in some), *(one.id for one in some)]


def _with_duplicates(
    tx: Tx, declaration: Declaration, offers: Sequence[Offer], now: datetime, *, new: Container[str] | None = None
) -> list[Offer]:
    """Add what the vault knows about the same bytes: of this patient, after merges, or of another one.

    ``new`` are those that are not in the catalog yet, by default all: only they can end as duplicates here.
    """
    digests = [offer.upload.digest for offer in offers if offer.upload.digest]
    stored = rows.stored_with(tx, digests) if digests else {}
    whose = patients.stands_for(tx, [declaration.patient])[declaration.patient] if stored else declaration.patient
    told = []
    for offer in offers:
        upload = offer.upload
        twins = [twin for twin in stored.get(upload.digest or "", ()) if twin[0] != upload.id]
        same = [twin for twin, patient in twins if patient == whose]
        elsewhere = any(patient != whose for _, patient in twins)
        offer = replace(offer, duplicate_of=same[0] if same else upload.duplicate_of, stored_elsewhere=elsewhere)
        if same and (new is None or upload.id in new) and not declaration.files[upload.position].again:
            offer = replace(offer, upload=_duplicate(upload, same[0], now), grant=None)
        told.append(offer)
    return told


def _duplicate(upload: Upload, twin: str, now: datetime) -> Upload:
    """An upload of which nothing has to be sent, because another one has its very bytes."""
    settled = Settlement(how=Settled.DUPLICATE, at=now, twin=twin)
    ended = replace(upload, state=State.EXPIRED, reason=Expiry.DUPLICATE, ended_at=now, duplicate_of=twin)
    return replace(ended, **settled.values)  # type: ignore[arg-type]


def _audit_grants(tx: Tx, actor: Actor, act: str, offers: Sequence[Offer], now: datetime, **detail: object) -> None:
    signed = {offer.upload.id: offer.grant.signature_hash for offer in offers if offer.grant}
    subjects = _shown(offer.upload for offer in offers)
    if twins := {one.upload.id: one.duplicate_of for one in offers if one.upload.reason == Expiry.DUPLICATE}:
        detail["duplicates"] = twins
    audit.record(tx, actor, act, now=now, subjects=subjects, detail={**detail, "signatures": signed})
