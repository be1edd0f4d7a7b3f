"""Decode one picture in full with Pillow, under its strictest settings, and read what it says about itself."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

# Each plugin in use, and those that a plugin would import late: MPO for a JPEG's second pictures, TIFF for EXIF.
from PIL import (  # noqa: F401
    BmpImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ...words import Rejection
from .. import facts
from .seam import Bounds, Refused, Scan

ImageFile.LOAD_TRUNCATED_IMAGES = False
# Else the first picture opened or saved imports the plugins every Pillow starts with.
Image.preinit()


class Unreadable(Refused):
    """The plugin does not know what kind of picture this is, before any pixel is decoded."""


def scan(stream: IO[bytes], plugin: str, bounds: Bounds) -> Scan:
    """Decode every pixel, and read EXIF and profile. Raises what ``decode`` raises."""
    image = decode(stream, plugin, bounds)
    main, exif = _exif(image)
    return Scan(
        image=image,
        orientation=facts.orientation(main),
        icc=_profile(image),
        facts=facts.from_exif(main, exif, datetime.now(UTC)),
    )


def decode(stream: IO[bytes], plugin: str, bounds: Bounds) -> Image.Image:
    """Decode every pixel with one Pillow ``plugin`` and no other.

    Raises:
        Refused: TRUNCATED if the pixels end early, DECODE if they cannot be read; Unreadable is one of these.
        MemoryError, ImportError, PermissionError: the sandbox's walls are in the way.
    """
    Image.MAX_IMAGE_PIXELS = bounds.pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(stream, formats=(plugin,))
            image.load()
    except (MemoryError, ImportError, PermissionError):
        # Not the picture's fault: the walls are too narrow, or a library wanted something through them.
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise Refused(Rejection.PIXELS, type(bomb).__name__) from bomb
    except UnidentifiedImageError as unknown:
        raise Unreadable(Rejection.DECODE, type(unknown).__name__) from unknown
    except Exception as fault:
        # Decoders raise whatever they like on broken input: OSError, SyntaxError, ValueError, struct.error.
        cut = "truncated" in str(fault).lower()
        raise Refused(Rejection.TRUNCATED if cut else Rejection.DECODE, type(fault).__name__) from fault
    return image


def _exif(image: Image.Image) -> tuple[Mapping[int, Any], Mapping[int, Any]]:
    """The main and the EXIF directory; empty where they cannot be read: broken EXIF is no fault of the picture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            main = image.getexif()
            return dict(main), dict(main.get_ifd(facts.EXIF_IFD))
    except Exception:
        return {}, {}


def _profile(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else None
