"""Patients: find, make, change, merge. Every change is a new version; all are kept, in the catalog and the vault."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from . import audit, merging, pathwords
from .access.actor import Actor
from .access.permissions import Act, require
from .catalog import Catalog, Conflict, Tx
from .catalog import patients as rows
from .catalog.patients import Patient
from .errors import IllegalMove, Invalid, PatientExists
from .ids import is_id
from .text import refusal
from .words import Sex

EARLIEST_BIRTH = date(1880, 1, 1)
#: What a change may set.
CHANGEABLE = frozenset({"issuer", "mrn", "name", "birth_date", "sex"})
#: Paths that are looked up at once, and patients whom they may name; a name that more people bear tells nobody apart.
MOST_PATHS, MOST_NAMED = 50, 50


class Alike(StrEnum):
    """Why a patient is easily taken for another one."""

    NAMESAKE = "namesake"
    TWIN = "twin"

    @property
    def words(self) -> str:
        """What stands on the chip beside the patient."""
        return _ALIKE[self]


_ALIKE = {
    Alike.NAMESAKE: "Namesake: check the birth date",
    Alike.TWIN: "Same surname and birth date as another patient",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patients:
    """The acts on patients. ``issuer`` is who issues record numbers unless a patient says otherwise."""

    catalog: Catalog
    issuer: str
    new_id: Callable[[datetime], str]

    def make(
        self,
        actor: Actor,
        *,
        mrn: str,
        name: str,
        birth_date: date,
        now: datetime,
        issuer: str | None = None,
        sex: Sex | None = None,
    ) -> tuple[Patient, bool]:
        """Make a patient, or give the one that exists with the same details; says which.

        Raises:
            NotAllowed.
            Invalid: the name or number is empty, or the birth date cannot be.
            PatientExists: the record number is known with another name or birth date.
        """
        require(actor, Act.MAKE_PATIENT)
        values = {"issuer": issuer or self.issuer, "mrn": mrn, "name": name, "birth_date": birth_date, "sex": sex}
        wanted = _made(self.new_id(now), 1, _checked(values, now))
        try:
            with self.catalog.write() as tx:
                if rows.find_by_mrn(tx, wanted.issuer, wanted.mrn) is None:
                    self._keep(tx, actor, wanted, "patient.make", now)
                    return wanted, True
        except Conflict:  # made by somebody else a moment ago
            pass
        with self.catalog.write() as tx:
            known = rows.find_by_mrn(tx, wanted.issuer, wanted.mrn)
            stands = rows.known(tx, known.id) if known else None
            if known and stands:  # that the number is taken, and by whom, is told even to whoever has other details
                audit.view(tx, actor, "patient.see", now=now, subjects=[known.id, stands.id])
        return _same(known, stands, wanted), False

    def find(
        self,
        actor: Actor,
        text: str,
        *,
        now: datetime,
        after: tuple[str, str] | None = None,
        limit: int = 20,
        peek: bool = False,
    ) -> list[Patient]:
        """Search by parts of the name, the start of the record number, or a birth date (1957-03-21 or 21.03.1957).

        The whole of a record number, as a barcode gives it, finds just that patient, first. What is found by a record
        that was merged is the patient it was merged into. ``peek``: one more is given, who only says that there are
        more, and is not written down as shown.
        """
        require(actor, Act.FIND_PATIENT)
        words, birth_date = _words(text)
        with self.catalog.write() as tx:
            found = rows.search(tx, words, birth_date=birth_date, after=after, limit=limit + peek)
            exact = rows.find_by_mrn(tx, self.issuer, text.strip()) if after is None else None
            if exact:
                exact = rows.known(tx, exact.id)
                found = [exact, *(patient for patient in found if patient.id != exact.id)][: limit + peek]
            audit.view(tx, actor, "patient.find", now=now, subjects=[patient.id for patient in found[:limit]])
        return found

    def one(self, actor: Actor, patient: str, *, now: datetime) -> Patient:
        """Give one patient; of a record that was merged, the one it was merged into.

        Raises:
            PatientNotFound.
        """
        require(actor, Act.FIND_PATIENT)
        with self.catalog.write() as tx:
            found = rows.known(tx, patient)
            audit.view(tx, actor, "patient.see", now=now, subjects=[patient, found.id])
        return found

    def known_by(self, actor: Actor, mrn: str, *, now: datetime) -> Patient | None:
        """Give the patient with the whole of a record number, or with a record of that number merged into it."""
        require(actor, Act.FIND_PATIENT)
        with self.catalog.write() as tx:
            record = None if refusal(mrn) else rows.find_by_mrn(tx, self.issuer, mrn)
            found = rows.known(tx, record.id) if record else None
            audit.view(tx, actor, "patient.find", now=now, subjects=[found.id] if found else [])
        return found

    def some(self, actor: Actor, ids: Iterable[str], *, now: datetime) -> dict[str, Patient]:
        """Give these patients by the ids that are asked for, merged ones as what they were merged into; whom nobody
        knows is left out."""
        require(actor, Act.FIND_PATIENT)
        with self.catalog.write() as tx:
            asked = list(dict.fromkeys(ids))
            found = rows.many(tx, asked)
            known = {one: found[one] for one in asked if one in found}
            if known:
                subjects = [*known, *(one.id for one in known.values())]
                audit.view(tx, actor, "patient.see", now=now, subjects=subjects)
        return known

    def named(self, actor: Actor, paths: Sequence[str], *, now: datetime) -> list[Patient]:
        """Give the patients whose record number or full name stands in one of these paths or file names.

        Raises:
            NotAllowed.
            Invalid: there are more paths, or more different words in them, than are looked up at once.
        """
        require(actor, Act.FIND_PATIENT)
        if len(paths) > MOST_PATHS or len(pathwords.distinct(paths)) > pathwords.MOST_WORDS:
            words = f"At most {MOST_PATHS} paths of {pathwords.MOST_WORDS} different words are looked up at once."
            raise Invalid(words, field="path")
        mrns = {way for path in paths for one in pathwords.numbers(path) for way in (one, one.upper())}
        keys = {key for path in paths for key in pathwords.name_keys(path)}
        with self.catalog.write() as tx:
            some = rows.named(tx, mrns=mrns, name_keys=keys, limit=MOST_NAMED)
            said = [one.id for one in some if any(_names(path, one) for path in paths)]
            # A number or name of a record that was merged names whom it was merged into.
            known = rows.many(tx, said)
            found = list({known[one].id: known[one] for one in said}.values())
            if found:
                audit.view(tx, actor, "patient.named", now=now, subjects=[patient.id for patient in found])
        return found

    def alike(self, actor: Actor, ids: Iterable[str]) -> dict[str, Alike]:
        """Say which of these patients are easily taken for another one, and why.

        Namesakes have the same name, whichever part comes first; twins the same surname and birth date.
        """
        require(actor, Act.FIND_PATIENT)
        with self.catalog.read() as tx:
            known = rows.many(tx, dict.fromkeys(ids))
            if not known:
                return {}
            keys = {key for one in known.values() for key in (one.name.casefold(), _turned(one.name.casefold()))}
            others = rows.like(tx, name_keys=keys, birth_dates={one.birth_date for one in known.values()})
        found = {one.id: _likeness(one, others) for one in known.values()}
        return {one: why for one, why in found.items() if why}

    def former(self, actor: Actor, ids: Iterable[str], *, now: datetime) -> dict[str, list[Patient]]:
        """Give the records that were merged into these patients: devices go on writing their numbers and names."""
        require(actor, Act.FIND_PATIENT)
        with self.catalog.write() as tx:
            found = rows.former(tx, dict.fromkeys(ids))
            if found:
                subjects = [one.id for some in found.values() for one in some]
                audit.view(tx, actor, "patient.see", now=now, subjects=subjects)
        return found

    def change(self, actor: Actor, patient: str, changes: Mapping[str, Any], *, now: datetime) -> Patient:
        """Make a new version of a patient with ``changes``; the same values again make none.

        Raises:
            PatientNotFound, Invalid.
            PatientExists: another patient has that record number.
            IllegalMove: this record was merged: the other one, named in ``patient``, is the one to change.
        """
        require(actor, Act.CHANGE_PATIENT)
        try:
            with self._told_of(actor, now), self.catalog.write() as tx:
                known = rows.known(tx, patient)
                if known.id != patient:
                    raise IllegalMove("This record was merged into another one. Change that one.", patient=known.id)
                values = asdict(known) | {key: value for key, value in changes.items() if key in CHANGEABLE}
                wanted = _made(patient, known.version + 1, _checked(values, now))
                if replace(wanted, version=known.version) == known:
                    audit.view(tx, actor, "patient.see", now=now, subjects=[patient])
                    return known
                self._keep(tx, actor, wanted, "patient.change", now)
                return wanted
        except Conflict:
            raise PatientExists("Another patient has this record number.") from None

    def merge(self, actor: Actor, act: str, *, absorbed: str, into: str, reason: str, now: datetime) -> Patient:
        """Merge two records of one person: everything of ``absorbed`` is shown with ``into`` from now on; gives that.

        Reviews stand, nothing is written again, the old number still finds the patient, and it can be undone.

        Raises:
            NotAllowed, PatientNotFound.
            Invalid: both are one, or the id stands for something else.
            IllegalMove: one of them was merged already; ``patient`` names the one to go on with.
        """
        require(actor, Act.CORRECT)
        with self._told_of(actor, now), self.catalog.write() as tx:
            return merging.merge(tx, actor, act, absorbed=absorbed, into=into, reason=reason, now=now)

    def unmerge(self, actor: Actor, act: str, *, absorbed: str, reason: str, now: datetime) -> Patient:
        """Take a merge back: everything that was filed under ``absorbed`` is shown with it again; gives that.

        Raises:
            NotAllowed, PatientNotFound, Invalid.
            IllegalMove: it is not merged.
        """
        require(actor, Act.CORRECT)
        with self.catalog.write() as tx:
            return merging.unmerge(tx, actor, act, absorbed=absorbed, reason=reason, now=now)

    @contextmanager
    def _told_of(self, actor: Actor, now: datetime) -> Iterator[None]:
        """Write down whom a refusal names as the one to go on with; what was refused has left nothing behind."""
        try:
            yield
        except IllegalMove as refused:
            if named := refused.members.get("patient"):
                with self.catalog.write() as tx:
                    audit.view(tx, actor, "patient.see", now=now, subjects=[str(named)])
            raise

    def _keep(self, tx: Tx, actor: Actor, patient: Patient, act: str, now: datetime) -> None:
        merging.keep(tx, actor, patient, now)
        audit.record(tx, actor, act, now=now, subjects=[patient.id], detail={"version": patient.version})


def _names(path: str, patient: Patient) -> bool:
    return pathwords.names_number(path, patient.mrn) or pathwords.names_person(path, patient.name)


def _likeness(patient: Patient, others: Iterable[tuple[str, str, str]]) -> Alike | None:
    key = patient.name.casefold()
    rest = [(name, born) for one, name, born in others if one != patient.id]
    if any(born == patient.birth_date and _family(name) == _family(key) for name, born in rest):
        return Alike.TWIN
    return Alike.NAMESAKE if any(name in (key, _turned(key)) for name, _ in rest) else None


def _family(name: str) -> str:
    """The family's part of a name: what stands before the comma, else the last word."""
    family, comma, _given = name.partition(",")
    return family.strip() if comma else name.split()[-1]


