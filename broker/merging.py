"""Versions of a patient, and merging two records of one person.

A version is one document, the same in the catalog and in the vault under ``patients/<tt>/<patient>/<n>.json``:

    form 2, id, issuer, mrn, name, birth_date, sex, version (from 1 for each patient), changed_at, changed_by, account,
    merged_into: the record of the same person that this one was merged into, or null
    aliases: [{issuer, mrn, patient}] of the records that were merged into this one
    act, reason: of the act that merged two records or took that back, else null

Form 1 has neither form, merged_into, aliases, act nor reason. A merge leaves scans, their records and their manifests
alone: whose a scan is follows from what it is filed under and from the newest versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from . import audit, names
from .access.actor import Actor
from .catalog import Tx, outbox
from .catalog import patients as rows
from .catalog.patients import Patient
from .errors import IllegalMove, Invalid, PatientNotFound

FORM = 2


def keep(tx: Tx, actor: Actor, patient: Patient, now: datetime, *, act: str | None = None, reason: str = "") -> None:
    """Keep a new version of a patient, in the catalog and on its way to the vault."""
    document: dict[str, Any] = {"form": FORM, **asdict(patient)}
    document |= {"changed_at": now.isoformat(), "changed_by": actor.name, "account": actor.account}
    document |= {"aliases": _aliases(tx, patient.id), "act": act, "reason": reason or None}
    rows.put(tx, patient, document, now)
    outbox.add(tx, names.patient(patient.id, patient.version), document, now)


def merge(tx: Tx, actor: Actor, act: str, *, absorbed: str, into: str, reason: str, now: datetime) -> Patient:
    """Merge one record into another; give the one that is left. Said again with its id it is the same act.

    Raises:
        PatientNotFound, Invalid.
        IllegalMove: one of them was merged already.
    """
    if absorbed == into:
        raise Invalid("These are one record already.")
    old, new = _locked(tx, absorbed, into)
    if _said(tx, actor, act, absorbed, into, reason):
        return _seen(tx, actor, rows.known(tx, into), [into, absorbed], now)
    if old.merged_into:
        raise IllegalMove("This record was merged already. Undo that first.", patient=rows.known(tx, absorbed).id)
    if new.merged_into:
        end = rows.known(tx, into).id
        raise IllegalMove("That record was itself merged into another one. Merge into that one.", patient=end)
    keep(tx, actor, replace(old, version=old.version + 1, merged_into=into), now, act=act, reason=reason)
    left = replace(new, version=new.version + 1)
    keep(tx, actor, left, now, act=act, reason=reason)
    audit.record(tx, actor, "patient.merge", now=now, subjects=[into, absorbed], detail={"act": act})
    return left


def unmerge(tx: Tx, actor: Actor, act: str, *, absorbed: str, reason: str, now: datetime) -> Patient:
    """Take a merge back; give the record that stands for itself again. Said again with its id it is the same act.

    Raises:
        PatientNotFound, Invalid.
        IllegalMove: it is not merged.
    """
    known = rows.find(tx, absorbed)
    old, new = _locked(tx, absorbed, (known and known.merged_into) or absorbed)
    if _said(tx, actor, act, absorbed, None, reason):
        return _seen(tx, actor, rows.known(tx, absorbed), [absorbed], now)
    if old.merged_into is None or old.merged_into != new.id:
        raise IllegalMove("This record is not merged.")
    freed = replace(old, version=old.version + 1, merged_into=None)
    keep(tx, actor, freed, now, act=act, reason=reason)
    keep(tx, actor, replace(new, version=new.version + 1), now, act=act, reason=reason)
    audit.record(tx, actor, "patient.unmerge", now=now, subjects=[new.id, absorbed], detail={"act": act})
    return freed


def merges(documents: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give, of the versions of patients that are merged, the version that did it, by patient; oldest first."""
    found: dict[str, dict[str, Any]] = {}
    for one in documents:
        into = one.get("merged_into")
        if into is None:
            found.pop(one["id"], None)
        elif found.get(one["id"], {}).get("merged_into") != into:
            found[one["id"]] = one
    return found


def _locked(tx: Tx, absorbed: str, into: str) -> tuple[Patient, Patient]:
    rows.alone(tx)
    found = rows.lock(tx, {absorbed, into})
    if absorbed not in found or into not in found:
        raise PatientNotFound()
    return found[absorbed], found[into]


def _seen(tx: Tx, actor: Actor, shown: Patient, asked: Sequence[str], now: datetime) -> Patient:
    """Write down whom somebody is shown who says an act again."""
    audit.view(tx, actor, "patient.see", now=now, subjects=[shown.id, *asked])
    return shown


def _said(tx: Tx, actor: Actor, act: str, absorbed: str, into: str | None, reason: str) -> bool:
    """Whether this account's act was kept before. Raises Invalid if its id stands for something else."""
    for one in rows.versions(tx, absorbed):
        if one.get("act") == act:
            if (one["merged_into"], one["reason"], one["account"]) != (into, reason, actor.account):
                raise Invalid("This id stands for something else that was said.")
            return True
    return False


def _aliases(tx: Tx, patient: str) -> list[dict[str, str]]:
    merged = rows.absorbed(tx, patient, directly=True)
    return [{"issuer": one.issuer, "mrn": one.mrn, "patient": one.id} for one in merged]
