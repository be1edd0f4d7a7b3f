"""One picture made ready to be shown: sRGB or grey, 8 bits, upright, flat, never enlarged, with nothing attached."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageCms, WebPImagePlugin  # noqa: F401  (the WebP plugin would be imported late otherwise)

from ..formats import deep

PLACEHOLDER_SIDE = 16
#: What shows through transparent parts: mid grey hides neither dark nor bright content.
NEUTRAL = (128, 128, 128)

_SRGB = ImageCms.createProfile("sRGB")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def shrink(image: Image.Image, side: int) -> Image.Image:
    """A copy whose longer side is at most ``side`` pixels; the picture itself if it is small enough."""
    if max(image.size) <= side:
        return image
    scale = side / max(image.size)
    return resize(image, (max(1, round(image.width * scale)), max(1, round(image.height * scale))))


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A smaller copy. Palettes are looked up first: they cannot be averaged."""
    if image.mode in ("1", "P", "PA") or "transparency" in image.info:
        image = _spread(image)
    # The fast first step by whole factors is not made for deep grey.
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=None if deep.is_deep(image) else 3.0)


def finish(
    image: Image.Image, span: deep.Range, orientation: int = 1, icc: bytes | None = None, *, last: bool = False
) -> Image.Image:
    """Bring a picture to 8-bit grey or sRGB, flat and upright, with nothing attached.

    ``last``: nobody needs the picture as it was any more, so it need not be copied.
    """
    if deep.is_deep(image):
        made = deep.eight_bits(image, span)
    elif image.mode not in ("L", "RGB", "CMYK") or "transparency" in image.info:
        made = _flat(_spread(image))
    else:
        made = image
    made = _srgb(made, icc)
    if orientation in _TURNS:
        made = made.transpose(_TURNS[orientation])
    if made is image and not last:
        made = image.copy()
    # Pillow hands comments and profiles on to what is saved.
    made.info.clear()
    return made


def jpeg(image: Image.Image) -> bytes:
    """Encode for display."""
    return _saved(image, format="JPEG", quality=90, subsampling=0)


def webp(image: Image.Image, quality: int = 80, method: int = 4) -> bytes:
    """Encode with loss."""
    return _saved(image, format="WEBP", quality=quality, method=method)


def lossless_webp(image: Image.Image) -> bytes:
    """Encode without loss, fast."""
    return _saved(image, format="WEBP", lossless=True, quality=0, method=0)


def png(image: Image.Image) -> bytes:
    """Encode without loss. Level 4 takes 40 % of the time of level 6 and 6 % more room, on a fundus photograph."""
    return _saved(image, format="PNG", compress_level=4)


def placeholder(image: Image.Image) -> str:
    """A data URI of a few hundred bytes to stand in a page while the thumbnail is fetched."""
    tiny = webp(shrink(image, PLACEHOLDER_SIDE), quality=50)
    return "data:image/webp;base64," + base64.b64encode(tiny).decode("ascii")


def _spread(image: Image.Image) -> Image.Image:
    if image.mode == "1":
        return image.convert("L")
    clear = image.mode in ("PA", "LA", "RGBA") or "transparency" in image.info
    return image.convert("RGBA" if clear else "RGB")


def _flat(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, NEUTRAL)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    """Convert by the embedded profile; where it is broken or for another kind of colour, by plain arithmetic."""
    if icc is not None:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            out = ImageCms.profileToProfile(image, profile, _SRGB, outputMode="RGB")
            if out is not None:
                return out.convert("L") if image.mode == "L" else out
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _saved(image: Image.Image, **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, **settings)  # type: ignore[arg-type]
    return out.getvalue()
