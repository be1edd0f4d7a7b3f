"""The patients resource: find or make one, look, change."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from flask import Response

from ..access.permissions import Act
from ..catalog.patients import place
from ..errors import Invalid
from ..guard import actor, parts
from . import answers, schemas
from .resource import Resource, reply

PAGE = 20
resource = Resource("patients", "People, known by record number and who issued it.")


@resource.operation(
    "POST", "/patients", Act.MAKE_PATIENT, body=schemas.PatientIn(), answer=answers.PatientOut, status=201, also=200
)
def make(values: dict[str, Any]) -> Response:
    """Make a patient, or get the one that exists with the same details (then 200)."""
    patient, made = parts().patients.make(actor(), **values, now=parts().clock())
    return reply(answers.patient_value(patient), 201 if made else 200)


@resource.operation("GET", "/patients", Act.FIND_PATIENT, query=schemas.PatientsQuery(), answer=answers.PatientsOut)
def find(query: dict[str, Any]) -> Response:
    """Search by parts of the name, the start of the record number, or a birth date."""
    after = _read_cursor(query["after"]) if query["after"] else None
    found = parts().patients.find(actor(), query["q"], now=parts().clock(), after=after, limit=PAGE)
    following = _cursor(*place(found[-1])) if len(found) == PAGE else None
    return reply({"patients": [answers.patient_value(patient) for patient in found], "next": following})


@resource.operation("GET", "/patients/<id:patient>", Act.FIND_PATIENT, answer=answers.PatientOut)
def one(patient: str) -> Response:
    """Get one patient; by the id of a record that was merged, the one it was merged into."""
    return reply(answers.patient_value(parts().patients.one(actor(), patient, now=parts().clock())))


@resource.operation(
    "PATCH",
    "/patients/<id:patient>",
    Act.CHANGE_PATIENT,
    body=schemas.PatientChange(partial=True),
    answer=answers.PatientOut,
)
def change(changes: dict[str, Any], patient: str) -> Response:
    """Correct a patient's details; the versions before are kept."""
    told = {key: value for key, value in changes.items() if value is not None or key == "sex"}
    return reply(answers.patient_value(parts().patients.change(actor(), patient, told, now=parts().clock())))


@resource.operation("POST", "/merges", Act.CORRECT, body=schemas.MergeIn(), answer=answers.PatientOut, status=201)
def merge(said: dict[str, Any]) -> Response:
    """Merge the record ``absorbed`` into another one of the same person; get that. Reviews stand; it can be undone."""
    left = parts().patients.merge(
        actor(), said["id"], absorbed=said["absorbed"], into=said["into"], reason=said["reason"], now=parts().clock()
    )
    return reply(answers.patient_value(left), 201)


@resource.operation(
    "POST", "/merges/undo", Act.CORRECT, body=schemas.UnmergeIn(), answer=answers.PatientOut, status=201
)
def unmerge(said: dict[str, Any]) -> Response:
    """Take a merge back; get the record that stands for itself again."""
    freed = parts().patients.unmerge(
        actor(), said["id"], absorbed=said["absorbed"], reason=said["reason"], now=parts().clock()
    )
    return reply(answers.patient_value(freed), 201)


def _cursor(*place: str) -> str:
    return urlsafe_b64encode("\0".join(place).encode()).decode()


def _read_cursor(text: str) -> tuple[str, str]:
    try:
        name, identity = urlsafe_b64decode(text).decode().split("\0")
    except ValueError:
        raise Invalid("This is not where a page ended.") from None
    return name, identity
