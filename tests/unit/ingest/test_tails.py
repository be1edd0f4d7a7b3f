"""What may stand behind a picture: cameras' own data may, what opens as something else may not."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from broker.ingest.formats import bmp, tails, webp
from broker.ingest.formats.seam import Refused
from broker.words import Rejection
from tests import hostile
from tests.opened import BOUNDS, Opened

FOREIGN = {
    "zip": hostile.ZIP,
    "zip-end": b"PK\5\6" + bytes(18),
    "rar": b"Rar!\x1a\x07\1\0",
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "gzip": gzip.compress(b"x", mtime=0),
    "xz": b"\xfd7zXZ\0\0\4",
    "bzip2": b"BZh91AY&SY",
    "cab": b"MSCF\0\0\0\0",
    "windows": b"MZ" + bytes(900) + b"PE\0\0",
    "elf": b"\x7fELF\2\1\1",
    "mach-o": b"\xcf\xfa\xed\xfe\7\0\0\1",
    "java": b"\xca\xfe\xba\xbe\0\0\0\x34",
    "script": b"#! /usr/bin/env python",
    "pdf": b"%PDF-1.4",
    "postscript": b"%!PS-Adobe",
    "rtf": b"{\\rtf1",
    "office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "html": b"<HTML>",
    "script-tag": b"<Script src=",
    "svg": b"<sVg\n",
    "php": b"<?PHP ",
    "doctype": b"<!DOCTYPE",
}


def refused(data: bytes, end: int = 0) -> Rejection | None:
    try:
        tails.check(Opened(data), end)
    except Refused as refusal:
        return refusal.rejection
    return None


@pytest.mark.parametrize("name", FOREIGN)
def test_another_kind_of_file_is_found_wherever_it_starts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = FOREIGN[name]
    assert refused(foreign + bytes(60)) is Rejection.POLYGLOT
    assert refused(b"camera" + foreign + b"camera" * 300) is Rejection.POLYGLOT
    monkeypatch.setattr(tails, "_WINDOW", 2000)
    for before in range(1900, 2010, 3):
        assert refused(b"\1" * before + foreign + b"\2" * 5000) is Rejection.POLYGLOT, before


@pytest.mark.parametrize(
    "tail",
    [
        b"",
        bytes(5000),
        hostile.samsung(),
        hostile.jpeg(),
        b"PK MZ #! BZh %PDF <htm <svgx \x1f\x8b 7z",
        b"\1MZ" + bytes(3000) + b"PE\0\0",
    ],
)
def test_what_cameras_append_is_tolerated(tail: bytes) -> None:
    assert refused(b"<html>" + tail, 6) is None


def test_random_data_are_not_taken_for_something_else() -> None:
    assert refused(np.random.default_rng(11).bytes(8 << 20)) is None


def test_a_program_without_more_than_its_first_letters_is_found_at_the_start() -> None:
    assert refused(bytes(900) + b"MZ old") is Rejection.POLYGLOT
    assert refused(bytes(900) + b"#!/x") is Rejection.POLYGLOT


def test_endless_repetitions_end_soon() -> None:
    for part in (b"\1MZ", b"\1PE\0\0", b"\1PK", b"<", b"\x1f\x8b\x08\xff", b"BZh9"):
        refused(part * ((4 << 20) // len(part)))


def test_a_tail_beyond_measure_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "MAX_TAIL", 100)
    assert refused(bytes(101)) is Rejection.UNPACKED
    assert refused(bytes(150), 50) is None


@pytest.mark.parametrize("kind", ["webp", "bmp"])
def test_every_cut_of_a_picture_is_refused(kind: str) -> None:
    data = hostile.sample(kind)
    check = webp.check if kind == "webp" else bmp.check
    for cut in range(20, len(data), max(1, len(data) // 150)):
        with pytest.raises(Refused) as refusal:
            check(Opened(data[:cut]), BOUNDS)
        assert refusal.value.rejection is Rejection.TRUNCATED, cut
