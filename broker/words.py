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
    """What a record about a scan is. ``ANSWER`` answers a wanted repeat, ``RETRACTION`` takes an act back."""

    REVIEW = "review"
    ADDENDUM = "addendum"
    CORRECTION = "correction"
    WITHDRAWAL = "withdrawal"
    RETRACTION = "retraction"
    ANSWER = "answer"


class CaptureSource(StrEnum):
    """Where a capture time comes from: a person, an element of the file, or the time of receipt.

    ``FILE`` stands where an old manifest does not say which element it was.
    """

    DECLARED = "declared"
    CORRECTED = "corrected"
    EXIF = "exif"
    VENDOR = "vendor"
    ACQUISITION_DATE_TIME = "dicom:0008,002A"
    ACQUISITION_DATE = "dicom:0008,0022"
    CONTENT_DATE = "dicom:0008,0023"
    SERIES_DATE = "dicom:0008,0021"
    STUDY_DATE = "dicom:0008,0020"
    FILE = "file"
    UPLOAD = "upload"

    @property
    def words(self) -> str:
        """What stands in brackets behind the time."""
        return _SOURCE_WORDS.get(self, "from the file")


_SOURCE_WORDS = {
    CaptureSource.DECLARED: "said by the technician",
    CaptureSource.CORRECTED: "corrected",
    CaptureSource.EXIF: "from the file: camera clock (EXIF)",
    CaptureSource.VENDOR: "from the file: time of the exam",
    CaptureSource.ACQUISITION_DATE_TIME: "from the file: acquisition time",
    CaptureSource.ACQUISITION_DATE: "from the file: acquisition date",
    CaptureSource.CONTENT_DATE: "from the file: content date",
    CaptureSource.SERIES_DATE: "from the file: series date",
    CaptureSource.STUDY_DATE: "from the file: study date",
    CaptureSource.UPLOAD: "time of receipt",
}


class Attention(StrEnum):
    """Why somebody should look at a scan's facts: a closed list, each with its sentence.

    Only those of ``BLOCKING`` stand in the way of signing; the others are shown.
    """

    EYE = "eye"
    PATIENT = "patient"
    CAPTURED_AT = "captured_at"
    STORED_ELSEWHERE = "stored_elsewhere"
    MOVED = "moved"
    EYE_CORRECTED = "eye_corrected"

    @property
    def sentence(self) -> str:
        """What staff read on the scan's page."""
        return _ATTENTION[self]


_ATTENTION = {
    Attention.EYE: "The file names another eye than the technician did, or two eyes at once.",
    Attention.PATIENT: "The file names another patient than the technician chose, or a time before the birth.",
    Attention.CAPTURED_AT: "The time in the file is doubtful. Correct or confirm the time of capture.",
    Attention.STORED_ELSEWHERE: "The very same file was sent for another patient, too.",
    Attention.MOVED: "It was moved here from another patient.",
    Attention.EYE_CORRECTED: "Its eye was corrected after it had been reviewed.",
}

#: What somebody must settle before the scan can be signed.
BLOCKING = frozenset({Attention.EYE, Attention.PATIENT})


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
