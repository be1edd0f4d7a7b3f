"""The controlled vocabulary: eyes, kinds, roles, and the life of an upload.

One word for one thing, in code, API, storage and pages. The values are what is stored and sent; ``sentence`` is what
staff read instead of a state, in the API as on the pages.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def sentence(
    state: State,
    reason: str | None,
    *,
    silent: bool = False,
    yours: bool = True,
    settled: Settled | None = None,
    identical: bool = False,
) -> str:
    """What staff read about an upload in this state; ``reason`` is its code. "Sending 42 %" only the browser knows.

    ``silent``: nothing was heard of it for long, so that a pending one is not on its way any more. ``yours``: whoever
    reads it has sent the file. ``settled``: how its question was ended, which stands beside this sentence.
    ``identical``: another upload that is stored has the very bytes.
    """
    if identical and state in FINAL and state is not State.STORED:
        return Expiry.DUPLICATE.sentence
    if state is State.REJECTED:
        why = Rejection(reason).sentence if reason in set(Rejection) else "it could not be checked."
        return f"Not stored: {why} Your file is still with you." if yours else f"Not stored: {why}"
    if state is State.MISSING:
        what = "Tell IT" if settled else "Send it again and tell IT"
        return f"The storage lost it. {what} ({reason or state})."
    if state is State.EXPIRED and _done_about(reason, settled):
        return "Never arrived."
    if state is State.EXPIRED and reason in set(Expiry):
        return Expiry(reason).sentence
    if state is State.PENDING and silent:
        return "Has not arrived: nothing was heard of it for more than an hour."
    return _READ[state]


def _done_about(reason: str | None, settled: Settled | None) -> bool:
    """Say whether nobody needs to be told any more what to do about a file that never arrived."""
    given_up = reason == Expiry.ABANDONED and settled is not Settled.SENT_AGAIN
    return settled is not None and reason != Expiry.DUPLICATE and not given_up


def is_safe(state: State, reason: str | None, *, identical: bool = False) -> bool:
    """Say whether the very bytes of this file lie in the vault, so that the camera need not keep them.

    ``identical``: another upload that is stored has them, which was found before this one was sent or after it ended.
    """
    duplicate = state is State.EXPIRED and reason == Expiry.DUPLICATE
    return state is State.STORED or duplicate or (identical and state in FINAL)


def what_to_do(state: State, reason: str | None) -> str:
    """What staff are to do about a file that was not stored; it stands beside ``sentence``."""
    if state is State.REJECTED and reason in _TO_DO:
        return _TO_DO[Rejection(reason)]
    if state is State.REJECTED:
        return "Send a new export of it."
    if state is State.PENDING:
        return "Go on sending at the computer that has it: it stands there on the page Upload. Or send it again."
    return "The camera, or the computer it was sent from, has it."


_READ: dict[State, str] = {
    State.PENDING: "Waiting",
    State.RECEIVED: "Sent, being checked. Keep your file.",
    State.VERIFYING: "Sent, being checked. Keep your file.",
    State.STORED: "Stored and checked: identical to your file. You may clear it from the camera.",
    State.EXPIRED: "Never arrived. Send it again.",
}


class Expiry(StrEnum):
    """Why an upload ended before its bytes were taken: a closed list, each with its sentence.

    ``DUPLICATE``: the very bytes are stored already for this patient, so nothing has to be sent.
    """

    ABANDONED = "abandoned"
    DUPLICATE = "duplicate"
    OVERDUE = "overdue"

    @property
    def sentence(self) -> str:
        """What staff read."""
        return _EXPIRED[self]


_EXPIRED: dict[Expiry, str] = {
    Expiry.ABANDONED: "Given up before it was sent. Nothing of it was stored.",
    Expiry.DUPLICATE: "Already stored and checked, identical to your file. You may clear it from the camera.",
    Expiry.OVERDUE: "Never arrived. Send it again.",
}


class Settled(StrEnum):
    """How the question of a file that was not stored was ended: a closed list, each with its words.

    ``BEFORE``: it had ended before this service kept such questions.
    """

    SENT_AGAIN = "sent_again"
    GIVEN_UP = "given_up"
    DUPLICATE = "duplicate"
    BEFORE = "before"

    @property
    def words(self) -> str:
        """What stands before the name and the time of who settled it."""
        return _SETTLED[self]


_SETTLED: dict[Settled, str] = {
    Settled.SENT_AGAIN: "Sent again",
    Settled.GIVEN_UP: "Given up",
    Settled.DUPLICATE: "Already stored",
    Settled.BEFORE: "Ended before the upgrade",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many files of a batch, a page or a day stand where. ``safe`` ones are stored, or were already.

    ``answers`` wait for an answer of the person; ``given_up`` ones need nobody any more. ``unseen`` ones somebody says
    to have sent again, and the service has nothing that shows it.
    """

    safe: int = 0
    sending: int = 0
    checking: int = 0
    answers: int = 0
    lost: int = 0
    unseen: int = 0
    given_up: int = 0


def may_clear(sent: Sent, *, today: bool = False) -> tuple[str, str] | None:
    """Answer "may I clear the card?": ``yes``, ``wait`` or ``no``, and its sentence; None if nothing was sent.

    The upload page answers in the same words while it sends; one table of cases holds both to them.
    """
    moving = _under_way(sent)
    no = [f"{_were(sent.lost)} not stored. Keep {_them(sent.lost)}: see below."] if sent.lost else []
    if sent.unseen:
        them = _them(sent.unseen)
        no.append(
            f"{_are(sent.unseen)} said to have been sent again, and the service has not seen {them}. Keep {them}."
        )
    if no:
        rest = f" {moving[0].upper()}{moving[1:]}." if moving else ""
        return "no", f"No: {' '.join(no)}{rest}"
    if moving:
        return "wait", f"Not yet: {moving}. Keep the card."
    if not sent.safe:
        return None
    of = " you sent today" if today else ""
    which = f"the file{of} is" if sent.safe == 1 else f"all {sent.safe} files{of} are"
    gone = f" {_were(sent.given_up)} given up." if sent.given_up else ""
    return "yes", f"Yes: {which} stored and checked. You may clear {_them(sent.safe)} from the camera.{gone}"


def not_stored(count: int) -> str:
    """What a visit says of its files that were not stored."""
    return f"{_were(count)} not stored"


def _under_way(sent: Sent) -> str:
    said = [
        f"{count} {'is' if count == 1 else 'are'} {what}"
        for count, what in ((sent.sending, "not sent yet"), (sent.checking, "being checked"))
        if count
    ]
    if sent.answers:
        said.append(f"{sent.answers} {'waits' if sent.answers == 1 else 'wait'} for your answer")
    return ", ".join(said)


def _were(count: int) -> str:
    return "1 file was" if count == 1 else f"{count} files were"


def _are(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


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

_WAY = "Send it again: what arrived was not what you have."
#: What to do about a rejection that a new export would not mend.
_TO_DO: dict[Rejection, str] = {
    Rejection.SIZE: _WAY,
    Rejection.DIGEST: _WAY,
    Rejection.CHANGED: _WAY,
    Rejection.UNREADABLE: "Send it again, and tell IT.",
    Rejection.BLOB_TYPE: "Send it again from the page Upload.",
    Rejection.DECODER_DIED: "Keep the file, and tell IT.",
    Rejection.MALWARE: "Open nothing more from that computer, and tell IT at once.",
    Rejection.POLYGLOT: "Keep the file, and tell IT: cameras do not make such files.",
    Rejection.TYPE: "Export it as a picture or as DICOM, and send that.",
    Rejection.FILESET: "Choose the whole folder on the page Upload.",
}
