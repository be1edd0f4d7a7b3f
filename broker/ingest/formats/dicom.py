"""DICOM: recognised and made safe to keep. The preamble must be harmless, and a directory is no picture."""

from __future__ import annotations

from collections.abc import Iterator

from ...words import Rejection
from .dicom_meta import has_prefix, is_directory, preamble_is_legal
from .seam import Bounds, NoPreview, Refused, Scan, Source


def scans(source: Source, bounds: Bounds) -> Iterator[Scan]:
    """Check the start of the file; only its first 4 KiB are read, however large it is.

    Raises:
        Refused: PREAMBLE (CVE-2019-11687: a program may hide there), FILESET for a DICOMDIR.
        NoPreview: otherwise.
    """
    if has_prefix(source.head) and not preamble_is_legal(source.head):
        raise Refused(Rejection.PREAMBLE, "preamble is neither zero nor a TIFF header")
    if is_directory(source.head, source.size):
        raise Refused(Rejection.FILESET, "media storage directory")
    raise NoPreview("DICOM files are kept as they are; there is no preview of them.")
