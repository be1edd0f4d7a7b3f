"""Words from outside on a page: isolated, so that their direction ends where they do and turns nothing beside them.

A name of right-to-left letters moves the digits that follow it, and a mark that was stored before such marks were
refused turns the rest of its line. So what people or files say is ``Outside`` before a template gets it: every template
then writes it in ``<bdi>`` without knowing. Attributes have no such element: there ``| plain`` drops the marks.
"""

from __future__ import annotations

from flask import Flask
from markupsafe import Markup, escape

from ..text import plain


class Outside(str):
    """A text from outside; as HTML it is escaped, and isolated from the text around it."""

    __slots__ = ()

    def __html__(self) -> Markup:
        # A page has hundreds: a format would cost ten times as much.
        return Markup(f"<bdi>{escape(str(self))}</bdi>" if self else "")  # noqa: S704


def register(app: Flask) -> None:
    """Let templates isolate what they get as it is stored, and write it into attributes."""
    app.jinja_env.filters |= {"plain": lambda value: plain(str(value)), "outside": lambda value: Outside(value)}
