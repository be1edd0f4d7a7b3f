"""HTML that a page has hundreds of. Written here, where it costs a tenth of what it costs in a template."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask
from markupsafe import Markup, escape

from ..text import plain
from .show import Card


def register(app: Flask) -> None:
    """Let templates write these."""
    app.jinja_env.globals |= {"thumbnail": thumbnail, "small": small, "tick": tick, "pickable": pickable}


def thumbnail(card: Card, lazy: bool) -> Markup:
    """The small picture of a card, with its placeholder under it; "" if there is none. ``lazy``: not on first sight.

    Its size stands with it, so that nothing moves when it comes.
    """
    if card.picture is None:
        return Markup()
    size = f'width="{card.picture.width:d}" height="{card.picture.height:d}"'
    under = f'<img class="under" src="{escape(card.placeholder)}" alt="" {size}>' if card.placeholder else ""
    late = ' loading="lazy"' if lazy else ""
    # Every word that comes from outside is escaped here, as a template would do it.
    return Markup(  # noqa: S704
        f'{under}<img src="{escape(card.picture.url)}" alt="{escape(card.alt)}" {size} crossorigin="anonymous" '
        f'decoding="async" referrerpolicy="no-referrer"{late} data-scan="{escape(card.id)}" data-rendition="thumbnail">'
    )


def small(card: Card, href: str, under: str, count: int = 0, lazy: bool = True) -> Markup:
    """A small picture that leads to ``href``, words ``under`` it; ``count``: how many it stands for, if many."""
    flags = '<span class="tag bad">Urgent</span>' if card.urgent else ""
    flags += '<span class="tag warn">Check</span>' if card.attention else ""
    flags = f'<span class="flags">{flags}</span>' if flags else ""
    many = f'<span class="count">{count:d} pictures</span>' if count else ""
    said = f"<small>{escape(card.review)}</small>" if card.review else ""
    if card.opened:
        done = "" if card.opened == "not opened" else ' class="seen"'
        said += f"<small{done}>{escape(card.opened)}</small>"
    picture = thumbnail(card, lazy) or f'<span class="nothing">{escape(card.no_preview)}</span>'
    return Markup(  # noqa: S704
        f'<a class="small-shot" href="{escape(href)}"><span class="pane">'
        f"{flags}{picture}</span>{many}"
        f'<span class="cap">{escape(under)}{said}</span></a>'
    )


def tick(card: Card) -> Markup:
    """The box that chooses a card; a script shows it, and lets the keyboard choose by the card itself."""
    label = f"Select {plain(card.person.name)}: {card.alt}"
    return Markup(f'<input class="pick tick" type="checkbox" tabindex="-1" data-tick aria-label="{escape(label)}">')  # noqa: S704


def pickable(card: Card, inside: Markup, folded: Sequence[str] = (), shown: Sequence[str] = ()) -> Markup:
    """A card that can be chosen; ``inside`` shows it. ``folded``: the ids of all it stands for, as its box says.

    ``shown``: what is said of each of these, as ``show.chosen`` makes it.
    """
    box, stands_for = tick(card), ""
    if folded:
        label = f"Select all {len(folded)}: {card.alt}"
        box = Markup(  # noqa: S704
            f'<label class="pick"><input class="tick" type="checkbox" tabindex="-1" data-tick '
            f'aria-label="{escape(label)}"> all {len(folded)}</label>'
        )
        stands_for = f' data-folded="{escape(" ".join(folded))}"'
    return Markup(  # noqa: S704
        f'<div class="pickable" data-card="{escape(card.id)}" data-patient="{escape(card.person.id)}" '
        f'data-shown="{escape(" ".join(shown or [card.shown]))}"{stands_for}>'
        f"{inside}{box}</div>"
    )
