"""Blob names hold ids only, and the two containers' names are different types."""

from __future__ import annotations

import re

import pytest

from broker import names
from broker.names import IntakeBlob, Rendition, VaultBlob

#: Fixed: it stands in the names of tests, and parallel runs compare those.
ID = "01a2008d-7400-71e9-b4d1-fd7ec5221b3b"


def test_names_are_those_of_the_design() -> None:
    tail = ID[-2:]
    assert IntakeBlob(ID).name == f"{tail}/{ID}"
    assert names.original(ID).name == f"uploads/{tail}/{ID}/original"
    assert names.manifest(ID).name == f"uploads/{tail}/{ID}/manifest.json"
    assert names.tombstone(ID).name == f"uploads/{tail}/{ID}/tombstone.json"
    assert names.rendition(ID, Rendition.THUMBNAIL, "image/webp").name == f"scans/{tail}/{ID}/thumbnail.webp"
    assert names.rendition(ID, Rendition.FRAMES, "application/zip").name == f"scans/{tail}/{ID}/frames.zip"
    assert names.record(ID, 3).name == f"scans/{tail}/{ID}/records/3.json"
    assert names.patient(ID, 1).name == f"patients/{tail}/{ID}/1.json"


@pytest.mark.parametrize("bad", ["", "x", "../" + ID, ID + "/..", ID.upper(), ID + "\n", "a" * 36])
def test_an_intake_blob_is_named_by_an_id_only(bad: str) -> None:
    with pytest.raises(ValueError, match="upload id"):
        IntakeBlob(bad)


@pytest.mark.parametrize(
    "bad", ["", "uploads", f"uploads/00/{ID}/../x", f"intake/{ID}", f"scans/00/{ID}/thumbnail.html", "audit/1.jsonl"]
)
def test_a_vault_blob_has_one_of_the_designs_names(bad: str) -> None:
    with pytest.raises(ValueError, match="vault name"):
        VaultBlob(bad)


def test_every_name_uses_only_harmless_characters() -> None:
    made = [names.original(ID), names.record(ID, 12), names.rendition(ID, Rendition.FULL, "image/png")]
    for blob in made:
        assert re.fullmatch(r"[0-9a-z/.\-]+", blob.name)


def test_a_listed_intake_name_is_read_back_only_if_it_was_ours() -> None:
    assert names.parse_intake(IntakeBlob(ID).name) == IntakeBlob(ID)
    for foreign in (ID, f"zz/{ID}", f"{'00' if ID[-2:] != '00' else '01'}/{ID}", f"{ID[-2:]}/{ID}/x", "probe"):
        assert names.parse_intake(foreign) is None
