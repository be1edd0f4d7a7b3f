"""Reads pages as a browser would: their elements with attributes, and their words."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_ADDRESSES = ("href", "src", "action", "hx-get", "hx-post", "data-worker")


@dataclass
class Element:
    """One start tag, and for scripts and styles what stands inside."""

    tag: str
    attributes: dict[str, str]
    inside: str = ""


@dataclass
class Page(HTMLParser):
    """A parsed page or fragment."""

    html: str
    elements: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    #: Words in <bdi> stand in the line around them: what comes next goes on where the text ends.
    going_on: bool = False

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        self.going_on = False

    def handle_endtag(self, tag: str) -> None:
        self.going_on = tag == "bdi"

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1].tag in ("script", "style"):
            self.elements[-1].inside += data.strip()
        text = " ".join(data.split())
        if text and self.going_on:
            self.texts[-1] += f"{' ' if data[0].isspace() else ''}{text}"
        elif text:
            self.texts.append(text)

    def all(self, tag: str) -> list[Element]:
        """Every element of this kind."""
        return [element for element in self.elements if element.tag == tag]

    @property
    def words(self) -> str:
        """Everything that can be read."""
        return " ".join(self.texts)

    @property
    def addresses(self) -> list[str]:
        """Every address that the page names, but data URIs."""
        found = [
            element.attributes[name] for element in self.elements for name in _ADDRESSES if name in element.attributes
        ]
        return [address for address in found if not address.startswith("data:")]

    @property
    def is_whole(self) -> bool:
        """Whether this is a page and not a fragment."""
        return bool(self.all("html"))
