"""Completing one upload: what the store says has arrived, compared with what was declared."""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import BlockPlan, arrange, blocks_digest, fits, parse_block_id, plan_for
from .catalog.uploads import Upload
from .declaration import Told
from .errors import BlobMissing, BlocksMissing, BrokerError, DigestMismatch, Invalid, UploadNotFound
from .names import IntakeBlob
from .storage.containers import BlobExists, BlocksRefused, Intake
from .words import State

#: Indices named in one blocks-missing problem; a client that lacks more asks for the upload's state.
MISSING_NAMED = 1000


def settle(intake: Intake, upload: Upload | None, told: Told) -> str | BrokerError | None:
    """Make one upload ready to be received: its digest, or None if it is past that, or its problem."""
    if upload is None:
        return UploadNotFound()
    if upload.state is not State.PENDING:
        return None
    if told.digest and upload.digest and told.digest != upload.digest:
        return DigestMismatch("The digest differs from the one that was declared.")
    digest = told.digest or upload.digest
    if digest and not fits(digest, plan_for(upload.size)):
        return Invalid("The digest does not have the form that a file of this size must have.")
    plan = plan_for(upload.size)
    try:
        return _commit(intake, upload, plan, told, digest) if plan else digest or _undigested()
    except BrokerError as problem:
        return problem


def _commit(intake: Intake, upload: Upload, plan: BlockPlan, told: Told, digest: str | None) -> str:
    blob = IntakeBlob(upload.id)
    if told.blocks is not None and len(told.blocks) != plan.count:
        raise Invalid(f"The plan has {plan.count} blocks; {len(told.blocks)} were named.")
    listed = intake.blocks(blob)
    if listed.committed:
        # A lost answer, or somebody with a write grant committed: what counts is whether it is the plan.
        ids = [block.id for block in listed.committed]
        if arrange(plan, [(block.id, block.size) for block in listed.committed], told.blocks) != ids:
            raise DigestMismatch("The store holds other blocks than the plan's. Declare the file again.")
        return _digest_of(plan, ids, digest)
    if not listed.uncommitted:
        raise BlobMissing("No block has arrived. Send the file, then complete again.")
    chosen = arrange(plan, [(block.id, block.size) for block in listed.uncommitted], told.blocks)
    ids = [name for name in chosen if name is not None]
    if len(ids) < plan.count:
        missing = [index for index, name in enumerate(chosen) if name is None]
        raise BlocksMissing(f"{len(missing)} of {plan.count} blocks are missing.", missing=missing[:MISSING_NAMED])
    found = _digest_of(plan, ids, digest)
    try:
        intake.commit(blob, ids)
    except BlobExists:  # committed a moment ago: compare that one
        return _commit(intake, upload, plan, told, digest)
    except BlocksRefused:  # the store dropped blocks between the listing and the commit
        raise BlocksMissing("The blocks changed meanwhile. Ask which have arrived, send the rest.") from None
    return found


def _undigested() -> BrokerError:
    return Invalid("Say the file's digest, so that what is stored can be compared with what you have.")


def _digest_of(plan: BlockPlan, ids: Sequence[str], told: str | None) -> str:
    parsed = [parse_block_id(name) for name in ids]
    digest = blocks_digest(plan, [key[1] for key in parsed if key])
    if told and told != digest:
        raise DigestMismatch("The blocks in the store are not those of the declared file. Send the file again.")
    return digest
