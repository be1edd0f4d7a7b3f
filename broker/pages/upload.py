"""``/upload``: patient first, then files. Everything that happens there goes through the API."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, request

from .. import filetypes
from ..access.permissions import Act, may
from ..guard import actor, parts, policy
from ..ids import is_id
from ..names import INTAKE, IntakeBlob
from . import frame, texts
from .show import EYES, KINDS, Choice, Person, people

#: Patients offered by one click: those of the last files that this account sent, and for how long.
RECENT, RECENT_FOR = 6, timedelta(hours=12)
#: An upload that nobody declares: for its name no grant exists, so a PUT is refused, if it gets there at all.
_NOBODYS = "00000000-0000-7000-8000-000000000000"


def add_to(pages: Blueprint) -> None:
    """Add the upload page."""
    pages.get("/upload", endpoint="upload")(show)


@policy(Act.UPLOAD)
def show() -> str:
    """Show the upload panel. ``patient``: chosen by the link that led here, and offered by a click."""
    config = parts().config
    wanted = request.args.get("patient", "")
    endings = sorted(ending for kind in filetypes.FILE_TYPES for ending in kind.endings)
    return frame.page(
        "upload.html",
        eyes=EYES,
        kinds=[Choice("", "Kind not said"), *KINDS],
        most=config.max_upload_bytes,
        most_text=texts.size(config.max_upload_bytes),
        endings=endings,
        account=actor().account,
        probe=f"{config.blob_public_url}/{INTAKE}/{IntakeBlob(_NOBODYS).name}",
        may_see=may(actor(), Act.SEE_SCANS),
        recent=_recent(wanted if is_id(wanted) else None),
        wanted=wanted,
    )


def _recent(wanted: str | None) -> list[Person]:
    """Who is wanted, then those whose files this account sent last. Kept by the service: a browser is shared."""
    sent = parts().uploads.recent(actor(), since=frame.now() - RECENT_FOR)
    ids = dict.fromkeys([*([wanted] if wanted else []), *sent])
    return people(parts().patients.some(actor(), list(ids)[:RECENT], now=frame.now()).values())
