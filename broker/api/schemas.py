"""What the API takes. Schemas are closed: a field that is not named here is refused."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from marshmallow import Schema, ValidationError, post_load, validate
from marshmallow import fields as f
from webargs.fields import DelimitedList

from ..declaration import Declaration, FileDeclaration, Told
from ..ids import is_id
from ..names import Rendition
from ..text import refusal
from ..unsettled import BY_HAND
from ..words import Eye, Kind, Review, Settled, Sex, State

MOST_FILES, MOST_ITEMS, MOST_BLOCKS, PAGE = 1000, 100, 50_000, 200
_HEX = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256(?:-blocks-[1-9][0-9]{0,9})?:[0-9a-f]{64}")


class Text(f.String):
    """Text without characters that cannot be seen; ``lines`` allows line breaks and tabs. Lengths are in characters."""

    def __init__(self, longest: int, *, shortest: int = 1, lines: bool = False, form: str = "", **options: Any) -> None:
        shown = {"minLength": shortest, "maxLength": longest} | ({"pattern": f"^(?:{form})$"} if form else {})
        super().__init__(metadata=shown | options.pop("metadata", {}), **options)
        self.shortest, self.longest = shortest, longest
        self.lines = lines
        self.form = re.compile(form) if form else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if not self.shortest <= len(value) <= self.longest:
            raise ValidationError(f"It must have {self.shortest} to {self.longest} characters.")
        if why := refusal(value, lines=self.lines):
            raise ValidationError(why)
        if self.form and not self.form.fullmatch(value):
            raise ValidationError("It does not have the form that it must have.")
        return value


class Id(f.String):
    """An id: a UUID in canonical lower-case form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"format": "uuid"}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not is_id(value):
            raise ValidationError("Not an id: a UUID in lower case, with its hyphens.")
        return str(value)


class When(Text):
    """A day or a time, ISO 8601: 2026-11-22, 2026-11-22T09:30, with or without an offset."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            40, form=r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?", **options
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        when = super()._deserialize(value, attr, data, **options)
        try:
            datetime.fromisoformat(when)
        except ValueError:
            raise ValidationError("There is no such day or time.") from None
        return when


def choice(words: Any, **options: Any) -> f.Enum[Any]:
    return f.Enum(words, by_value=f.String, **options)


def _ids(most: int, **options: Any) -> f.List[Any]:
    return f.List(Id(), required=True, validate=validate.Length(1, most), **options)


class FileIn(Schema):
    """One file of a declaration. ``size`` is bytes; ``digest`` as the design's block plan says.

    ``again``: send it although the very bytes are stored for this patient already.
    """

    ref = Text(200, required=True)
    filename = Text(500, required=True)
    size = f.Integer(strict=True, required=True, validate=validate.Range(0, 1 << 50))
    media_type = Text(200, load_default=None)
    eye = choice(Eye, load_default=Eye.UNKNOWN)
    kind = choice(Kind, load_default=Kind.UNKNOWN)
    captured_at = When(load_default=None)
    digest = Text(100, form=_DIGEST.pattern, load_default=None)
    again = f.Boolean(truthy={True}, falsy={False}, load_default=False)

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> FileDeclaration:
        return FileDeclaration(**data)


class DeclarationIn(Schema):
    """The files of one batch, all of one patient. ``batch`` is made by the client: a retry is the same act."""

    batch = Id(required=True)
    patient = Id(required=True)
    note = Text(4000, shortest=0, lines=True, load_default="")
    urgent = f.Boolean(truthy={True}, falsy={False}, load_default=False)
    files = f.List(f.Nested(FileIn()), required=True, validate=validate.Length(1, MOST_FILES))

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> Declaration:
        return Declaration(**data | {"files": tuple(data["files"])})


class IdsIn(Schema):
    """Some uploads."""

    ids = _ids(MOST_ITEMS)


class ToldIn(Schema):
    """All bytes of an upload are there: its digest, or the SHA-256 of its blocks in order."""

    id = Id(required=True)
    digest = Text(100, form=_DIGEST.pattern, load_default=None)
    blocks = f.List(Text(64, form=_HEX.pattern), load_default=None, validate=validate.Length(1, MOST_BLOCKS))
    etag = Text(100, load_default=None)

    @post_load
    def made(self, data: dict[str, Any], **_: Any) -> Told:
        return Told(**data | {"blocks": None if data["blocks"] is None else tuple(data["blocks"])})


class CompletionIn(Schema):
    """What has been sent whole."""

    items = f.List(f.Nested(ToldIn()), required=True, validate=validate.Length(1, MOST_ITEMS))


class UploadsQuery(Schema):
    """Which uploads; ``mine`` means those of this account, ``unsettled`` all that was not stored, of all accounts.

    ``fields=state``: only where these of one's own stand.
    """

    batch = Id(load_default=None)
    ids = DelimitedList(Id(), validate=validate.Length(1, PAGE))
    state = DelimitedList(choice(State))
    mine = f.Boolean(load_default=False)
    brief = f.String(data_key="fields", validate=validate.OneOf(["state"]), load_default=None)
    unsettled = f.Boolean(load_default=False)
    after = Id(load_default=None)


class PatientIn(Schema):
    """A person. ``issuer`` is who issued the record number, by default the clinic."""

    issuer = Text(64, load_default=None)
    mrn = Text(64, required=True)
    name = Text(200, required=True)
    birth_date = f.Date(required=True)
    sex = choice(Sex, load_default=None, allow_none=True)


class PatientChange(PatientIn):
    """What to set anew; what is left out stays."""


class PatientsQuery(Schema):
    """Parts of a name, the start of a record number, or a birth date; a page begins behind ``after``."""

    q = Text(200, shortest=0, load_default="")
    after = Text(2000, load_default=None)


class MonthsQuery(Schema):
    """Filters; days are the clinic's, both ends included."""

    patient = Id(load_default=None)
    eye = choice(Eye, load_default=None)
    kind = choice(Kind, load_default=None)
    device = Text(200, load_default=None)
    review = choice(Review, load_default=None)
    attention = f.Boolean(load_default=None)
    first_day = f.Date(data_key="from", load_default=None)
    last_day = f.Date(data_key="to", load_default=None)


