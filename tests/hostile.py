"""Files, good and hostile, made by rule: each with the name it comes under and the outcome it must have.

Nothing here is stored as a binary, and the same name always gives the same bytes.
"""

from __future__ import annotations

import gzip
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from broker.filetypes import BY_NAME, FILE_TYPES
from broker.words import Rejection
from tests import heidelberg, pdfs, tiffs

PNG = b"\x89PNG\r\n\x1a\n"
ZIP = b"PK\x03\x04" + bytes(26) + b"a.class" + b"PK\x05\x06" + bytes(18)
HTML = b"<!doctype html><html><script>alert(1)</script></html>"
UNCOMPRESSED = "1.2.840.10008.1.2.1"
OPT = "1.2.840.10008.5.1.4.1.1.77.1.5.4"
WITHOUT_MAGIC = frozenset({"cirrus_img"})
#: Kinds whose sample here is shown as a picture.
SHOWN = frozenset({"jpeg", "png", "webp", "bmp", "tiff", "pdf", "heidelberg_vol"})


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
    for kind, rows in _GOOD_OTHERS.items():
        ending = BY_NAME[kind].endings[0]
        for name, make in rows.items():
            yield Case(name, f"{name}.{ending}", make, format=kind, preview=True)
    yield Case("html-png-name", "x.html.png", _GOOD_PNG["png-grey"], format="png", preview=True)


def kept() -> Iterator[Case]:
    """Files that are stored as they are, without a picture."""
    for kind in FILE_TYPES:
        if kind.name not in SHOWN:
            for ending in kind.endings:
                yield Case(f"{kind.name}-{ending}", f"a.{ending}", lambda n=kind.name: sample(n), format=kind.name)  # type: ignore[misc]
    yield Case("dicom-uid-name", "1.2.840.113619.2.5", lambda: dicom(), format="dicom")
    yield Case("dicom-no-ending", "IM000001", lambda: dicom(), format="dicom")
    yield Case("dicom-tiff-preamble", "a.dcm", lambda: dicom(b"II*\0" + bytes(124)), format="dicom")
    yield Case("dicom-without-preamble", "a.dcm", lambda: dicom()[132:], format="dicom")
    yield Case("animation", "a.webp", animation, format="webp")
    yield Case("e2e-eye-only", "a.e2e", lambda: heidelberg.e2e(heidelberg.laterality(b"L")), format="heidelberg_e2e")
    for name, page in {"jpeg-2000": _GREY_PAGE.tagged(t259=(3, [34712])), "double": _DOUBLE_PAGE}.items():
        yield Case(f"tiff-{name}", "a.tif", lambda p=page: tiffs.tiff(p), format="tiff")  # type: ignore[misc]
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
    for name, (ending, make) in _CUTTABLE.items():
        half = make()
        yield Case(f"{name}-cut", f"a.{ending}", lambda d=half: d[: len(d) // 2], Rejection.TRUNCATED)  # type: ignore[misc]


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


def animation() -> bytes:
    """A WebP of two frames."""
    return saved(picture(), "WEBP", save_all=True, append_images=[picture().rotate(180)], duration=100)


def samsung() -> bytes:
    """What Samsung phones append: a block of data, a table of it that starts with SEFH, the table's length, SEFT."""
    data = struct.pack("<HHI", 0, 0x0A01, 14) + b"Image_UTC_Data1714979289000"
    table = b"SEFH" + struct.pack("<IIHHII", 106, 1, 0, 0x0A01, len(data), len(data))
    return data + table + struct.pack("<I", len(table)) + b"SEFT"


def _tail(start: bytes, more: bytes = b"") -> bytes:
    """A camera's data with something else hidden in the middle."""
    return jpeg() + samsung() + start + more + bytes(200) + samsung()


def _program() -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0" + bytes(60)


def _riff(*chunks: tuple[bytes, bytes], size: int | None = None) -> bytes:
    """A WebP of chunks; ``size`` is what its header announces."""
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body) if size is None else size) + b"WEBP" + body


