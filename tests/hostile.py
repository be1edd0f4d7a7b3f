"""Files, good and hostile, made by rule: each with the name it comes under and the outcome it must have.

Nothing here is stored as a binary, and the same name always gives the same bytes.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from broker.filetypes import FILE_TYPES
from broker.words import Rejection

PNG = b"\x89PNG\r\n\x1a\n"
ZIP = b"PK\x03\x04" + bytes(26) + b"a.class" + b"PK\x05\x06" + bytes(18)
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
UNCOMPRESSED = "1.2.840.10008.1.2.1"
OPT = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
WITHOUT_MAGIC = frozenset({"cirrus_img"})


@dataclass(frozen=True, slots=True)
class Case:
    """One file: its bytes, the name it is sent under, and what must come of it."""

    name: str
    filename: str
    make: Callable[[], bytes]
    rejection: Rejection | None = None
    format: str | None = None
    preview: bool = False


def cases() -> Iterator[Case]:
    """Every file of this module."""
    yield from good()
    yield from kept()
    yield from hostile()
    yield from mismatches()


def good() -> Iterator[Case]:
    """Pictures that are stored and shown."""
    for name, make in _GOOD_JPEG.items():
        yield Case(name, f"{name}.jpg", make, format="jpeg", preview=True)
    for orientation in range(1, 9):
        yield Case(f"exif-{orientation}", "a.JPG", lambda o=orientation: rotated(o), format="jpeg", preview=True)  # type: ignore[misc]
    for name, make in _GOOD_PNG.items():
        yield Case(name, f"{name}.png", make, format="png", preview=True)
    yield Case("html-png-name", "x.html.png", _GOOD_PNG["png-grey"], format="png", preview=True)


def kept() -> Iterator[Case]:
    """Files that are stored as they are, without a picture."""
    for kind in FILE_TYPES:
        if kind.name not in ("jpeg", "png"):
            for ending in kind.endings:
                yield Case(f"{kind.name}-{ending}", f"a.{ending}", lambda n=kind.name: sample(n), format=kind.name)  # type: ignore[misc]
    yield Case("dicom-uid-name", "1.2.840.113619.2.5", lambda: dicom(), format="dicom")
    yield Case("dicom-no-ending", "IM000001", lambda: dicom(), format="dicom")
    yield Case("dicom-tiff-preamble", "a.dcm", lambda: dicom(b"II*\0" + bytes(124)), format="dicom")
    yield Case("dicom-without-preamble", "a.dcm", lambda: dicom()[132:], format="dicom")
    yield Case("bioptigen", "a.oct", lambda: b"\1\2\3\4\1\0" + struct.pack("<I", 11) + b"FRAMEHEADER" * 9, format="oct")


def hostile() -> Iterator[Case]:
    """Files that must be refused, each for its own reason."""
    for rejection, rows in _HOSTILE.items():
        for name, (filename, make) in rows.items():
            yield Case(name, filename, make, rejection)
    for name, start in _PROGRAMS.items():
        preamble = (start + bytes(128))[:128]
        yield Case(f"preamble-{name}", "a.dcm", lambda p=preamble: dicom(p), Rejection.PREAMBLE)  # type: ignore[misc]
    whole = jpeg()
    scan = whole.index(b"\xff\xda")
    for cut in (4, 30, scan - 3, scan + 1, scan + 5, scan + 40, len(whole) // 2, len(whole) - 2, len(whole) - 1):
        yield Case(f"jpeg-cut-at-{cut}", "a.jpg", lambda c=cut: whole[:c], Rejection.TRUNCATED)  # type: ignore[misc]
    picture = _GOOD_PNG["png-rgb"]()
    for cut in (20, 40, len(picture) // 2, len(picture) - 13, len(picture) - 12, len(picture) - 1):
        yield Case(f"png-cut-at-{cut}", "a.png", lambda c=cut: picture[:c], Rejection.TRUNCATED)  # type: ignore[misc]


def mismatches() -> Iterator[Case]:
    """Every kind of file under every ending that is not its own."""
    for kind in FILE_TYPES:
        if kind.name in WITHOUT_MAGIC:
            continue
        for other in FILE_TYPES:
            for ending in other.endings:
                if other.name != kind.name and (kind.name, other.name) != ("oct", "cirrus_img"):
                    make = lambda n=kind.name: sample(n)  # noqa: E731
                    wanted = Rejection.TYPE if kind.name == "oct" else Rejection.MISMATCH
                    yield Case(f"{kind.name}-as-{ending}", f"a.{ending}", make, wanted)
    yield Case("jpeg-without-ending", "photo", lambda: jpeg(), Rejection.MISMATCH)


@cache
def pixels(width: int = 120, height: int = 80) -> NDArray[np.uint8]:
    """An RGB picture, no two quarters alike: red, green, blue and grey with a little noise; (height, width, 3)."""
    noise = np.random.default_rng(7).integers(0, 24, (height, width, 3))
    out = np.zeros((height, width, 3), np.int64)
    out[: height // 2, : width // 2] = (200, 20, 20)
    out[: height // 2, width // 2 :] = (20, 200, 20)
    out[height // 2 :, : width // 2] = (20, 20, 200)
    out[height // 2 :, width // 2 :] = (120, 120, 120)
    return (out + noise).astype(np.uint8)


def picture() -> Image.Image:
    """``pixels`` as a picture."""
    return Image.fromarray(pixels())


def saved(image: Image.Image, kind: str, **settings: object) -> bytes:
    """Encode a picture with Pillow."""
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def jpeg(**settings: object) -> bytes:
    """A good JPEG of ``pixels``."""
    return saved(picture(), "JPEG", **({"quality": 95, "subsampling": 0} | settings))


def rotated(orientation: int, **tags: str) -> bytes:
    """``pixels`` stored so that EXIF ``orientation`` brings them upright; EXIF date and device as given."""
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = picture()
    if orientation in undo:
        image = image.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F], exif[0x0110] = tags.get("make", "Canon"), tags.get("model", "Canon CR-2 AF")
    inner = exif.get_ifd(0x8769)
    inner[0x9003] = tags.get("when", "2024:05:06 07:08:09")
    if "offset" in tags:
        inner[0x9011] = tags["offset"]
    return saved(image, "JPEG", quality=95, subsampling=0, exif=exif)


def chunk(name: bytes, data: bytes = b"", *, crc: int | None = None) -> bytes:
    """One PNG chunk, with its right checksum unless another is given."""
    right = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", right if crc is None else crc)


def ihdr(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    """An IHDR chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png(*extra: bytes, width: int = 8, height: int = 8, data: bytes | None = None, tail: bytes = b"") -> bytes:
    """A small grey PNG, with chunks of the caller's between header and pixels."""
    rows = (b"\0" + bytes(range(width))) * height if data is None else data
    end = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")
    return PNG + ihdr(width, height) + b"".join(extra) + end + tail