def _turned(name: str) -> str:
    """``example, ada`` for ``ada example``, and the other way round."""
    family, comma, given = name.partition(", ")
    if comma:
        return f"{given} {family}"
    given, _, family = name.rpartition(" ")
    return f"{family}, {given}" if given else name


def from_document(document: Mapping[str, Any]) -> Patient:
    """Read a patient back from a version's document, as the vault keeps it: see ``merging``.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    form = document["form"] if "form" in document else 1  # noqa: SIM401 (it may be no object at all)
    if form not in (1, merging.FORM):
        raise ValueError("not a form that we know")
    merged_into = document["merged_into"] if form == merging.FORM else None
    fields = {key: document[key] for key in Patient.__dataclass_fields__ if key != "merged_into"}
    patient = Patient(**fields, merged_into=merged_into)
    date.fromisoformat(patient.birth_date)
    if merged_into is not None and not is_id(merged_into):
        raise ValueError("it is merged into nobody")
    if patient.version < 1 or not all(isinstance(fields[key], str) for key in ("id", "issuer", "mrn", "name")):
        raise ValueError("not a patient's document")
    return patient


def _made(identity: str, version: int, values: Mapping[str, Any]) -> Patient:
    return Patient(**{key: values[key] for key in CHANGEABLE}, id=identity, version=version)


def _checked(values: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Trim the texts, write the date as ISO; refuse what cannot be."""
    checked: dict[str, Any] = dict(values)
    for key, label, longest in (("issuer", "issuer", 64), ("mrn", "record number", 64), ("name", "name", 200)):
        checked[key] = " ".join(str(values[key]).split())
        if not 1 <= len(checked[key]) <= longest or refusal(checked[key]):
            raise Invalid(f"The {label} must have 1 to {longest} readable characters.", field=key)
    birth = values["birth_date"]
    birth = birth if isinstance(birth, date) else date.fromisoformat(birth)
    if not EARLIEST_BIRTH <= birth <= now.date():
        raise Invalid("The birth date cannot be in the future, nor before 1880.", field="birth_date")
    checked["birth_date"] = birth.isoformat()
    checked["sex"] = Sex(values["sex"]).value if values["sex"] else None
    return checked


def _same(known: Patient | None, left: Patient | None, wanted: Patient) -> Patient:
    """Give the patient ``left`` if ``wanted`` is that, or the record ``known`` that was merged into it."""
    if known is None or left is None:
        raise PatientExists()
    if not any(_person(wanted) == _person(one) for one in (known, left)):
        # No detail of the other patient here: whoever typed a wrong number must not learn whose it is.
        raise PatientExists(
            "This record number belongs to a patient with another name or birth date. Search for the number, compare.",
            patient=left.id,
        )
    return left


def _person(patient: Patient) -> tuple[str, str]:
    return patient.name.casefold(), patient.birth_date


def _words(text: str) -> tuple[list[str], str | None]:
    """Split a search into case-folded words and at most one birth date."""
    words, birth_date = [], None
    for word in text.casefold().replace(",", " ").split()[:8]:
        day = _day(word)
        if day and birth_date is None:
            birth_date = day
        else:
            words.append(word)
    return words, birth_date


def _day(word: str) -> str | None:
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"):
        try:
            return datetime.strptime(word, form).date().isoformat()
        except ValueError:
            continue
    return None