def _vp8x(width: int, height: int, flags: int = 0) -> bytes:
    return struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def _vp8l(width: int, height: int) -> bytes:
    return b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(20)


def _bmp(**over: int) -> bytes:
    """A BMP of ``pixels`` with other numbers in its header: start, header, width, height, planes, depth, packing."""
    data = bytearray(saved(picture(), "BMP"))
    places = {"start": (10, "I"), "header": (14, "I"), "width": (18, "i"), "height": (22, "i")}
    places |= {"planes": (26, "H"), "depth": (28, "H"), "packing": (30, "I"), "coded": (34, "I")}
    for name, value in over.items():
        struct.pack_into("<" + places[name][1], data, places[name][0], value)
    return bytes(data)


def _rows_down() -> bytes:
    """A BMP whose first row is the upper one."""
    data = _bmp(height=-80)
    return data[:54] + b"".join(pixels()[row, :, ::-1].tobytes() for row in range(80))


def _many_pages(count: int) -> bytes:
    return tiffs.tiff(*[tiffs.page(np.zeros((1, 1), np.uint8))] * count)


_GREY_PAGE = tiffs.page((np.arange(12 * 16).reshape(12, 16) % 256).astype(np.uint8))
_DOUBLE_PAGE = tiffs.page(np.zeros((4, 4), np.float64))
_FLAT = heidelberg.reflectivity()
_SMALL = np.zeros((8, 8), np.uint8)
_SAME: dict[str, list[int]] = {"offsets": [8] * 5000, "lengths": [64] * 5000}


def _compressed(compression: str) -> bytes:
    return saved(picture(), "TIFF", compression=compression)


def _tiff_jpeg_without_end() -> bytes:
    # The last end marker is that of the tables which all strips share.
    data = saved(picture(), "TIFF", compression="jpeg")
    at = data.index(b"\xff\xd9")
    return data[:at] + b"\0\0" + data[at + 2 :]


