"""The kinds of file that are taken, and what a file's name says about its kind.

Names only: whether the contents agree is found out in the sandbox, by magic bytes. The endings here are those the
browser may declare; a name never decides what a file is, it can only contradict it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileType:
    """One kind of file: its short ``name``, ``title`` as people read it, endings (lower case, no dot), media type."""

    name: str
    title: str
    endings: tuple[str, ...]
    media_type: str = "application/octet-stream"


FILE_TYPES: tuple[FileType, ...] = (
    FileType("jpeg", "JPEG", ("jpg", "jpeg", "jpe"), "image/jpeg"),
    FileType("png", "PNG", ("png",), "image/png"),
    FileType("webp", "WebP", ("webp",), "image/webp"),
    FileType("bmp", "BMP", ("bmp",), "image/bmp"),
    FileType("tiff", "TIFF", ("tif", "tiff"), "image/tiff"),
    FileType("dicom", "DICOM", ("dcm", "dicom", "dic"), "application/dicom"),
    FileType("heidelberg_vol", "Heidelberg .vol", ("vol",)),
    FileType("heidelberg_e2e", "Heidelberg .e2e", ("e2e", "sdb")),
    FileType("heyex_xml", "HEYEX XML", ("xml",), "application/xml"),
    FileType("pdf", "PDF", ("pdf",), "application/pdf"),
    FileType("topcon_fda", "Topcon .fda", ("fda",)),
    FileType("topcon_fds", "Topcon .fds", ("fds",)),
    FileType("cirrus_img", "Zeiss Cirrus .img", ("img",)),
    FileType("oct", "Bioptigen or Optovue .oct", ("oct",)),
    FileType("mp4", "MP4", ("mp4", "m4v"), "video/mp4"),
    FileType("heic", "HEIC", ("heic", "heif"), "image/heic"),
)

BY_NAME = {kind.name: kind for kind in FILE_TYPES}
_BY_ENDING = {ending: kind for kind in FILE_TYPES for ending in kind.endings}


def ending(filename: str) -> str:
    """The last ending of a file name, lower case and without its dot; empty if it has none.

    All-digit endings count as none: DICOM exports are often named by their UID, ``1.2.840.113619.2.5``.
    Spaces and dots at the very end are ignored, as Windows does.
    """
    last = filename.replace("\\", "/").rpartition("/")[2].rstrip(" .")
    stem, dot, tail = last.rpartition(".")
    return tail.lower() if dot and stem and not tail.isdecimal() else ""


def fits(name: str, file_ending: str) -> bool:
    """Say whether contents of kind ``name`` may carry ``file_ending``; to have none is usual for DICOM only."""
    kind = BY_NAME[name]
    return file_ending in kind.endings or (name == "dicom" and not file_ending)


def accepted(filename: str) -> bool:
    """Say whether a file of this name may be declared."""
    return refusal(filename) is None


def refusal(filename: str) -> str | None:
    """A sentence saying why a file of this name is not taken, or None if it is. The name itself is not repeated."""
    tail = ending(filename)
    if not tail or tail in _BY_ENDING:
        return None
    return "Files with this ending are not taken. Taken are: " + ", ".join(sorted(_BY_ENDING)) + "."
