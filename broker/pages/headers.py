"""Headers that stand on every response, whatever made it: page, fragment, API answer, error or static file.

Source: the Content-Security-Policy that was measured with these pages; OWASP ASVS 5.0, 3.4.
"""

from __future__ import annotations

from flask import Flask, request
from werkzeug.wrappers import Response

from ..config import Config

_YEAR = 31_536_000
_FIXED = {
    # Links to pictures carry their signature in the address: no address may travel on.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def register(app: Flask) -> None:
    """Put the headers on every response of ``app``."""
    config: Config = app.extensions["parts"].config
    fixed = _FIXED | {"Content-Security-Policy": policy(config.blob_origin)}
    if config.https:
        fixed["Strict-Transport-Security"] = f"max-age={_YEAR}; includeSubDomains"

    @app.after_request
    def complete(response: Response) -> Response:
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static" and response.status_code in (200, 206, 304):
            response.headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
        else:
            response.headers.setdefault("Cache-Control", "no-store")
            # One address gives a page or a fragment; even where nothing is kept, caches shall know.
            response.vary.update(("HX-Request", "HX-Request-Type", "Cookie"))
        return response


def policy(blob_origin: str) -> str:
    """The Content-Security-Policy: our own files, and pictures of the one store; nothing inline."""
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "worker-src": "'self'",
        "img-src": f"'self' data: {blob_origin}",
        "connect-src": f"'self' {blob_origin}",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())
