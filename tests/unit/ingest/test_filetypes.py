"""What a file's name may be, and what it says about the contents."""

from __future__ import annotations

import pytest

from broker.filetypes import BY_NAME, FILE_TYPES, accepted, ending, fits, refusal


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("retina.jpg", "jpg"),
        ("RETINA.JPG", "jpg"),
        ("x.html.png", "png"),
        ("scan.png.html", "html"),
        ("scan\u202egpj.exe", "exe"),
        ("C:\\export.v2\\IM0001", ""),
        ("folder.d/IM0001", ""),
        ("1.2.840.113619.2.5", ""),
        ("a.png. . ", "png"),
        (".png", ""),
        ("", ""),
    ],
)
def test_the_last_ending_counts(filename: str, expected: str) -> None:
    assert ending(filename) == expected


@pytest.mark.parametrize("filename", ["a.jpg", "a.JPEG", "a.dcm", "IM000001", "a.E2E", "a.b.tif", "1.2.840.5"])
def test_names_of_known_kinds_and_without_ending_are_accepted(filename: str) -> None:
    assert accepted(filename)
    assert refusal(filename) is None


@pytest.mark.parametrize("filename", ["scan.png.html", "x.dcm.exe", "a.svg", "a.gif", "a.zip", "a.jpg.lnk"])
def test_other_endings_are_refused_with_a_sentence_that_does_not_repeat_the_name(filename: str) -> None:
    sentence = refusal(filename)
    assert sentence is not None
    assert sentence.endswith(".")
    assert filename not in sentence
    assert not accepted(filename)


def test_no_ending_fits_dicom_only() -> None:
    assert [kind.name for kind in FILE_TYPES if fits(kind.name, "")] == ["dicom"]


def test_each_ending_belongs_to_one_kind() -> None:
    endings = [end for kind in FILE_TYPES for end in kind.endings]
    assert len(endings) == len(set(endings))
    assert all(fits(kind.name, end) for kind in FILE_TYPES for end in kind.endings)
    assert not fits("jpeg", "png")
    assert len(BY_NAME) == len(FILE_TYPES)
