"""The formats: what a file is, by its first bytes, and the module that reads it.

To add a format: a row in ``broker/filetypes.py``, its magic in ``signatures.py``, a module here with ``scans`` (see
``seam.py``), a row in ``READERS``. Imaging libraries are imported by those modules only, and those are imported by
the sandboxed child only.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import cast

from ...filetypes import BY_NAME, fits
from ...words import Rejection
from .seam import Bounds, NoPreview, Reader, Refused, Scan, Source, Stack
from .signatures import sniff

__all__ = ["READERS", "Bounds", "NoPreview", "Refused", "Scan", "Source", "Stack", "identify", "preload", "scans"]

#: Kind of file -> the module that reads it. A kind without a row is stored as it is, without a picture.
READERS: dict[str, str] = {
    "jpeg": ".jpeg",
    "png": ".png",
    "webp": ".webp",
    "bmp": ".bmp",
    "tiff": ".tiff",
    "dicom": ".dicom",
    "pdf": ".pdf",
    "heidelberg_vol": ".vol",
    "heidelberg_e2e": ".e2e",
}


def preload() -> None:
    """Import every reader with its libraries: inside the walls nothing can be opened, so nothing can be imported."""
    for module in READERS.values():
        import_module(module, __package__)


def identify(source: Source) -> str:
    """Name the kind of file by its contents.

    Raises:
        Refused: EMPTY, TYPE if it is nothing that is taken, MISMATCH if the name says something else.
    """
    if source.size == 0:
        raise Refused(Rejection.EMPTY, "0 bytes")
    name = sniff(source)
    if name is None:
        raise Refused(Rejection.TYPE, "no known signature")
    if not fits(name, source.ending):
        raise Refused(Rejection.MISMATCH, f"contents are {name}")
    return name


def scans(name: str, source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Yield the scans in a file of kind ``name``. Raises Refused, or NoPreview."""
    if name not in READERS:
        raise NoPreview(f"{BY_NAME[name].title} files are kept as they are; there is no preview of them.")
    return cast(Reader, import_module(READERS[name], __package__)).scans(source, bounds)
