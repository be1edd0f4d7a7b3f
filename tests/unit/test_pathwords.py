"""Whom a path names: the same cases as the browser's, and what is looked up for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import pathwords

CASES = json.loads((Path(__file__).parents[1] / "cases" / "path_words.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['path']}-{case['mrn']}")
def test_a_path_names_a_number_or_a_full_name_as_in_the_browser(case: dict[str, str | None]) -> None:
    path, mrn, name = case["path"] or "", case["mrn"] or "", case["name"] or ""
    by = "number" if pathwords.names_number(path, mrn) else "name" if pathwords.names_person(path, name) else None
    assert by == case["by"]


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=2, max_size=3), st.integers(1, 2))
def test_every_name_that_a_path_names_is_among_those_looked_up(words: list[str], cut: int) -> None:
    cut = min(cut, len(words) - 1)
    name = f"{' '.join(words[:cut])}, {' '.join(words[cut:])}"
    for path in ("_".join(words), "-".join([*words[cut:], *words[:cut]]), f"x1/{' '.join(words)}_OD.jpg"):
        assert pathwords.names_person(path, name)
        assert name in set(pathwords.name_keys(path))
