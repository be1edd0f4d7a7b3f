"""The JSON edge: flask-smorest resources below /api/v1, and what every request of the application passes."""

from __future__ import annotations

from flask import Flask, Response, g

from .. import guard
from ..access.permissions import Act
from . import audit, health, patients, records, scans, uploads
from .problems import BrokerApi, Render, is_api
from .resource import PREFIX, IdConverter, reply

SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "For programs: python -m broker tokens create"},
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "For this service's pages"},
}


def register(app: Flask, page: Render) -> None:
    """Add guard, problems, resources and the description of the API to ``app``. ``page`` renders errors of pages."""
    app.config.update(API_TITLE="Ophthalmic Imaging Service", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    app.config["API_SPEC_OPTIONS"] = {
        "components": {"securitySchemes": SECURITY},
        "security": [{"bearer": []}, {"session": []}],
    }
    app.url_map.converters["id"] = IdConverter
    app.extensions["health"] = health.Readiness(app.extensions["parts"])
    app.before_request(guard.check)
    app.after_request(_headers)
    api = BrokerApi(app, page, guard.note_refusal)
    api.register_converter(IdConverter, lambda converter: {"type": "string", "format": "uuid"})
    for module in (uploads, patients, scans, records, audit, health):
        api.register_blueprint(module.resource)
    health.register_livez(app)
    _register_description(app, api)


def _register_description(app: Flask, api: BrokerApi) -> None:
    description = api.spec.to_dict()

    @app.get(f"{PREFIX}/openapi.json")
    @guard.policy(Act.OWN_SESSION)
    def openapi() -> Response:
        return reply(description)


def _headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if is_api():
        response.headers["Cache-Control"] = "no-store"
    return response
