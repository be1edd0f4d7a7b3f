"""Who may do what: the one table. Routes name the act that they are, use cases require it."""

from __future__ import annotations

from enum import StrEnum

from ..errors import NotAllowed
from ..words import Role
from .actor import Actor


class Act(StrEnum):
    """Something an account may or may not do."""

    FIND_PATIENT = "find_patient"
    MAKE_PATIENT = "make_patient"
    CHANGE_PATIENT = "change_patient"
    UPLOAD = "upload"
    SEE_UPLOADS = "see_uploads"
    ABANDON = "abandon"
    SEE_SCANS = "see_scans"
    ORIGINAL = "original"
    CORRECT = "correct"
    WITHDRAW = "withdraw"
    REVIEW = "review"
    ACCOUNTS = "accounts"
    TOKENS = "tokens"
    SEE_AUDIT = "see_audit"
    QUARANTINE = "quarantine"
    OWN_SESSION = "own_session"


_CLINICAL = frozenset({Role.TECHNICIAN, Role.PHYSICIAN})
_PHYSICIAN = frozenset({Role.PHYSICIAN})
_ADMIN = frozenset({Role.ADMIN})
_ANYBODY = frozenset(Role)

#: Which roles may do an act; an account may if it holds one of them. Whose upload it is, the use cases check besides:
#: renewing, completing and abandoning are for the account that declared it, and abandoning for an administrator too.
ALLOWED: dict[Act, frozenset[Role]] = {
    Act.FIND_PATIENT: _CLINICAL,
    Act.MAKE_PATIENT: _CLINICAL,
    Act.CHANGE_PATIENT: _CLINICAL,
    Act.UPLOAD: _CLINICAL,
    Act.SEE_UPLOADS: _CLINICAL,
    Act.ABANDON: _CLINICAL | _ADMIN,
    Act.SEE_SCANS: _CLINICAL,
    Act.ORIGINAL: _CLINICAL,
    Act.CORRECT: _CLINICAL,
    Act.WITHDRAW: _CLINICAL,
    Act.REVIEW: _PHYSICIAN,
    Act.ACCOUNTS: _ADMIN,
    Act.TOKENS: _ADMIN,
    Act.SEE_AUDIT: _ADMIN,
    Act.QUARANTINE: _ADMIN,
    Act.OWN_SESSION: _ANYBODY,
}


def may(actor: Actor, act: Act) -> bool:
    """Say whether one of the actor's roles includes ``act``."""
    return not ALLOWED[act].isdisjoint(actor.roles)


def require(actor: Actor, act: Act) -> None:
    """Let ``actor`` pass if it may do ``act``.

    Raises:
        NotAllowed: none of its roles includes the act.
    """
    if not may(actor, act):
        raise NotAllowed()
