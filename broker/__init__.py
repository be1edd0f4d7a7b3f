"""The Ophthalmic Imaging Service: a broker that mints narrow SAS grants, and a gallery of what was sent with them.

Reading order: ``create_app`` below, ``api/uploads.py`` (the resource), ``uploads.py`` (the use case), ``sas/`` (the
signer), ``ingest/worker.py`` (what happens to the bytes).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from .config import Config
    from .parts import Parts

#: Templates, and the built scripts and styles.
WEB = Path(__file__).resolve().parent.parent / "web"


def create_app(config: Config, parts: Parts | None = None) -> Flask:
    """Make the web application. A test may hand in its own parts; nothing is contacted yet.

    There is no SECRET_KEY: sessions are random secrets kept as hashes, and nothing but SAS is signed.

    Raises:
        CatalogRefused, ConfigError: as ``assemble``.
    """
    # Here and not above: the sandboxed child imports this package too, and must not carry a web framework.
    from flask import Flask

    from . import api, pages
    from .pages import errors
    from .parts import assemble

    app = Flask(__name__, template_folder=str(WEB / "templates"), static_folder=str(WEB / "static"))
    app.url_map.merge_slashes = False  # an address is right or not found, never redirected
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.extensions["parts"] = parts or assemble(config)
    api.register(app, errors.render)
    pages.register(app)
    return app
