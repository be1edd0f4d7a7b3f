"""Hostile and damaged DICOM and PDF files, and good ones of unusual form, made by rule as in ``hostile.py``."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

import numpy as np
from pydicom.dataset import Dataset

from broker.words import Rejection
from tests import dicoms, pdfs
from tests.hostile import Case, jpeg

FIRST = b"DICM"
Make = Callable[[], bytes]


def cases() -> Iterator[Case]:
    """Every file of this module."""
    yield from good()
    yield from kept()
    yield from hostile()


def good() -> Iterator[Case]:
    """Files that are stored and shown."""
    for name, make in _GOOD.items():
        yield Case(name, "a.dcm", make, format="dicom", preview=True)
    for name, make in _GOOD_PDF.items():
        yield Case(name, "a.pdf", make, format="pdf", preview=True)


def kept() -> Iterator[Case]:
    """Files that are stored as they are, with the reason why there is no picture."""
    for name, make in _KEPT.items():
        yield Case(name, "a.dcm", make, format="dicom")
    for name, make in _KEPT_PDF.items():
        yield Case(name, "a.pdf", make, format="pdf")


def hostile() -> Iterator[Case]:
    """Files that must be refused, each for its own reason."""
    for rejection, rows in _HOSTILE.items():
        for name, make in rows.items():
            yield Case(name, "a.pdf" if name.startswith("pdf-") else "a.dcm", make, rejection)


def element(tag: int, kind: str, value: bytes = b"", length: int | None = None) -> bytes:
    """One element, explicit little-endian; ``length`` may lie."""
    size = len(value) if length is None else length
    start = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, kind.encode())
    long = kind in ("OB", "OW", "SQ", "UN", "UT", "OF")
    return start + (struct.pack("<HI", 0, size) if long else struct.pack("<H", size)) + value


def item(content: bytes = b"", length: int | None = None) -> bytes:
    """An item of a sequence."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content) if length is None else length) + content


def raw(*body: bytes, syntax: str = dicoms.EXPLICIT, sop_class: str = dicoms.OP8) -> bytes:
    """A file of elements written by hand."""
    meta = element(0x0002_0002, "UI", _even(sop_class)) + element(0x0002_0010, "UI", _even(syntax))
    return bytes(128) + FIRST + meta + element(0x0008_0016, "UI", _even(sop_class)) + b"".join(body)


def plain(*before: bytes, pixels: bytes | None = None, **changes: int | str) -> bytes:
    """A grey picture of 8 x 8 pixels by hand, with elements of the caller's in front of its description."""
    values: dict[str, int | str] = {"rows": 8, "columns": 8, "samples": 1, "allocated": 8, "stored": 8, "high": 7}
    values |= {"frames": "", "photometric": "MONOCHROME2"} | changes
    short = {0x0028_0010: "rows", 0x0028_0011: "columns", 0x0028_0100: "allocated", 0x0028_0101: "stored"}
    body = [element(0x0028_0002, "US", struct.pack("<H", values["samples"]))]
    body.append(element(0x0028_0004, "CS", _even(str(values["photometric"]), " ")))
    if values["frames"] != "":
        body.append(element(0x0028_0008, "IS", _even(str(values["frames"]), " ")))
    body += [element(tag, "US", struct.pack("<H", values[key])) for tag, key in short.items()]
    body.append(element(0x0028_0102, "US", struct.pack("<H", values["high"])))
    body.append(element(0x7FE0_0010, "OW", bytes(64)) if pixels is None else pixels)
    return raw(*before, *body)


def fragments(*pieces: bytes, end: bool = True) -> bytes:
    """Packed pixel data: an empty offset table, these fragments, and the delimiter."""
    body = item() + b"".join(pieces) + (struct.pack("<HHI", 0xFFFE, 0xE0DD, 0) if end else b"")
    return element(0x7FE0_0010, "OB", body, 0xFFFF_FFFF)


def packed(*pieces: bytes, syntax: str = dicoms.BASELINE, end: bool = True, **changes: int | str) -> bytes:
    """``plain`` with packed pixels."""
    file = plain(pixels=fragments(*pieces, end=end), **changes)
    return file.replace(element(0x0002_0010, "UI", _even(dicoms.EXPLICIT)), element(0x0002_0010, "UI", _even(syntax)))