def _vol_with_header(length: int) -> bytes:
    data = bytearray(heidelberg.vol())
    struct.pack_into("<i", data, 2048 + heidelberg.slo().size + 12, length)
    return bytes(data)


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
    "40-pictures-behind": lambda: jpeg() * 40,
    "half-a-picture-behind": lambda: jpeg() + jpeg()[:500],
    "samsung-trailer": lambda: jpeg() + samsung(),
    "film-behind": lambda: jpeg() + struct.pack(">I", 24) + b"ftypmp42" + np.random.default_rng(1).bytes(2 << 20),
    "short-signatures-by-chance": lambda: jpeg() + b"\x01MZ\x02#!\x03PK\x1f\x8b<svgx <htm BZh %PDF" + bytes(90),
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
_GOOD_OTHERS: dict[str, dict[str, Callable[[], bytes]]] = {
    "webp": {
        "webp-lossy": lambda: saved(picture(), "WEBP"),
        "webp-lossless": lambda: saved(picture(), "WEBP", lossless=True),
        "webp-alpha": lambda: saved(_with_alpha(), "WEBP"),
        "webp-profile-and-exif": lambda: saved(picture(), "WEBP", icc_profile=_srgb(), exif=Image.Exif()),
        "webp-camera-tail": lambda: saved(picture(), "WEBP") + samsung(),
    },
    "bmp": {
        "bmp-colour": lambda: saved(picture(), "BMP"),
        "bmp-grey": lambda: saved(picture().convert("L"), "BMP"),
        "bmp-palette": lambda: saved(picture().quantize(16), "BMP"),
        "bmp-bilevel": lambda: saved(picture().convert("1"), "BMP"),
        "bmp-rows-down": _rows_down,
        "bmp-camera-tail": lambda: saved(picture(), "BMP") + samsung(),
    },
    "tiff": {
        **{
            f"tiff-{name}": partial(_compressed, name)
            for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma")
        },
        "tiff-fax": lambda: saved(picture().convert("1"), "TIFF", compression="group4"),
        "tiff-16-bit": lambda: tiffs.tiff(tiffs.page((pixels()[:, :, 0] * 250).astype(np.uint16))),
        "tiff-float": lambda: tiffs.tiff(tiffs.page(pixels()[:, :, 0].astype(np.float32))),
        "tiff-big-endian": lambda: tiffs.tiff(tiffs.page(pixels(), order=">"), order=">"),
        "tiff-64-bit": lambda: tiffs.tiff(tiffs.page(pixels()), big=True),
        "tiff-pages": lambda: tiffs.tiff(_GREY_PAGE, tiffs.page(pixels()), _GREY_PAGE),
        "tiff-cmyk": lambda: saved(picture().convert("CMYK"), "TIFF"),
        "tiff-alpha": lambda: saved(_with_alpha(), "TIFF"),
        "tiff-palette": lambda: saved(picture().quantize(16), "TIFF"),
    },
    "heidelberg_vol": {
        "vol-line": lambda: heidelberg.vol(heidelberg.reflectivity(1), pattern=1),
        "vol-circle": lambda: heidelberg.vol(heidelberg.reflectivity(1), pattern=2, lines=[(23, 19, 20, 15)]),
        "vol-volume": lambda: heidelberg.vol(heidelberg.reflectivity(12)),
        "vol-radial": lambda: heidelberg.vol(pattern=5),
        "vol-of-a-program": lambda: heidelberg.vol(_FLAT * 254, version=b"ep-v0.6.8   2", pattern=0),
        "vol-spare-bytes": lambda: heidelberg.vol(tail=bytes(range(1, 133))),
    },
    "heidelberg_e2e": {
        "e2e-one-b-scan": lambda: heidelberg.e2e(heidelberg.b_scan(heidelberg.reflectivity(1, 20, 32)[0])),
        "e2e-multiple": lambda: b"E2EMultipleVolumeFile".ljust(64, b"\0") + heidelberg.e2e(heidelberg.b_scan(_FLAT[0])),
        "e2e-picture-only": lambda: heidelberg.e2e(heidelberg.slo_chunk(heidelberg.slo())),
    },
    "pdf": {"pdf-text": lambda: pdfs.pdf(pdfs.text("sample"))},
}
#: Cut in the middle, each is TRUNCATED.
_CUTTABLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "webp": ("webp", lambda: saved(picture(), "WEBP")),
    "bmp": ("bmp", lambda: saved(picture(), "BMP")),
    "tiff": ("tif", lambda: saved(picture(), "TIFF")),
    "tiff-lzw": ("tif", lambda: saved(picture(), "TIFF", compression="tiff_lzw")),
    "tiff-64-bit": ("tif", lambda: tiffs.tiff(tiffs.page(pixels()), big=True)),
    "vol": ("vol", heidelberg.vol),
    "e2e": ("e2e", lambda: heidelberg.e2e(heidelberg.b_scan(heidelberg.reflectivity(1, 20, 32)[0]))),
}
_SAMPLES: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": lambda: saved(picture(), "WEBP"),
    "bmp": lambda: saved(picture(), "BMP"),
    "tiff": lambda: saved(picture(), "TIFF"),
    "dicom": dicom,
    "heidelberg_vol": heidelberg.vol,
    "heidelberg_e2e": lambda: heidelberg.e2e(),
    "heyex_xml": lambda: b'<?xml version="1.0" encoding="UTF-8"?>\r\n<HEDX><BODY/></HEDX>',
    "pdf": lambda: pdfs.pdf(pdfs.text("sample")),
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
        "zip-in-camera-tail": ("a.jpg", lambda: _tail(ZIP)),
        "zip-end-only-in-tail": ("a.jpg", lambda: _tail(b"PK\5\6" + bytes(18))),
        "rar-in-tail": ("a.jpg", lambda: _tail(b"Rar!\x1a\x07\x01\0")),
        "7z-in-tail": ("a.jpg", lambda: _tail(b"7z\xbc\xaf\x27\x1c\0\4")),
        "gzip-in-tail": ("a.jpg", lambda: _tail(gzip.compress(b"something", mtime=0))),
        "program-in-tail": ("a.jpg", lambda: _tail(_program())),
        "program-first-in-tail": ("a.jpg", lambda: jpeg() + bytes(20) + b"MZ\x90\0 an old one" + bytes(90)),
        "elf-in-tail": ("a.jpg", lambda: _tail(b"\x7fELF\2\1\1" + bytes(40))),
        "script-in-tail": ("a.jpg", lambda: _tail(b"\n#!/bin/sh\nrm")),
        "pdf-in-tail": ("a.jpg", lambda: _tail(b"%PDF-1.7\n")),
        "office-in-tail": ("a.jpg", lambda: _tail(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
        "html-in-tail": ("a.jpg", lambda: _tail(b"<hTmL >")),
        "script-tag-in-tail": ("a.jpg", lambda: _tail(b"<SCRIPT>")),
        "svg-in-tail": ("a.jpg", lambda: _tail(b"<Svg/onload=alert(1)>")),
        "php-in-tail": ("a.jpg", lambda: _tail(b"<?PhP system(1)")),
        "doctype-in-tail": ("a.jpg", lambda: _tail(b"<!DocType html>")),
        "zip-across-windows": ("a.jpg", lambda: jpeg() + b"\1" * ((1 << 20) - 2) + ZIP),
        "zip-behind-webp": ("a.webp", lambda: saved(picture(), "WEBP") + ZIP),
        "zip-behind-bmp": ("a.bmp", lambda: saved(picture(), "BMP") + ZIP),
        "html-behind-tiff": ("a.tif", lambda: saved(picture(), "TIFF") + HTML),
        "zip-behind-vol": ("a.vol", lambda: heidelberg.vol(tail=ZIP)),
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
        "png-one-long-row": ("a.png", lambda: PNG + ihdr(70_000, 1)),
        "webp-canvas-16-million": ("a.webp", lambda: _riff((b"VP8X", _vp8x(1 << 24, 1 << 24)))),
        "webp-lossless-16384": ("a.webp", lambda: _riff((b"VP8L", _vp8l(16_384, 16_384)))),
        "bmp-60000": ("a.bmp", lambda: _bmp(width=60_000, height=60_000)),
        "bmp-negative-width": ("a.bmp", lambda: _bmp(width=-120)),
        "bmp-rows-down-2-to-31": ("a.bmp", lambda: _bmp(height=-(2**31))),
        "tiff-65535": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE.tagged(t256=(4, [65_535]), t257=(4, [65_535])))),
        "tiff-tile-65535": (
            "a.tif",
            lambda: tiffs.tiff(_GREY_PAGE.tagged(t322=(3, [65_535]), t323=(3, [65_535]), t324=(4, [8]))),
        ),
        "vol-frames-2-to-31": ("a.vol", lambda: heidelberg.vol(count=2**31 - 1)),
        "vol-sides-2-to-31": ("a.vol", lambda: heidelberg.vol(width=2**31 - 1, height=2**31 - 1)),
        "vol-localizer-60000": ("a.vol", lambda: heidelberg.vol(slo_width=60_000, slo_height=60_000)),
        "vol-no-frames": ("a.vol", lambda: heidelberg.vol(count=0)),
        "e2e-60000": (
            "a.e2e",
            lambda: heidelberg.e2e(heidelberg.b_scan(_FLAT[0], width=60_000, height=60_000, size=2**32 - 1)),
        ),
    },
    Rejection.UNPACKED: {
        "png-text-bomb": ("a.png", lambda: png(chunk(b"zTXt", b"Comment\0\0" + _BOMB))),
        "png-utf8-text-bomb": ("a.png", lambda: png(chunk(b"iTXt", b"Comment\0\1\0en\0Comment\0" + _BOMB))),
        "png-profile-bomb": ("a.png", lambda: png(chunk(b"iCCP", b"icc\0\0" + _BOMB))),
        "png-many-texts": ("a.png", lambda: png(*[chunk(b"zTXt", b"C\0\0" + zlib.compress(bytes(4 << 20)))] * 5)),
        "png-more-than-pixels": ("a.png", lambda: png(data=(b"\0" + bytes(8)) * (2 << 20))),
        "jpeg-3000-scans": ("a.jpg", lambda: _many_scans(3000)),
        "tiff-100000-pages": ("a.tif", lambda: _many_pages(100_000)),
        "tiff-deflate-bomb": (
            "a.tif",
            lambda: tiffs.tiff(tiffs.page(_SMALL, rows=8).tagged(t259=(3, [8])).but(strips=[_BOMB])),
        ),
        "tiff-lzw-bomb": (
            "a.tif",
            lambda: tiffs.tiff(tiffs.page(_SMALL, rows=8).tagged(t259=(3, [5])).but(strips=[b"\x80" * 60_000])),
        ),
        "tiff-strips-over-each-other": (
            "a.tif",
            lambda: tiffs.tiff(tiffs.page(np.zeros((5000, 64), np.uint8), rows=1).but(strips=[bytes(64)], **_SAME)),
        ),
        "webp-2000-chunks": ("a.webp", lambda: _riff(*[(b"XMP ", b"")] * 2000)),
        "e2e-300000-chunks": ("a.e2e", lambda: heidelberg.e2e(heidelberg.chunk(7, b"") * 300_000)),
    },
    Rejection.TRUNCATED: {
        "png-pixels-short": ("a.png", lambda: png(data=(b"\0" + bytes(8)) * 3)),
        "jpeg-cut-with-end": ("a.jpg", lambda: jpeg()[: len(jpeg()) * 2 // 3] + b"\xff\xd9"),
        "jpeg-cut-with-end-and-more": ("a.jpg", lambda: jpeg()[:-400] + b"\xff\xd9" + jpeg()),
        "png-no-iend": ("a.png", lambda: png()[:-12]),
        "tiff-strip-too-short": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE.but(lengths=[80, 80, 31]))),
        "tiff-jpeg-without-end": ("a.tif", lambda: _tiff_jpeg_without_end()),
        "vol-one-frame-missing": ("a.vol", lambda: heidelberg.vol(count=4)),
        "bmp-higher-than-it-is": ("a.bmp", lambda: _bmp(height=81)),
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
        "tiff-loop": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE, _GREY_PAGE, last=0)),
        "tiff-loop-64-bit": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE, last=0, big=True)),
        "tiff-strips-nowhere": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE.but(offsets=[2**31] * 3))),
        "tiff-strip-of-2-to-63": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE.but(lengths=[80, 80, 2**63]), big=True)),
        "tiff-2-to-63-strips": (
            "a.tif",
            lambda: tiffs.tiff(_GREY_PAGE, big=True).replace(
                struct.pack("<HHQ", 273, 16, 3), struct.pack("<HHQ", 273, 16, 2**63)
            ),
        ),
        "tiff-lzw-nonsense": (
            "a.tif",
            lambda: tiffs.tiff(_GREY_PAGE.tagged(t259=(3, [5])).but(strips=[b"\xff\xfe\xfd" * 20] * 3)),
        ),
        "tiff-no-strips": ("a.tif", lambda: tiffs.tiff(_GREY_PAGE.tagged(t278=(4, [1])))),
        "webp-no-picture": ("a.webp", lambda: _riff((b"XMP ", b"x"))),
        "webp-nonsense": ("a.webp", lambda: _riff((b"VP8L", _vp8l(8, 8)))),
        "webp-two-pictures": ("a.webp", lambda: _riff((b"VP8L", _vp8l(8, 8)), (b"VP8L", _vp8l(8, 8)))),
        "webp-other-canvas": ("a.webp", lambda: _riff((b"VP8X", _vp8x(9, 9)), (b"VP8L", _vp8l(8, 8)))),
        "bmp-depth-3": ("a.bmp", lambda: _bmp(depth=3)),
        "bmp-packed-as-jpeg": ("a.bmp", lambda: _bmp(packing=4)),
        "bmp-pixels-in-header": ("a.bmp", lambda: _bmp(start=20)),
        "vol-frame-header-negative": ("a.vol", lambda: _vol_with_header(-1)),
        "vol-frame-header-2-to-30": ("a.vol", lambda: _vol_with_header(1 << 30)),
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
