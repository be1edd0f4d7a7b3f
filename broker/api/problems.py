"""Problems on the wire: every error leaves as RFC 9457 below /api, and as a page everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import marshmallow as ma
from flask import Flask, current_app, g, json, request
from flask_smorest import Api
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wrappers import Response

from ..errors import BadRequest, BodyTooLarge, BrokerError, Invalid, MethodNotAllowed, NotFound, NotJson

MEDIA_TYPE = "application/problem+json"
#: Faults named in one answer; whoever has more mends these first.
MOST_ERRORS = 20

#: Makes a page of a problem; given by the pages, so that neither edge imports the other.
Render = Callable[[Mapping[str, Any], int], Response]


_OF_STATUS = {kind.status: kind for kind in (BadRequest, NotFound, MethodNotAllowed, BodyTooLarge, NotJson, Invalid)}


class Problem(ma.Schema):
    """An RFC 9457 problem; ``type`` is a page that explains it. Some problems have further members."""

    class Meta:
        unknown = ma.INCLUDE

    type = ma.fields.Url(required=True)
    title = ma.fields.String(required=True)
    status = ma.fields.Integer(required=True)
    detail = ma.fields.String(metadata={"description": "What happened this time, and what to do."})
    request = ma.fields.String(metadata={"description": "Under which this request stands in log and audit."})
    errors = ma.fields.List(
        ma.fields.Nested(
            ma.Schema.from_dict({"pointer": ma.fields.String(), "detail": ma.fields.String()}, name="Fault")
        )
    )


class BrokerApi(Api):
    """The API of flask-smorest, speaking problem+json."""

    ERROR_SCHEMA: type[ma.Schema] = Problem  # type: ignore[assignment]

    def __init__(self, app: Flask, page: Render, note: Callable[[BrokerError], None]) -> None:
        self._page = page
        self._note = note
        super().__init__(app)

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer what the framework, the schemas or an unknown exception raised; the latter without a detail."""
        status = error.code or 500
        kind = BrokerError if status == 500 else _OF_STATUS.get(status)
        # ``data`` is what the schemas' parser adds; its headers may be None.
        messages = (getattr(error, "data", None) or {}).get("messages", {})
        faults = [fault for where in messages.values() for fault in _faults(where)][:MOST_ERRORS]
        body: dict[str, Any] = {"type": "about:blank", "title": HTTP_STATUS_CODES.get(status, ""), "status": status}
        if kind is not None:
            body = problem(kind("", errors=faults) if faults else kind())
        headers = {name: value for name, value in error.get_headers(request.environ) if name == "Allow"}
        return self._answer(body, status, headers)

    def handle_problem(self, error: BrokerError) -> Response:
        """Answer what a use case, a seam or the guard raised."""
        try:
            self._note(error)
        except BrokerError as unwritten:  # no row, no answer
            error = unwritten
        headers = {"Retry-After": str(error.members.get("retry_after", 5))} if error.status in (429, 503) else {}
        if error.status == 401 and is_api():
            headers["WWW-Authenticate"] = "Bearer"
        return self._answer(problem(error), error.status, headers)

    def _answer(self, body: dict[str, Any], status: int, headers: Mapping[str, str]) -> Response:
        body["request"] = g.get("request_id", "")
        response = Response(json.dumps(body), status, mimetype=MEDIA_TYPE) if is_api() else self._page(body, status)
        response.headers.update(headers)
        return response

    def _register_error_handlers(self) -> None:
        super()._register_error_handlers()
        self._app.register_error_handler(BrokerError, self.handle_problem)

    def _register_responses(self) -> None:
        # The documented type of errors is this constant at this moment, and no parameter.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = MEDIA_TYPE
        try:
            super()._register_responses()
        finally:
            del self.DEFAULT_RESPONSE_CONTENT_TYPE


def problem(error: BrokerError) -> dict[str, Any]:
    """The JSON of a problem, as an answer or as one item of a bulk answer."""
    public_url = current_app.extensions["parts"].config.public_url
    body = {"type": f"{public_url}/problems/{error.slug}", "title": error.title, "status": error.status}
    return body | ({"detail": error.detail} if error.detail else {}) | error.members


def is_api() -> bool:
    """Whether this request is answered with JSON: it asks for something below /api."""
    return request.path.startswith("/api/")


def _faults(messages: object, pointer: str = "") -> Iterator[dict[str, str]]:
    """Flatten what a schema says about a body or a query into JSON pointers (RFC 6901)."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            yield from _faults(inner, pointer if key == "_schema" else f"{pointer}/{key}")
    elif isinstance(messages, list):
        yield from ({"pointer": pointer, "detail": str(text)} for text in messages)