def rle(*planes: bytes) -> bytes:
    """An RLE frame of packed planes."""
    offsets, at = [], 64
    for plane in planes:
        offsets.append(at)
        at += len(plane)
    return struct.pack("<16I", len(planes), *offsets, *[0] * (15 - len(planes))) + b"".join(planes)


def nested(depth: int, *, defined: bool = False) -> bytes:
    """A sequence in a sequence in a sequence."""
    if not defined:
        opening = element(0x0040_A730, "SQ", b"", 0xFFFF_FFFF) + item(b"", 0xFFFF_FFFF)
        closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
        return opening * depth + closing * depth
    sizes = [20 * level for level in range(depth)]
    return b"".join(element(0x0040_A730, "SQ", b"", size + 8) + item(b"", size) for size in reversed(sizes))


def palette(*, count: int = 256, given: int = 256, bits: int = 16, **changes: int | str) -> bytes:
    """A picture in palette colours whose table is described as the caller likes."""
    tables = b"".join(element(0x0028_1101 + n, "US", struct.pack("<3H", count, 0, bits)) for n in range(3))
    ramp = np.arange(given, dtype="<u2") * 257
    tables += b"".join(element(0x0028_1201 + n, "OW", (ramp * (n == 1)).astype("<u2").tobytes()) for n in range(3))
    pixels = tables + element(0x7FE0_0010, "OW", bytes(range(0, 256, 4)))
    return plain(pixels=pixels, photometric="PALETTE COLOR", **changes)


def zeiss() -> bytes:
    """A volume as Zeiss devices export it: said to be JPEG 2000, and scrambled."""
    stream = bytearray(dicoms.jpeg2000(dicoms.bscans(1)[0]))
    stream[::7] = bytes(value ^ 0x5A for value in stream[::7])
    data = dicoms.header(dicoms.OPT, Modality="OPT", Manufacturer="Carl Zeiss Meditec", ImageLaterality="R")
    dicoms.shape(data, 40, 50)
    dicoms.encapsulated(data, [bytes(stream[200:] + stream[:200])])
    return dicoms.written(data, dicoms.J2K_LOSSLESS)


def without_pixels(sop_class: str, **changes: object) -> bytes:
    """An object of measurements."""
    return dicoms.written(dicoms.header(sop_class, **changes))


