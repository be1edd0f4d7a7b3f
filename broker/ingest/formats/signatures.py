"""What a file is, by its first bytes: the magic numbers of everything that is taken.

Order matters: DICOM comes first, because its 128-byte preamble may hold another format's magic (a TIFF header there
is legal, DICOM PS3.10 section 7.1), and what has no magic at all comes last.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from .dicom_meta import has_prefix, starts_without_prefix
from .seam import Source

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"%PDF-", "pdf"),
    (b"CMDb", "heidelberg_e2e"),
    (b"E2EMultipleVolumeFile", "heidelberg_e2e"),
    (b"FOCTFDA", "topcon_fda"),
    (b"FOCTFDS", "topcon_fds"),
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_MP4_BRANDS = frozenset({b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV"})

# Starts of files that must never pass as a headerless vendor file.
_FOREIGN = (b"MZ", b"\x7fELF", b"PK", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"#!", b"GIF8", b"8BPS", b"\xfd7zXZ", b"BZh")
_MACHO = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def sniff(source: Source) -> str | None:
    """The kind of file (a name of ``broker.filetypes``) that the contents are, or None."""
    head = source.head
    if has_prefix(head):
        return "dicom"
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    return next((name for name, test in _TESTS.items() if test(source)), None)


def _webp(source: Source) -> bool:
    return source.head[:4] == b"RIFF" and source.head[8:12] == b"WEBP"


def _bmp(source: Source) -> bool:
    # "BM" alone is two letters of any text; the header's own size field (Windows: 40, 108, 124; OS/2: 12) must fit.
    return source.head[:2] == b"BM" and source.head[6:10] == b"\0\0\0\0" and source.head[14:18] in _BMP_HEADERS


_BMP_HEADERS = frozenset(struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124))


def _heic(source: Source) -> bool:
    return source.head[4:8] == b"ftyp" and source.head[8:12] in _HEIC_BRANDS


def _mp4(source: Source) -> bool:
    return source.head[4:8] == b"ftyp" and source.head[8:12] in _MP4_BRANDS


def _heidelberg_vol(source: Source) -> bool:
    # Files that the eyepy library writes carry its version instead; then the sizes in the header must make sense.
    head = source.head
    if head[:8] == b"HSF-OCT-" and head[8:11].isdigit():
        return True
    if head[:4] != b"ep-v" or len(head) < 2048:
        return False
    return all(0 < size <= 65_535 for size in struct.unpack_from("<3i", head, 12))


def _heyex_xml(source: Source) -> bool:
    # The root element must be the first one; a document type is refused, since it can only serve to attack a reader.
    text = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<?xml"):
        text = text.partition(b"?>")[2].lstrip()
    return text.startswith((b"<HEDX>", b"<HEDX ", b"<HEDX\r", b"<HEDX\n"))


def _bioptigen(source: Source) -> bool:
    # A magic number and a version, then the first key with its length in front.
    return source.head[6:21] == struct.pack("<I", 11) + b"FRAMEHEADER"


def _cirrus(source: Source) -> bool:
    # No header at all: whole slices, 1,024 deep, 200 or 512 wide, one byte each, and nothing else it could be.
    whole = source.size % (1024 * 512) == 0 or source.size % (1024 * 200) == 0
    return source.ending == "img" and whole and _raw(source)


def _optovue(source: Source) -> bool:
    # No header either: 32-bit floats, so each sample must be a number of a sane size.
    if source.ending != "oct" or source.size % 4 or source.size < 1 << 20 or not _raw(source):
        return False
    values = struct.unpack("<1024f", source.at(source.size // 8 * 4, 4096))
    return all(abs(value) < 1e9 for value in values)


def _raw(source: Source) -> bool:
    """Say whether the start looks like bare numbers: not text, and not a program, archive or picture."""
    head = source.head
    return not head.startswith(_FOREIGN + _MACHO) and any(byte < 9 or byte > 126 for byte in head[:1024])


_TESTS: dict[str, Callable[[Source], bool]] = {
    "webp": _webp,
    "bmp": _bmp,
    "heic": _heic,
    "mp4": _mp4,
    "heidelberg_vol": _heidelberg_vol,
    "heyex_xml": _heyex_xml,
    "dicom": lambda source: starts_without_prefix(source.head, source.size),
    "oct": lambda source: _bioptigen(source) or _optovue(source),
    "cirrus_img": _cirrus,
}
