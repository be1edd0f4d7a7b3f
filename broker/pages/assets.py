"""Scripts, styles and pictures of the pages: built into ``web/static`` under names that hold their own hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict

from flask import Flask

URL = "/static"


class AssetsMissing(Exception):
    """``web/static`` has not been built."""


class Entry(TypedDict):
    """The addresses of one entry: its script (or file), its stylesheet, and the chunks its script imports."""

    js: str
    css: str | None
    chunks: list[str]


def register(app: Flask) -> None:
    """Let templates find a built file by the name of its source.

    Raises:
        AssetsMissing: at start, rather than at the first click.
    """
    entries = _entries(Path(app.static_folder or ""))
    app.jinja_env.globals["entry"] = entries.__getitem__
    app.jinja_env.globals["asset"] = lambda name: entries[name]["js"]


def _entries(folder: Path) -> dict[str, Entry]:
    try:
        manifest: dict[str, Entry] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssetsMissing(f"{folder} has not been built: run `npm ci && npm run build` in web/") from None
    return {name: _with_addresses(built) for name, built in manifest.items()}


def _with_addresses(built: Entry) -> Entry:
    css = built["css"]
    return {
        "js": f"{URL}/{built['js']}",
        "css": f"{URL}/{css}" if css else None,
        "chunks": [f"{URL}/{chunk}" for chunk in built["chunks"]],
    }