class ScansQuery(MonthsQuery):
    """The same filters; a page begins behind ``after``."""

    after = Text(60, form=r"-?[0-9]{1,18}\.[0-9a-f-]{36}", load_default=None)
    limit = f.Integer(load_default=60, validate=validate.Range(1, PAGE))


class LinksIn(Schema):
    """Fresh links to one rendition of some scans."""

    ids = _ids(MOST_ITEMS)
    rendition = choice(Rendition, required=True)


def _act(name: str, /, **fields: Any) -> type[Schema]:
    """One act that makes records; ``id`` is made by the client."""
    return Schema.from_dict({"id": Id(required=True)} | fields, name=name)


_NOTE, _REASON = Text(4000, shortest=0, lines=True, load_default=""), Text(1000, lines=True, required=True)
_SAID: dict[str, Any] = {"truthy": {True}, "falsy": {False}}
SeenIn = _act(
    "SeenIn", seen=f.Integer(strict=True, required=True, validate=validate.Range(0, 1 << 30)),
    manifest=f.Integer(strict=True, load_default=1, validate=validate.Range(1, 1 << 30)),
)  # fmt: skip
ReviewIn = _act(
    "ReviewIn", status=choice(Review, required=True, validate=validate.OneOf([Review.REVIEWED, Review.REPEAT])),
    scans=f.List(f.Nested(SeenIn), required=True, validate=validate.Length(1, MOST_ITEMS)), note=_NOTE,
    unopened=f.Boolean(load_default=False, **_SAID),
)  # fmt: skip
OpenedIn = Schema.from_dict(
    {
        "scans": f.List(
            f.Nested(_act("OpenedScan", slices=f.Integer(
                strict=True, load_default=1, validate=validate.Range(1, 1 << 30)
            ))),
            required=True, validate=validate.Length(1, MOST_ITEMS),
        )
    },
    name="OpenedIn",
)  # fmt: skip
RetractionIn = _act("RetractionIn", act=Id(required=True))
AnswerIn = _act(
    "AnswerIn", scan=Id(required=True), by=Id(load_default=None, allow_none=True),
    possible=f.Boolean(required=True, **_SAID), reason=Text(1000, shortest=0, lines=True, load_default=""),
)  # fmt: skip
MergeIn = _act("MergeIn", absorbed=Id(required=True), into=Id(required=True), reason=_REASON)
UnmergeIn = _act("UnmergeIn", absorbed=Id(required=True), reason=_REASON)
AddendumIn = _act(
    "AddendumIn", scans=_ids(MOST_ITEMS), note=Text(4000, lines=True, required=True),
    closes=f.Boolean(load_default=False, **_SAID), unopened=f.Boolean(load_default=False, **_SAID),
    seen=f.List(f.Nested(SeenIn), load_default=None, validate=validate.Length(1, 5 * MOST_ITEMS)),
)  # fmt: skip
_SHOWN = f.List(
    f.Nested(_act("ShownIn", records=f.Integer(strict=True, required=True, validate=validate.Range(0, 1 << 30)))),
    load_default=list, validate=validate.Length(0, MOST_ITEMS),
)  # fmt: skip
SetIn = Schema.from_dict(
    {"eye": choice(Eye), "kind": choice(Kind), "captured_at": When(), "patient": Id()}, name="SetIn"
)
CorrectionIn = _act(
    "CorrectionIn", scans=f.List(Id(), load_default=list, validate=validate.Length(1, MOST_ITEMS)),
    batch=Id(load_default=None), set=f.Nested(SetIn, required=True), reason=_REASON, seen=_SHOWN,
)  # fmt: skip
SettlementIn = _act(
    "SettlementIn", upload=Id(required=True), by=Id(load_default=None),
    how=choice(Settled, required=True, validate=validate.OneOf(sorted(BY_HAND))),
    reason=Text(1000, shortest=0, lines=True, load_default=""),
)  # fmt: skip
WithdrawalIn = _act(
    "WithdrawalIn", scans=_ids(MOST_ITEMS), withdrawn=f.Boolean(load_default=True, **_SAID), reason=_REASON,
    seen=_SHOWN,
)  # fmt: skip


class AuditQuery(Schema):
    """Filters; ``act`` may be its beginning (``upload``), ``from`` is included and ``to`` is not."""

    act = Text(40, form=r"[a-z_]+(?:\.[a-z_]+)*", load_default=None)
    outcome = Text(12, form="[a-z]+", load_default=None)
    account = Id(load_default=None)
    name = Text(100, load_default=None)
    subject = Id(load_default=None)
    since = f.AwareDateTime(data_key="from", load_default=None)
    until = f.AwareDateTime(data_key="to", load_default=None)
    after = Text(60, form=r"[0-9]{1,16}\.-?[0-9]{1,18}", load_default=None)
    limit = f.Integer(load_default=PAGE, validate=validate.Range(1, PAGE))
