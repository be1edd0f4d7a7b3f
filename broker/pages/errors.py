"""Errors as people meet them: a page, a line inside a page, or the way to the sign-in; and what each problem means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, make_response, redirect, request
from werkzeug.wrappers import Response

from ..errors import NotFound, problems
from . import frame
from .frame import Link


def add_to(pages: Blueprint) -> None:
    """Add the page that a problem's ``type`` points to."""
    pages.get("/problems/<slug>")(explain)


def render(problem: Mapping[str, Any], status: int) -> Response:
    """Answer a page's request with a problem; handed to the app's error handling."""
    if status == 401 and not frame.is_fragment():
        return redirect(_sign_in(), 303)
    if frame.is_fragment():
        back = Link("/sign-in", "Sign in") if status == 401 else None
        html = frame.page("_error.html", title=problem["title"], detail=problem.get("detail", ""), back=back)
    else:
        slug = str(problem.get("type", "")).rpartition("/")[2]
        meant = problem.get("detail") or _meanings().get(slug, "")
        texts = [meant, f"If IT asks: {problem['request']}" if status >= 500 and problem.get("request") else ""]
        back = Link("/", "Back to the start")
        html = frame.page("message.html", title=problem["title"], code=status, texts=texts, back=back)
    return make_response(html, status)


def explain(slug: str) -> str:
    """Say what a problem means, in the words of its own docstring.

    Raises:
        NotFound: there is no such problem.
    """
    for problem in problems():
        if problem.slug == slug:
            texts = [_text(problem.__doc__)]
            return frame.page("message.html", title=problem.title, code=problem.status, texts=texts, back=None)
    raise NotFound()


def _meanings() -> dict[str, str]:
    return {problem.slug: _text(problem.__doc__) for problem in problems()}


def _text(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def _sign_in() -> str:
    """The sign-in page, which comes back to where one was; addresses hold ids only, so nothing of a patient shows."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" and request.path != "/" else ""
    return f"/sign-in?{urlencode({'next': wanted})}" if wanted else "/sign-in"
