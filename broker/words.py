"""The controlled vocabulary: eyes, kinds, roles, and the life of an upload.

One word for one thing, in code, API, storage and pages. The values are what is stored and sent; ``sentence`` is what
staff read instead of a state, in the API as on the pages.
"""

from __future__ import annotations

from enum import StrEnum


class Eye(StrEnum):
    """Which eye. ``OD`` is the right, ``OS`` the left; never guessed."""

    OD = "OD"
    OS = "OS"
    OU = "OU"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What kind of picture or document a scan is."""

    COLOR_FUNDUS = "color_fundus"
    RED_FREE = "red_free"
    AUTOFLUORESCENCE = "autofluorescence"
    FLUORESCEIN_ANGIOGRAPHY = "fluorescein_angiography"
    ICG_ANGIOGRAPHY = "icg_angiography"
    INFRARED = "infrared"
    BLUE_REFLECTANCE = "blue_reflectance"
    GREEN_REFLECTANCE = "green_reflectance"
    OCT = "oct"
    OCTA = "octa"
    SLIT_LAMP = "slit_lamp"
    EXTERNAL = "external"
    ULTRASOUND = "ultrasound"
    SPECULAR = "specular"
    VISUAL_FIELD = "visual_field"
    BIOMETRY = "biometry"
    TOPOGRAPHY = "topography"
    ADAPTIVE_OPTICS = "adaptive_optics"
    DOCUMENT = "document"
    OTHER = "other"
    UNKNOWN = "unknown"


class Sex(StrEnum):
    """Administrative sex as DICOM (0010,0040) writes it."""

    MALE = "M"
    FEMALE = "F"
    OTHER = "O"


class Role(StrEnum):
    """What an account may do; an account holds a set of them."""

    TECHNICIAN = "technician"
    PHYSICIAN = "physician"
    ADMIN = "admin"


class Review(StrEnum):
    """What physicians have said of a scan. ``CLOSED``: a repeat was wanted, and somebody settled it without one."""

    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"
    REPEAT = "repeat"
    CLOSED = "closed"


class RecordKind(StrEnum):
    """What an append-only record about a scan is."""

    REVIEW = "review"
    ADDENDUM = "addendum"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"


class State(StrEnum):
    """Where one upload stands."""

    PENDING = "pending"
    RECEIVED = "received"
    VERIFYING = "verifying"
    STORED = "stored"
    REJECTED = "rejected"
    EXPIRED = "expired"
    MISSING = "missing"


#: The legal moves. ``verifying -> received`` gives a claim back (a lease that ran out, a fault that passes);
#: ``pending -> verifying`` does not exist: bytes are claimed only after they were said, or seen, to be there.
MOVES: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RECEIVED, State.EXPIRED}),
    State.RECEIVED: frozenset({State.VERIFYING, State.MISSING}),
    State.VERIFYING: frozenset({State.RECEIVED, State.STORED, State.REJECTED, State.MISSING}),
    State.STORED: frozenset(),
    State.REJECTED: frozenset(),
    State.EXPIRED: frozenset(),
    State.MISSING: frozenset(),
}

#: States in which nothing more will happen by itself.
FINAL = frozenset(state for state, moves in MOVES.items() if not moves)


def sentence(state: State, reason: str | None) -> str:
    """What staff read about an upload in this state; ``reason`` is its code. "Sending 42 %" only the browser knows."""
    if state is State.REJECTED:
        why = Rejection(reason).sentence if reason in set(Rejection) else "it could not be checked."
        return f"Not stored: {why} Your file is still with you."
    if state is State.MISSING:
        return f"The storage lost it. Send it again and tell IT ({reason or state})."
    return _READ[state]


_READ: dict[State, str] = {
    State.PENDING: "Waiting",
    State.RECEIVED: "Sent, being checked. Keep your file.",
    State.VERIFYING: "Sent, being checked. Keep your file.",
    State.STORED: "Stored and checked: identical to your file. You may clear it from the camera.",
    State.EXPIRED: "Never arrived. Send it again.",
}


class Rejection(StrEnum):
    """Why a file was not stored: a closed list, each with a sentence a technician understands."""

    EMPTY = "empty"
    SIZE = "size"
    DIGEST = "digest"
    CHANGED = "changed"
    BLOB_TYPE = "blob_type"
    UNREADABLE = "unreadable"
    TYPE = "type"
    MISMATCH = "mismatch"
    POLYGLOT = "polyglot"
    PREAMBLE = "preamble"
    FILESET = "fileset"
    PIXELS = "pixels"
    UNPACKED = "unpacked"
    TRUNCATED = "truncated"
    DECODE = "decode"
    DECODER_DIED = "decoder_died"
    MALWARE = "malware"

    @property
    def sentence(self) -> str:
        """What the technician reads after "Not stored:"."""
        return _SENTENCES[self]


_SENTENCES: dict[Rejection, str] = {
    Rejection.EMPTY: "the file is empty.",
    Rejection.SIZE: "the file that arrived is not as long as the one that was announced.",
    Rejection.DIGEST: "the bytes that arrived differ from the file on your computer.",
    Rejection.CHANGED: "the file was changed while it was being checked.",
    Rejection.BLOB_TYPE: "the file was sent in a way this service does not take.",
    Rejection.UNREADABLE: "the storage cannot give the file back as it was sent.",
    Rejection.TYPE: "this is not a kind of file that can be stored here.",
    Rejection.MISMATCH: "the name says one kind of file and the contents another.",
    Rejection.POLYGLOT: "something else is hidden behind the picture.",
    Rejection.PREAMBLE: "the start of the DICOM file holds something that does not belong there.",
    Rejection.FILESET: "this is a DICOM directory, not a picture. Send the pictures it lists.",
    Rejection.PIXELS: "the picture claims more pixels than any eye camera makes.",
    Rejection.UNPACKED: "the file unpacks to far more than a picture needs.",
    Rejection.TRUNCATED: "the file is cut short. Export it again.",
    Rejection.DECODE: "the picture is damaged and cannot be opened. Export it again.",
    Rejection.DECODER_DIED: "the picture cannot be opened safely.",
    Rejection.MALWARE: "the virus scanner found something in it.",
}
