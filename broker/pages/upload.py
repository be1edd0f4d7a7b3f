"""``/upload``: patient first, then files. Everything that happens there goes through the API."""

from __future__ import annotations

from flask import Blueprint

from .. import filetypes
from ..access.permissions import Act
from ..guard import parts, policy
from . import frame, texts
from .show import EYES, KINDS, Choice


def add_to(pages: Blueprint) -> None:
    """Add the upload page."""
    pages.get("/upload", endpoint="upload")(show)


@policy(Act.UPLOAD)
def show() -> str:
    """Show the upload panel."""
    most = parts().config.max_upload_bytes
    endings = sorted(ending for kind in filetypes.FILE_TYPES for ending in kind.endings)
    kinds = [Choice("", "Kind not said"), *KINDS]
    return frame.page("upload.html", eyes=EYES, kinds=kinds, most=most, most_text=texts.size(most), endings=endings)