def interlaced() -> bytes:
    """An Adam7 picture, 8 x 8, grey value = 8 x row + column."""
    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(
        b"\0" + bytes(8 * row + column for column in range(left, 8, across))
        for top, left, down, across in starts
        for row in range(top, 8, down)
    )
    return PNG + ihdr(8, 8, interlace=1) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def dicom(preamble: bytes = bytes(128), sop_class: str = OPT, pixel_bytes: int = 64) -> bytes:
    """An uncompressed DICOM file, as far as its start goes; pixel data are zero."""
    return preamble + dicom_start(sop_class, pixel_bytes) + bytes(pixel_bytes)


def dicom_start(sop_class: str, pixel_bytes: int) -> bytes:
    """Prefix, meta information and elements up to the first byte of the pixel data."""
    meta = _element(0x0002, 0x0002, b"UI", _uid(sop_class)) + _element(0x0002, 0x0010, b"UI", _uid(UNCOMPRESSED))
    body = _element(0x0008, 0x0016, b"UI", _uid(sop_class)) + _element(0x0008, 0x0060, b"CS", b"OPT ")
    body += _element(0x0010, 0x0010, b"PN", b"Test^Synthetic") + _element(0x0028, 0x0010, b"US", b"\x08\0")
    body += _element(0x0028, 0x0011, b"US", b"\x08\0") + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, pixel_bytes)
    length = _element(0x0002, 0x0000, b"UL", struct.pack("<I", len(meta)))
    return b"DICM" + length + meta + body


def sample(name: str) -> bytes:
    """A file of the kind ``name`` (of ``broker.filetypes``) that is taken under its own ending."""
    return _SAMPLES[name]()


def _element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, kind, len(value)) + value


def _uid(text: str) -> bytes:
    return text.encode() + b"\0" * (len(text) % 2)


def _grey16(white: int) -> bytes:
    ramp = np.tile(np.linspace(0, white, 256).astype(np.uint16), (16, 1))
    return saved(Image.fromarray(ramp), "PNG")


