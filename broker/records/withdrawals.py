"""Withdrawals: scans leave gallery and counts, and come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from ..access.actor import Actor
from ..access.permissions import Act, require
from ..catalog import Tx, uploads
from ..catalog import records as rows
from ..catalog.folding import standing
from ..catalog.records import Document
from ..catalog.scans import Scan
from ..errors import NotAllowed
from ..words import RecordKind, Role
from .keeper import Keeper
from .stale import of_records, refuse_stale, telling


class Withdrawals(Keeper):
    """The acts of withdrawing and restoring."""

    __slots__ = ()

    def withdraw(
        self,
        actor: Actor,
        act: str,
        ids: Iterable[str],
        *,
        reason: str,
        now: datetime,
        restore: bool = False,
        seen: Mapping[str, int] | None = None,
    ) -> list[Document]:
        """Take scans out of gallery and counts, or with ``restore`` back in.

        Raises:
            NotAllowed: a technician may for what this account sent, until it was reviewed, and restores only what this
                account has withdrawn.
            ScanNotFound: there is none, or it is so already.
            Stale: somebody said something meanwhile of what ``seen`` names, by the number of records that was shown.
        """
        require(actor, Act.WITHDRAW)
        said = {"kind": RecordKind.WITHDRAWAL.value, "withdrawn": not restore, "reason": reason}

        def make(tx: Tx, found: Mapping[str, Scan]) -> dict[str, Document]:
            refuse_stale(tx, found, of_records(seen))
            if Role.PHYSICIAN not in actor.roles:
                _refuse_others(tx, actor, found, restore=restore)
            return dict.fromkeys(found, said)

        name = "scan.restore" if restore else "scan.withdraw"
        with telling(self.catalog, actor, now):
            return self.keep(actor, act, name, ids, make, said, now, withdrawn=restore)


def _refuse_others(tx: Tx, actor: Actor, found: Mapping[str, Scan], *, restore: bool) -> None:
    """Let a technician go on only where nobody else has had a say."""
    sent = uploads.find(tx, {scan.upload_id for scan in found.values()})
    kept = rows.of_scans(tx, found)
    for scan in found.values():
        upload, said = sent.get(scan.upload_id), standing(kept.get(scan.id, []))
        if upload is None or upload.account_id != actor.account or _of(said, RecordKind.REVIEW):
            raise NotAllowed("A technician withdraws own uploads, until they were reviewed. Ask a physician.")
        withdrawals = _of(said, RecordKind.WITHDRAWAL)
        if restore and (not withdrawals or withdrawals[-1]["account"] != actor.account):
            raise NotAllowed("Somebody else has withdrawn this. Ask them, or a physician, to restore it.")


def _of(said: Sequence[Document], kind: RecordKind) -> list[Document]:
    return [one for one in said if one["kind"] == kind]
