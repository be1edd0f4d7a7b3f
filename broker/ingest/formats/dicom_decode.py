"""Decode one frame of a DICOM file to an array of the values stored in it.

Unpacked and RLE frames are read here, JPEG by Pillow; JPEG 2000 by Pillow, lossless JPEG and JPEG-LS by GDCM, both
through pydicom. Each packed picture must be as large as the header says before a decoder sees it.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The plugin is imported late otherwise.
from PIL import Image, Jpeg2KImagePlugin  # noqa: F401
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders import gdcm, pillow  # noqa: F401  (pydicom imports its plugins late otherwise)
from pydicom.pixels.decoders.base import get_decoder

from ...words import Rejection
from .dicom_packed import checked
from .dicom_pixels import (
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    NATIVE,
    PACKED,
    RLE,
    Pixels,
)
from .dicom_rle import unpack
from .dicom_walk import BIG
from .seam import Bounds, NoPreview, Refused

# GDCM notes where its tables for people lie. Decoding needs none of them, and a child is to see no environment.
os.environ.pop("GDCM_RESOURCES_PATH", None)

#: What GDCM may be given: it holds a frame several times over.
MAX_GDCM_BYTES = 128 << 20

Array = NDArray[Any]

_DECODERS = {syntax: get_decoder(syntax) for syntax in PACKED}


def readable(pixels: Pixels) -> None:
    """Raise NoPreview where no decoder for the pixels is at hand."""
    if pixels.syntax in NATIVE or pixels.syntax == RLE:
        return
    if pixels.syntax not in PACKED:
        raise NoPreview(_reason(pixels.syntax))
    if pixels.syntax == JPEG_EXTENDED and pixels.depth != 8:
        raise NoPreview("The picture in this DICOM file is packed as 12-bit JPEG, which is not read here.")
    if _plugin(pixels) and _plugin(pixels) not in _DECODERS[pixels.syntax].available_plugins:
        raise NoPreview("The decoder for the picture in this DICOM file is not installed.")
    if _plugin(pixels) == "gdcm" and pixels.frame_bytes > MAX_GDCM_BYTES:
        raise NoPreview("The picture in this DICOM file is too large for its decoder.")


def _reason(syntax: str) -> str:
    if re.fullmatch(r"1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?", syntax):
        return "This DICOM file holds a film; films are kept without a preview."
    named = f" ({syntax})" if re.fullmatch(r"[0-9.]{1,64}", syntax) else ""
    return f"The picture in this DICOM file is packed in a way that is not read here{named}."


def _plugin(pixels: Pixels) -> str:
    """What pydicom is to decode with; empty where it is not asked."""
    if pixels.syntax in (JPEG_BASELINE, JPEG_EXTENDED):
        return ""
    # Pillow brings colours of more than 8 bits down to 8.
    two_thousand = pixels.syntax in (JPEG_2000, JPEG_2000_LOSSLESS)
    return "pillow" if two_thousand and (pixels.depth <= 8 or pixels.samples == 1) else "gdcm"


def decode(raw: bytes, pixels: Pixels, bounds: Bounds, *, words: bool = False) -> tuple[Array, str]:
    """Decode one frame; ``words``: its bytes lie in 16-bit words (only where those are big-endian it matters).

    Gives (height, width) or (height, width, 3), and the kind of colour the values are in now.

    Raises:
        Refused: TRUNCATED, DECODE, UNPACKED.
        NoPreview: if the maker has made the picture unreadable on purpose.
    """
    if pixels.syntax in NATIVE:
        return _native(raw, pixels, words), "YBR_FULL" if pixels.halved else pixels.photometric
    if pixels.syntax == RLE:
        return unpack(raw, pixels), pixels.photometric
    raw = checked(raw, pixels, bounds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _photograph(raw, pixels) if _plugin(pixels) == "" else _packed(raw, pixels)
        except (MemoryError, ImportError, PermissionError, Refused):
            raise
        except Exception as fault:
            # Decoders raise whatever they like on broken input; pydicom wraps most of it in a RuntimeError.
            cut = "truncated" in str(fault).lower()
            raise Refused(Rejection.TRUNCATED if cut else Rejection.DECODE, type(fault).__name__) from fault


def _native(raw: bytes, pixels: Pixels, words: bool) -> Array:
    if pixels.syntax == BIG and pixels.allocated == 8 and words and len(raw) % 2 == 0:
        raw = np.frombuffer(raw, "<u2").byteswap().tobytes()
    kind = "f" if pixels.floats else "i" if pixels.signed else "u"
    values = np.frombuffer(raw, f"{'>' if pixels.syntax == BIG else '<'}{kind}{pixels.allocated // 8}")
    if pixels.halved:
        return _spread(values, pixels)
    if pixels.samples == 1:
        return values.reshape(pixels.height, pixels.width)
    if pixels.planar:
        return np.ascontiguousarray(values.reshape(3, pixels.height, pixels.width).transpose(1, 2, 0))
    return values.reshape(pixels.height, pixels.width, 3)


def _spread(values: Array, pixels: Pixels) -> Array:
    """Give both pixels of a pair their shared colour: Y Y Cb Cr becomes Y Cb Cr, Y Cb Cr (PS3.3 C.7.6.3.1.2)."""
    pairs = values.reshape(-1, 4)
    out = np.empty((len(pairs), 2, 3), values.dtype)
    out[:, :, 0] = pairs[:, :2]
    out[:, :, 1:] = pairs[:, None, 2:]
    return out.reshape(pixels.height, pixels.width, 3)


def _photograph(raw: bytes, pixels: Pixels) -> tuple[Array, str]:
    """Decode a JPEG. Its own markers say in which colours it is; only where it has none, the header is believed.

    Not through pydicom: there, colours that an Adobe marker made Pillow turn are said to be as stored.
    """
    image = Image.open(io.BytesIO(raw), formats=("JPEG",))
    if image.mode != {1: "L", 3: "RGB"}[pixels.samples]:
        raise Refused(Rejection.DECODE, "another number of samples than the header says")
    silent = not image.info.keys() & {"jfif", "adobe"} and [layer[0] for layer in getattr(image, "layer", ())] != [
        *b"RGB"
    ]
    if silent and pixels.photometric == "RGB":
        # Without conversion: what Pillow takes for YCbCr are the RGB values.
        image.draft("YCbCr", image.size)
    return np.asarray(image), "RGB" if pixels.samples == 3 else pixels.photometric


def _packed(raw: bytes, pixels: Pixels) -> tuple[Array, str]:
    options: dict[str, Any] = {
        "rows": pixels.height,
        "columns": pixels.width,
        "number_of_frames": 1,
        "samples_per_pixel": pixels.samples,
        "bits_allocated": pixels.allocated,
        "bits_stored": pixels.depth,
        "pixel_representation": int(pixels.signed),
        "photometric_interpretation": pixels.photometric,
        "planar_configuration": int(pixels.planar),
        "pixel_keyword": "PixelData",
    }
    packed = encapsulate([raw], has_bot=False)
    decoder = _DECODERS[pixels.syntax]
    # Raw: the colours stay as they are stored, unless the decoder has turned them already, and it says which.
    values, made = decoder.as_array(packed, index=0, raw=True, decoding_plugin=_plugin(pixels), **options)
    return values, str(made["photometric_interpretation"])
