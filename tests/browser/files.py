"""Files that a technician might choose. Every picture is another one, or a page would call it a duplicate."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests import dicoms

_SEEDS = itertools.count(1)


def jpeg(width: int = 640, height: int = 480) -> bytes:
    """A JPEG that nobody has seen before."""
    out = io.BytesIO()
    _picture(width, height).save(out, "JPEG", quality=85)
    return out.getvalue()


def cut_jpeg() -> bytes:
    """A JPEG whose last third is missing."""
    whole = jpeg()
    return whole[: len(whole) * 2 // 3]


def text() -> bytes:
    """What is no picture, whatever its name says."""
    return f"Patient came at nine, {next(_SEEDS)}.\n".encode() * 40


def volume(size: int = 40 << 20, **patient: Any) -> bytes:
    """A DICOM tomography of at least ``size`` bytes, uncompressed, as devices export them.

    ``patient``: tags that name one, instead of the made-up one.
    """
    scans = dicoms.bscans(4, 512, 512)
    return dicoms.grey(
        np.tile(scans, (-(-size // scans.nbytes), 1, 1)), sop_class=dicoms.OPT, Modality="OPT", **patient
    )


def of_patient(folder: Path, number: str) -> list[Path]:
    """A DICOM picture of the left eye, without a time, whose header has this record number."""
    path = folder / f"of-{number}.dcm"
    tags: dict[str, Any] = {
        "PatientID": number,
        "PatientName": "",
        "PatientBirthDate": "",
        "AcquisitionDateTime": "",
        "StudyDate": "",
    }
    path.write_bytes(dicoms.grey(dicoms.bscans(1, 64, 64)[0], ImageLaterality="L", **tags))
    return [path]


def save(folder: Path, *contents: bytes, ending: str = "jpg") -> list[Path]:
    """Write files named fundus-1, fundus-2, ... and give their paths."""
    paths = [folder / f"fundus-{number}.{ending}" for number in range(1, len(contents) + 1)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


def _picture(width: int, height: int) -> Image.Image:
    random = np.random.default_rng(next(_SEEDS))
    coarse = random.integers(40, 200, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
