"""What a page weighs, and what happens when it was never built."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broker import WEB
from broker.catalog.patients import Patient
from broker.pages import assets
from broker.parts import Parts
from tests.unit.pages import shelf
from tests.unit.pages.reading import Page

STATIC = WEB / "static"
KILOBYTE = 1000


@pytest.mark.parametrize("entry", ["upload.ts", "gallery.ts", "scan.ts"])
def test_a_page_loads_at_most_60_kb_of_script(entry: str) -> None:
    built = json.loads((STATIC / "manifest.json").read_text())[entry]
    scripts = [built["js"], *built["chunks"]]
    assert sum(len(gzip.compress((STATIC / name).read_bytes())) for name in scripts) <= 60 * KILOBYTE


def test_a_full_page_of_the_gallery_keeps_its_budget(physician: FlaskClient, parts: Parts, ada: Patient) -> None:
    shelf.series(parts, ada, 61)
    html = physician.get("/gallery").get_data()
    assert len(gzip.compress(html)) <= 60 * KILOBYTE
    assert len(Page(html.decode()).elements) <= 3000


def test_a_script_that_was_never_built_is_missed_at_start(tmp_path: Path) -> None:
    with pytest.raises(assets.AssetsMissing, match="npm ci"):
        assets.register(Flask("empty", static_folder=str(tmp_path)))


def test_names_of_built_files_change_with_their_contents() -> None:
    for built in json.loads((STATIC / "manifest.json").read_text()).values():
        for name in filter(None, [built["js"], built["css"], *built["chunks"]]):
            assert len(Path(name).stem.rpartition("-")[2]) == 8