def _with_alpha() -> Image.Image:
    image = picture().convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 120).astype(np.uint8), (80, 1))))
    return image


def _sized(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims another size."""
    data = jpeg()
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _many_scans(count: int) -> bytes:
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _floats() -> bytes:
    return np.linspace(0, 1, 1 << 18).astype("<f4").tobytes()


def _vol() -> bytes:
    return b"HSF-OCT-103\0" + struct.pack("<3i", 8, 1, 8) + bytes(2048)


_BOMB = zlib.compress(bytes(64 << 20), 9)
_PROGRAMS = {
    "mz": b"MZ\x90\0",
    "elf": b"\x7fELF\2\1\1",
    "macho-32": b"\xfe\xed\xfa\xce",
    "macho-64": b"\xcf\xfa\xed\xfe",
    "macho-fat": b"\xca\xfe\xba\xbe",
    "script": b"#!/bin/sh\n",
    "pdf": b"%PDF-1.7\n",
    "zip": ZIP,
    "random": bytes(range(1, 129)),
    "one-byte": bytes(127) + b"\1",
}
_GOOD_JPEG: dict[str, Callable[[], bytes]] = {
    "baseline": jpeg,
    "progressive": lambda: jpeg(progressive=True),
    "chroma-halved": lambda: jpeg(subsampling=2),
    "restart-markers": lambda: jpeg(restart_marker_blocks=2),
    "greyscale": lambda: saved(picture().convert("L"), "JPEG"),
    "cmyk": lambda: saved(picture().convert("CMYK"), "JPEG", quality=95),
    "with-profile": lambda: jpeg(icc_profile=_srgb()),
    "broken-profile": lambda: jpeg(icc_profile=b"nonsense" * 20),
    "script-in-comment": lambda: jpeg(comment=HTML),
    "zero-padded": lambda: jpeg() + bytes(5000),
    "second-picture-behind": lambda: jpeg() + bytes(7) + saved(picture().resize((16, 16)), "JPEG"),
    "broken-exif": lambda: jpeg(exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + bytes(40)),
    "one-pixel": lambda: saved(Image.new("RGB", (1, 1), (9, 8, 7)), "JPEG"),
    "long-and-thin": lambda: saved(Image.new("L", (5000, 1), 77), "JPEG"),
}
_GOOD_PNG: dict[str, Callable[[], bytes]] = {
    "png-rgb": lambda: saved(picture(), "PNG"),
    "png-grey": png,
    "png-bilevel": lambda: saved(picture().convert("1"), "PNG"),
    "png-palette": lambda: saved(picture().quantize(16), "PNG"),
    "png-palette-clear": lambda: saved(picture().quantize(16), "PNG", transparency=0),
    "png-alpha": lambda: saved(_with_alpha(), "PNG"),
    "png-grey-alpha": lambda: saved(_with_alpha().convert("LA"), "PNG"),
    "png-grey-clear": lambda: saved(picture().convert("L"), "PNG", transparency=120),
    "png-16-bit": lambda: _grey16(65_535),
    "png-12-bit": lambda: _grey16(4_095),
    "png-interlaced": interlaced,
    "png-profile": lambda: saved(picture(), "PNG", icc_profile=_srgb()),
    "png-text": lambda: png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"macula"))),
    "png-zero-padded": lambda: png(tail=bytes(300)),
}
_SAMPLES: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": lambda: saved(picture(), "WEBP"),
    "bmp": lambda: saved(picture(), "BMP"),
    "tiff": lambda: saved(picture(), "TIFF"),
    "dicom": dicom,
    "heidelberg_vol": _vol,
    "heidelberg_e2e": lambda: b"CMDb" + bytes(32) + b"MDbMDir\0" + bytes(44),
    "heyex_xml": lambda: b'<?xml version="1.0" encoding="UTF-8"?>\r\n<HEDX><BODY/></HEDX>',
    "pdf": lambda: b"%PDF-1.4\n%%EOF\n",
    "topcon_fda": lambda: b"FOCTFDA" + bytes(200),
    "topcon_fds": lambda: b"FOCTFDS" + bytes(200),
    "cirrus_img": lambda: np.random.default_rng(3).integers(0, 256, 200 * 1024, np.uint8).tobytes(),
    "oct": _floats,
    "mp4": lambda: struct.pack(">I", 24) + b"ftypisom" + bytes(12),
    "heic": lambda: struct.pack(">I", 24) + b"ftypheic" + bytes(12),
}
_DIRECTORY = "1.2.840.10008.1.3.10"
_HOSTILE: dict[Rejection, dict[str, tuple[str, Callable[[], bytes]]]] = {
    Rejection.EMPTY: {
        "empty-jpg": ("a.jpg", lambda: b""),
        "empty-dcm": ("a.dcm", lambda: b""),
    },
    Rejection.TYPE: {
        "one-byte": ("a.jpg", lambda: b"\xff"),
        "text-as-jpg": ("a.jpg", lambda: b"these are my notes\n" * 50),
        "text-as-img": ("a.img", lambda: b"notes\n" * (200 * 1024 // 6) + b"...."),
        "text-as-oct": ("a.oct", lambda: b"text" * (1 << 18)),
        "short-img": ("a.img", lambda: bytes(range(256)) * 4),
        "program-as-img": ("a.img", lambda: b"MZ" + bytes(200 * 1024 - 2)),
        "zip-as-oct": ("a.oct", lambda: ZIP + bytes((1 << 20) - len(ZIP))),
        "html-as-png": ("a.png", lambda: HTML),
        "svg-as-png": ("a.png", lambda: b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
        "eps-as-png": ("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        "psd-as-png": ("a.png", lambda: b"8BPS\0\1" + bytes(60)),
        "icns-as-png": ("a.png", lambda: b"icns\0\0\0\x10" + bytes(60)),
        "gif-as-png": ("a.png", lambda: saved(picture(), "GIF")),
        "gifar-as-jpg": ("a.jpg", lambda: saved(picture(), "GIF") + ZIP),
        "jp2-as-jpg": ("a.jpg", lambda: b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60)),
        "avif-as-heic": ("a.heic", lambda: struct.pack(">I", 24) + b"ftypavif" + bytes(12)),
        "program-as-jpg": ("a.jpg", lambda: b"MZ\x90\0" + bytes(500)),
        "elf-as-dcm": ("a.dcm", lambda: b"\x7fELF\2\1\1" + bytes(500)),
        "zip-as-dcm": ("a.dcm", lambda: ZIP),
        "gzip-as-dcm": ("a.dcm", lambda: b"\x1f\x8b\x08" + bytes(90)),
        "dicom-prefix-elsewhere": ("a.dcm", lambda: b"\0" + dicom()),
        "xml-with-entities": ("a.xml", lambda: b'<?xml version="1.0"?><!DOCTYPE HEDX [<!ENTITY a "a">]><HEDX/>'),
        "xml-of-another-kind": ("a.xml", lambda: b'<?xml version="1.0"?><html><HEDX/></html>'),
        "bm-in-a-text": ("a.bmp", lambda: b"BMW are the letters of a motor works."),
        "vol-of-nonsense": ("a.vol", lambda: b"ep-v0.6.8\0\0\0" + b"\xff" * 4000),
    },
    Rejection.MISMATCH: {
        "jpeg-as-html": ("scan.jpg.html", jpeg),
        "jpeg-as-exe": ("scan\u202egpj.exe", jpeg),
    },
    Rejection.POLYGLOT: {
        "zip-behind-jpeg": ("a.jpg", lambda: jpeg() + ZIP),
        "zip-behind-padding": ("a.jpg", lambda: jpeg() + bytes(9000) + ZIP),
        "html-behind-jpeg": ("a.jpg", lambda: jpeg() + HTML),
        "zip-behind-second-jpeg": ("a.jpg", lambda: jpeg() + jpeg() + ZIP),
        "html-behind-png": ("a.png", lambda: png(tail=HTML)),
        "zip-behind-png": ("a.png", lambda: png(tail=bytes(40) + ZIP)),
    },
    Rejection.FILESET: {
        "dicomdir": ("DICOMDIR", lambda: dicom(sop_class=_DIRECTORY)),
        "dicomdir-without-preamble": ("a.dcm", lambda: dicom(sop_class=_DIRECTORY)[132:]),
        "dicomdir-climbing": ("a.dcm", lambda: dicom(sop_class=_DIRECTORY) + b"..\\..\\etc\\passwd"),
    },
    Rejection.PIXELS: {
        "jpeg-65500": ("a.jpg", lambda: _sized(65_500, 65_500)),
        "png-60000": ("a.png", lambda: PNG + ihdr(60_000, 60_000, 1) + chunk(b"IDAT", _BOMB) + chunk(b"IEND")),
        "png-header-only-60000": ("a.png", lambda: PNG + ihdr(60_000, 60_000)),
        "png-just-over": ("a.png", lambda: PNG + ihdr(10_001, 10_000)),
        "png-32-bit-sizes": ("a.png", lambda: PNG + ihdr(0xFFFF_FFFF, 0xFFFF_FFFF)),
    },
    Rejection.UNPACKED: {
        "png-text-bomb": ("a.png", lambda: png(chunk(b"zTXt", b"Comment\0\0" + _BOMB))),
        "png-utf8-text-bomb": ("a.png", lambda: png(chunk(b"iTXt", b"Comment\0\1\0en\0Comment\0" + _BOMB))),
        "png-profile-bomb": ("a.png", lambda: png(chunk(b"iCCP", b"icc\0\0" + _BOMB))),
        "png-many-texts": ("a.png", lambda: png(*[chunk(b"zTXt", b"C\0\0" + zlib.compress(bytes(4 << 20)))] * 5)),
        "png-more-than-pixels": ("a.png", lambda: png(data=(b"\0" + bytes(8)) * (2 << 20))),
        "jpeg-3000-scans": ("a.jpg", lambda: _many_scans(3000)),
        "jpeg-40-pictures": ("a.jpg", lambda: jpeg() * 40),
    },
    Rejection.TRUNCATED: {
        "png-pixels-short": ("a.png", lambda: png(data=(b"\0" + bytes(8)) * 3)),
        "jpeg-cut-with-end": ("a.jpg", lambda: jpeg()[: len(jpeg()) * 2 // 3] + b"\xff\xd9"),
        "jpeg-cut-with-end-and-more": ("a.jpg", lambda: jpeg()[:-400] + b"\xff\xd9" + jpeg()),
        "png-no-iend": ("a.png", lambda: png()[:-12]),
    },
    Rejection.DECODE: {
        "jpeg-no-picture": ("a.jpg", lambda: b"\xff\xd8\xff\xfe\0\4hi\xff\xd9"),
        "jpeg-height-0": ("a.jpg", lambda: _sized(120, 0)),
        "jpeg-garbage-behind-header": ("a.jpg", lambda: b"\xff\xd8\xff\xe0\0\4ab" + b"garbage" * 20),
        "jpeg-two-frames": ("a.jpg", lambda: _twice(jpeg(), b"\xff\xc0")),
        "jpeg-no-tables": ("a.jpg", lambda: _without(jpeg(), b"\xff\xdb")),
        "png-wrong-crc": ("a.png", lambda: PNG + ihdr(8, 8)[:-1] + b"\0" + png()[33:]),
        "png-wrong-crc-in-text": ("a.png", lambda: png(chunk(b"tEXt", b"a\0b", crc=1))),
        "png-two-ihdr": ("a.png", lambda: png(ihdr(8, 8))),
        "png-no-ihdr": ("a.png", lambda: PNG + png()[33:]),
        "png-split-idat": ("a.png", lambda: png(chunk(b"IDAT", b"x"), chunk(b"tEXt", b"a\0b"))),
        "png-no-idat": ("a.png", lambda: PNG + ihdr(8, 8) + chunk(b"IEND")),
        "png-iend-with-data": ("a.png", lambda: png()[:-12] + chunk(b"IEND", b"data")),
        "png-unknown-critical": ("a.png", lambda: png(chunk(b"EVIL", b"data"))),
        "png-zero-width": ("a.png", lambda: PNG + ihdr(0, 8) + chunk(b"IDAT", b"") + chunk(b"IEND")),
        "png-depth-3": ("a.png", lambda: PNG + ihdr(8, 8, 3) + chunk(b"IDAT", b"") + chunk(b"IEND")),
        "png-idat-not-zlib": ("a.png", lambda: PNG + ihdr(8, 8) + chunk(b"IDAT", b"nonsense") + chunk(b"IEND")),
    },
}


def _segment(data: bytes, marker: bytes) -> tuple[int, int]:
    at = data.index(marker)
    return at, at + 2 + int(struct.unpack_from(">H", data, at + 2)[0])


def _twice(data: bytes, marker: bytes) -> bytes:
    start, end = _segment(data, marker)
    return data[:end] + data[start:end] + data[end:]


def _without(data: bytes, marker: bytes) -> bytes:
    while marker in data[: data.index(b"\xff\xda")]:
        start, end = _segment(data, marker)
        data = data[:start] + data[end:]
    return data
