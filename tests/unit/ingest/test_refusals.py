"""Files that the upload page refuses before a byte: for each the worker's own verdict is the same."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from broker import filetypes
from broker.ingest.formats import NoPreview, Refused, identify, scans
from tests.opened import BOUNDS, Opened

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "cases" / "refusals.json").read_text())


def verdict(data: bytes, name: str) -> str | None:
    source = Opened(data, filetypes.ending(name))
    try:
        for _ in scans(identify(source), source, BOUNDS):
            pass
    except NoPreview:
        return None
    except Refused as refused:
        return str(refused.rejection)
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['name']}: {case['about']}")
def test_the_worker_says_of_a_file_what_the_page_says(case: dict[str, Any]) -> None:
    assert verdict(zlib.decompress(base64.b64decode(case["deflated"])), case["name"]) == case["worker"]
    assert case["page"] in (None, case["worker"])