def deflated(unpacked: bytes) -> bytes:
    """Elements behind a deflated transfer syntax."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = bytes(128) + FIRST + element(0x0002_0010, "UI", _even(dicoms.DEFLATED))
    return start + pack.compress(unpacked) + pack.flush()


def _even(text: str, pad: str = "\0") -> bytes:
    return (text + pad * (len(text) % 2)).encode()


def _tiled() -> bytes:
    """A JPEG 2000 picture of one-pixel tiles."""
    stream = bytearray(dicoms.jpeg2000(np.zeros((256, 256), np.uint8)))
    at = stream.index(b"\xff\x4f\xff\x51") + 24
    stream[at : at + 8] = struct.pack(">II", 1, 1)
    return packed(item(bytes(stream)), syntax=dicoms.J2K_LOSSLESS, rows=256, columns=256)


def _grey_jpeg(side: int = 8) -> bytes:
    return dicoms.baseline(np.full((side, side), 90, np.uint8))


def _half(syntax: str) -> bytes:
    """A packed picture whose data were cut in half."""
    whole = dicoms.grey(dicoms.retina(200)[:, :, 1], syntax)
    at = whole.index(b"\xe0\x7f\x10\x00") + 20
    (length,) = struct.unpack_from("<I", whole, at + 4)
    cut = whole[at + 8 : at + 8 + length // 4 * 2]
    return whole[:at] + item(cut) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def _private(count: int) -> bytes:
    return plain(b"".join(element(0x0009_1000 + n % 4096, "LO") for n in range(count)))


def _spliced(file: bytes, tail: bytes) -> bytes:
    """A file with its pixels replaced by other elements."""
    return file[: file.index(b"\xe0\x7f\x10\x00")] + tail


_DEEP = nested(10_000)
_GOOD: dict[str, Make] = {
    "dicom-op": lambda: dicoms.photograph(),
    "dicom-opt": lambda: dicoms.tomography(),
    "dicom-opt-without-preamble": lambda: dicoms.tomography()[132:],
    "dicom-tiff-preamble-shown": lambda: b"II*\0" + dicoms.tomography()[4:],
    "dicom-plain": lambda: plain(),
    "dicom-zeros-behind": lambda: dicoms.tomography() + bytes(5000),
    "dicom-nested-40": lambda: plain(nested(20)),
    "dicom-200000-private": lambda: _private(200_000),
    "dicom-implicit-said-explicit": lambda: dicoms.tomography(syntax=dicoms.IMPLICIT).replace(
        element(0x0002_0010, "UI", _even(dicoms.IMPLICIT)), element(0x0002_0010, "UI", b"1.2.840.10008.1.2\0")
    ),
    "dicom-character-set-of-nonsense": lambda: plain(element(0x0008_0005, "CS", b"ISO\0\xff\\hex ")),
    "dicom-palette": lambda: palette(),
    "dicom-palette-8-in-16": lambda: palette(bits=8),
    "dicom-rle": lambda: packed(item(rle(bytes([193, 7, 0]))), syntax=dicoms.RLE),
    "dicom-jpeg-in-two-fragments": lambda: packed(item(_grey_jpeg()[:100]), item(_grey_jpeg()[100:] + b"\0")),
    "dicom-script-in-name": lambda: dicoms.tomography(PatientName="<script>alert(1)</script>^\x1b[31m"),
    "dicom-pdf": lambda: dicoms.document(pdfs.pdf(pdfs.box(1, 0, 0), pdfs.box(0, 1, 0))),
}
_GOOD_PDF: dict[str, Make] = {
    "pdf-one-page": lambda: pdfs.pdf(pdfs.box(1, 0, 0) + pdfs.text("Visual Field")),
    "pdf-three-pages": lambda: pdfs.pdf(pdfs.box(1, 0, 0), pdfs.box(0, 1, 0), pdfs.box(0, 0, 1)),
    "pdf-script": pdfs.script,
    "pdf-huge-image": pdfs.huge_image,
    "pdf-huge-paper": lambda: pdfs.pdf(pdfs.box(1, 0, 0), size=(14_400, 14_400)),
    "pdf-thin-paper": lambda: pdfs.pdf(pdfs.box(1, 0, 0), size=(14_400, 1)),
    "pdf-paper-of-no-size": lambda: pdfs.pdf(pdfs.box(1, 0, 0), box="[0 0 0 0]"),
    "pdf-packed-drawing": pdfs.packed_drawing,
    "pdf-zero-padded": lambda: pdfs.pdf(pdfs.box(1, 0, 0)) + bytes(3000),
}
_KEPT: dict[str, Make] = {
    "dicom-without-description": lambda: raw(element(0x7FE0_0010, "OW", bytes(64))),
    "dicom-unknown-syntax": lambda: packed(item(b"data"), syntax="1.2.840.10008.1.2.4.999"),
    "dicom-private-syntax": lambda: packed(item(b"data"), syntax="1.2.826.0.1.3680043.1"),
    "dicom-film": lambda: packed(item(b"data"), syntax="1.2.840.10008.1.2.4.102"),
    "dicom-jpeg-12-bit": lambda: packed(
        item(b"data"), syntax="1.2.840.10008.1.2.4.51", allocated=16, stored=12, high=11
    ),
    "dicom-zeiss": zeiss,
    "dicom-perimetry": lambda: without_pixels(dicoms.CLASS + "80.1", Modality="OPV"),
    "dicom-measurements": lambda: without_pixels(dicoms.CLASS + "78.7", Modality="OAM"),
    "dicom-raw-data": lambda: without_pixels(dicoms.CLASS + "66", Modality="OPT"),
    "dicom-one-bit": lambda: plain(allocated=1, stored=1, high=0),
    "dicom-cmyk": lambda: plain(samples=4, photometric="CMYK"),
    "dicom-document-of-another-kind": lambda: dicoms.document(b"<xml></xml>"),
    "dicom-pdf-locked": lambda: dicoms.document(pdfs.locked()),
}
_KEPT_PDF: dict[str, Make] = {
    "pdf-locked": pdfs.locked,
    "pdf-51-pages": lambda: pdfs.pdf(*[pdfs.box(1, 0, 0)] * 51),
    "pdf-a-million-pages": lambda: pdfs.counted(10**6),
}
_HOSTILE: dict[Rejection, dict[str, Make]] = {
    Rejection.PIXELS: {
        "dicom-rows-0": lambda: plain(rows=0),
        "dicom-columns-0": lambda: plain(columns=0),
        "dicom-65535": lambda: plain(rows=65_535, columns=65_535),
        "dicom-65535-packed": lambda: packed(item(_grey_jpeg()), rows=65_535, columns=65_535),
        "dicom-frames-2147483647": lambda: plain(frames=2**31 - 1),
        "dicom-frames-negative": lambda: plain(frames=-1),
        "dicom-frames-0": lambda: plain(frames=0),
        "dicom-frames-in-words": lambda: plain(frames="many"),
        "dicom-frames-beyond-64-bits": lambda: plain(frames="9" * 40),
        "dicom-overflow-32-bits": lambda: plain(rows=8192, columns=8192, frames=64),
        "dicom-overflow-64-bits": lambda: plain(rows=65_535, columns=65_535, samples=65_535, frames=2**31 - 1),
        "dicom-volume-too-large": lambda: plain(rows=1000, columns=1000, frames=601),
    },
    Rejection.TRUNCATED: {
        "dicom-nothing-behind-meta": lambda: raw()[: 132 + 60],
        "dicom-header-only": lambda: _spliced(dicoms.tomography(), b""),
        "dicom-start-only": lambda: dicoms.photograph()[:400],
        "dicom-cut-in-element": lambda: dicoms.photograph()[:503],
        "dicom-pixels-cut": lambda: dicoms.tomography()[:-1000],
        "dicom-pixels-short": lambda: plain(rows=9),
        "dicom-frames-missing": lambda: plain(frames=2),
        "dicom-length-beyond-end": lambda: plain(element(0x0009_1001, "OB", b"abcd", 0xFFFF_FFFE)),
        "dicom-pixel-length-beyond-end": lambda: plain(pixels=element(0x7FE0_0010, "OW", bytes(64), 0xFFFF_FFFE)),
        "dicom-item-beyond-end": lambda: plain(
            element(0x0008_1140, "SQ", item(b"", 0x7FFF_FFF0), 0xFFFF_FFFF),
        ),
        "dicom-fragment-beyond-end": lambda: packed(item(_grey_jpeg(), 0xFFFF_FFFE)),
        "dicom-fragments-cut": lambda: packed(item(_grey_jpeg()), end=False),
        "dicom-fewer-fragments-than-frames": lambda: packed(item(_grey_jpeg()), frames=2),
        "dicom-jpeg-cut": lambda: packed(
            item(dicoms.baseline(dicoms.retina(64))[:900]), rows=64, columns=64, samples=3, photometric="YBR_FULL_422"
        ),
        "dicom-jpeg-cut-with-end": lambda: packed(
            item(jpeg()[: len(jpeg()) * 2 // 3] + b"\xff\xd9"),
            rows=80,
            columns=120,
            samples=3,
            photometric="YBR_FULL_422",
        ),
        "dicom-jpeg-lossless-cut": lambda: _half(dicoms.LOSSLESS_SV1),
        "dicom-jpeg-ls-cut": lambda: _half(dicoms.LS),
        "dicom-rle-cut": lambda: packed(item(rle(bytes([200, 7]))), syntax=dicoms.RLE),
        "dicom-rle-header-cut": lambda: packed(item(bytes(40)), syntax=dicoms.RLE),
        "dicom-rle-segment-out-of-place": lambda: packed(
            item(struct.pack("<16I", 1, 9999, *[0] * 14)), syntax=dicoms.RLE
        ),
        "dicom-deflated-cut": lambda: dicoms.tomography(syntax=dicoms.DEFLATED)[:-200],
        "dicom-pdf-cut": lambda: dicoms.document(pdfs.pdf(pdfs.box(1, 0, 0))[:-40]),
        "pdf-cut": lambda: pdfs.pdf(pdfs.box(1, 0, 0), pdfs.box(0, 1, 0))[:-100],
        "pdf-start-only": lambda: pdfs.pdf(pdfs.box(1, 0, 0))[:20],
        "pdf-other-data-behind": lambda: pdfs.pdf(pdfs.box(1, 0, 0)) + b"PK\3\4" * 500,
    },
    Rejection.DECODE: {
        "dicom-stored-over-allocated": lambda: plain(stored=12),
        "dicom-wrong-high-bit": lambda: plain(high=3),
        "dicom-lut-shorter-than-said": lambda: palette(count=4096),
        "dicom-lut-of-0-given": lambda: palette(count=0, given=16),
        "dicom-lut-of-40-bits": lambda: palette(bits=40),
        "dicom-nested-10000": lambda: plain(_DEEP),
        "dicom-nested-10000-unclosed": lambda: plain(_DEEP[: len(_DEEP) // 2]),
        "dicom-nested-10000-defined": lambda: plain(nested(10_000, defined=True)),
        "dicom-1000000-private": lambda: _private(1_000_000),
        "dicom-garbage-behind-class": lambda: raw(b"garbage, not elements" * 40),
        "dicom-no-item-in-sequence": lambda: plain(element(0x0008_1140, "SQ", element(0x0008_0060, "CS", b"OP"))),
        "dicom-item-over-sequence": lambda: plain(element(0x0008_1140, "SQ", item(bytes(8))[:8], 8) + bytes(8)),
        "dicom-jpeg-over-raw-pixels": lambda: packed(item(bytes(64))),
        "dicom-jpeg-said-pixels-plain": lambda: packed(item(_grey_jpeg())).replace(
            fragments(item(_grey_jpeg())), element(0x7FE0_0010, "OW", bytes(64))
        ),
        "dicom-plain-said-fragments": lambda: plain(pixels=fragments(item(bytes(64)))),
        "dicom-jpeg-of-another-size": lambda: packed(item(_grey_jpeg(16))),
        "dicom-jpeg-of-65500": lambda: packed(item(_sized(_grey_jpeg(), 9000, 9000))),
        "dicom-jpeg-with-colour-said-grey": lambda: packed(item(dicoms.baseline(dicoms.retina(8)))),
        "dicom-grey-jpeg-said-colour": lambda: packed(item(_grey_jpeg()), samples=3, photometric="RGB"),
        "dicom-jpeg-2000-of-another-size": lambda: packed(
            item(dicoms.jpeg2000(np.zeros((64, 64), np.uint8))), syntax=dicoms.J2K
        ),
        "dicom-jpeg-2000-garbage": lambda: packed(item(b"\xff\x4f\xff\x51" + bytes(90)), syntax=dicoms.J2K),
        "dicom-jpeg-ls-garbage": lambda: packed(item(b"\xff\xd8\xff" + bytes(90)), syntax=dicoms.LS),
        "dicom-rle-of-two-planes": lambda: packed(item(rle(b"\xc1\7", b"\xc1\7")), syntax=dicoms.RLE),
        "dicom-grey-of-three-samples": lambda: plain(samples=3),
        "dicom-deflated-garbage": lambda: deflated(b"")[:-2] + b"\xff" * 400,
        "dicom-pdf-garbage": lambda: dicoms.document(b"%PDF-1.4\n" + bytes(range(256)) * 9 + b"%%EOF\n"),
        "pdf-empty": lambda: b"%PDF-1.4\n%%EOF\n",
        "pdf-garbage": lambda: b"%PDF-1.4\n" + bytes(range(256)) * 20 + b"%%EOF\n",
        "pdf-circling-pages": pdfs.circling_pages,
    },
    Rejection.UNPACKED: {
        "dicom-deflated-bomb": lambda: deflated(bytes(200 << 20)),
        "dicom-deflated-bomb-of-pixels": lambda: deflated(_bomb_body()),
        "dicom-rle-bomb": lambda: packed(item(rle(b"\x81\0" * 5000)), syntax=dicoms.RLE),
        "dicom-jpeg-2000-tiles": _tiled,
        "dicom-packed-to-more": lambda: packed(item(_grey_jpeg() + bytes(1 << 20))),
        "dicom-a-million-fragments": lambda: packed(item() * 1_000_000),
    },
    Rejection.PREAMBLE: {
        "dicom-preamble-program": lambda: b"MZ\x90\0" + dicoms.tomography()[4:],
    },
    Rejection.FILESET: {
        "dicom-directory": lambda: raw(sop_class="1.2.840.10008.1.3.10"),
    },
    Rejection.DECODER_DIED: {
        "pdf-circling-forms": pdfs.circling_forms,
    },
}


def _sized(data: bytes, width: int, height: int) -> bytes:
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _bomb_body() -> bytes:
    """The elements of a large black volume."""
    body = plain(rows=1000, columns=1000, frames=100, pixels=element(0x7FE0_0010, "OW", bytes(100_000_000)))
    return body[body.index(element(0x0008_0016, "UI", _even(dicoms.OP8))) :]


def functional(**changes: object) -> Dataset:
    """A functional group with one frame's laterality or measures."""
    group = Dataset()
    for keyword, value in changes.items():
        inner = Dataset()
        sequence, _, name = keyword.partition("__")
        setattr(inner, name, value)
        setattr(group, sequence, [inner])
    return group
