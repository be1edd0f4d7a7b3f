"""The HTML edge: pages and fragments, made from the same use cases as the API. Templates are in ``web/templates``.

A view parses, calls one use case, and returns. ``texts`` has the words people read, ``show`` what templates get.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from . import (
    access,
    account,
    admin,
    admin_audit,
    assets,
    chart,
    compare,
    errors,
    frame,
    gallery,
    headers,
    merging,
    move,
    outside,
    patients,
    repeats,
    scan,
    sent,
    session,
    start,
    tags,
    upload,
    worklist,
)

#: One module a page, in the order in which somebody meets them.
_PAGES = (
    access,
    session,
    start,
    upload,
    sent,
    patients,
    worklist,
    gallery,
    chart,
    scan,
    compare,
    repeats,
    move,
    merging,
    account,
    admin,
    admin_audit,
    errors,
)


def register(app: Flask) -> None:
    """Add every page, the static files, and the headers of every response to ``app``.

    Raises:
        AssetsMissing: the pages' scripts and styles have not been built.
    """
    pages = Blueprint("pages", __name__)
    for page in _PAGES:
        page.add_to(pages)
    frame.register(app)
    assets.register(app)
    tags.register(app)
    outside.register(app)
    headers.register(app)
    app.register_blueprint(pages)
