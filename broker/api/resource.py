"""A resource of the API: operations that name their act, their schemas and their answer in one line each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import marshmallow as ma
from flask import Response
from flask import json as flask_json
from flask_smorest.blueprint import Blueprint
from webargs.flaskparser import FlaskParser
from werkzeug.routing import BaseConverter

from ..access.permissions import Act
from ..errors import BadRequest, NotJson
from ..guard import policy

PREFIX = "/api/v1"
View = TypeVar("View", bound=Callable[..., Response])


class IdConverter(BaseConverter):
    """An id in a path; anything else is not found."""

    regex = r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


class StrictParser(FlaskParser):
    """Takes JSON only where it says that it is JSON, and nothing that two readers could read differently."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {"json": ma.RAISE, "query": ma.RAISE}  # noqa: RUF012

    def load_json(self, req: Any, schema: ma.Schema) -> Any:
        """Read the body. Raises NotJson, BadRequest."""
        if req.mimetype != "application/json":
            raise NotJson()
        return parse_json(req.get_data())


class Resource(Blueprint):
    """One noun of the API."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, f"{__package__}.{name}", url_prefix=PREFIX, description=description)

    def operation(
        self,
        method: str,
        rule: str,
        act: Act | None,
        *,
        answer: type[ma.Schema],
        status: int = 200,
        also: int | None = None,
        body: ma.Schema | None = None,
        query: ma.Schema | None = None,
    ) -> Callable[[View], View]:
        """Register a view. ``answer`` documents what it answers under ``status``, and ``also`` under another one;
        ``act`` None is for what the guard lists as public.

        The view gets what ``body`` and ``query`` loaded, in this order, before the parts of its path.
        """

        def register(view: View) -> View:
            served = self.response(status, answer)(view)
            if also is not None:
                served = self.alt_response(also, schema=answer, success=True)(served)
            if query is not None:
                served = self.arguments(query, location="query")(served)
            if body is not None:
                served = self.arguments(body, location="json")(served)
            if act is not None:
                policy(act)(served)
            self.add_url_rule(rule, view_func=served, methods=[method])
            return view

        return register


def reply(content: object, status: int = 200) -> Response:
    """Answer with JSON. Built from plain values: dumping through schemas costs more than everything else together."""
    return Response(flask_json.dumps(content), status, mimetype="application/json")


def parse_json(body: bytes) -> Any:
    """Read JSON strictly.

    Raises:
        BadRequest: it is none; or it has a key twice, NaN or infinity, endless nesting, or half a surrogate pair.
    """
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_refuse)
        if b"\\ud" in body or b"\\uD" in body:
            # Only an escape can bring a lone surrogate, which no storage, log or page could write.
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON as this service reads it.") from None
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
