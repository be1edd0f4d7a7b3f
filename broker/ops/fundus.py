"""Make-believe retinas for the demo: drawn, not photographed, and the same bytes for the same seed.

The right eye has its optic disc on the right of the picture, the left eye on the left, with the macula two and a half
disc widths to the other side; arteries and veins arch around it. Good enough to try a gallery with, no more.
Only the demo imports this module, and it alone draws outside the worker's sandbox: its input is a number.
"""

from __future__ import annotations

import io
import math
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from ..words import Eye

#: Pixels, both ways.
SIZE = 1200
_DISC, _FOVEA = (0.155, -0.005), (-0.16, 0.025)  # from the middle, as parts of SIZE, for a right eye
Point = tuple[float, float]
#: An OCT slice from the vitreous outwards: where each layer begins and ends, in pixels, and how bright it is.
_LAYERS: tuple[tuple[int, int, int], ...] = (
    *((0, 26, 178), (26, 62, 118), (62, 78, 150), (78, 104, 70), (104, 116, 132), (116, 168, 58)),
    *((168, 176, 205), (176, 186, 120), (186, 204, 236), (204, 300, 104)),
)


def fundus(seed: int, eye: Eye, *, lesions: int = 0, grey: bool = False) -> bytes:
    """Draw a fundus photograph as a JPEG of 1200 x 1200 pixels.

    ``lesions``: how many small red dots and yellow deposits, the same ones in the same places for the same seed, so
    that a later visit with more of them shows a change. ``grey``: as a red-free picture.
    """
    random = Random(seed)
    picture = _background(random)
    picture = Image.composite(
        Image.new("RGB", picture.size, (92, 22, 12)), picture, _vessels(random, width=1.0, veins=True)
    )
    picture = Image.composite(
        Image.new("RGB", picture.size, (138, 40, 20)), picture, _vessels(random, width=0.62, veins=False)
    )
    picture = _with_disc(picture, random)
    picture = _with_lesions(picture, Random(seed + 1), lesions)
    picture = ImageChops.multiply(picture, _round_frame())
    if eye is Eye.OS:
        picture = ImageOps.mirror(picture)
    if grey:
        picture = ImageOps.autocontrast(picture.getchannel("G"), cutoff=0.1)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92, subsampling=0)
    return out.getvalue()


def oct_slice(seed: int) -> bytes:
    """Draw an OCT slice through the fovea as a greyscale PNG of 768 x 496 pixels."""
    out = io.BytesIO()
    _oct(seed, 0.0, fluid=0.0).save(out, "PNG", optimize=True)
    return out.getvalue()


def oct_volume(seed: int, count: int, size: tuple[int, int], *, fluid: float = 0.0) -> list[bytes]:
    """Draw ``count`` slices from below the fovea to above it, each grey pixels by row, ``size`` (width, height).

    ``fluid``: how high, as a part of the retina, a dark blister under the fovea is.
    """
    places = [3.0 * (2 * index / (count - 1) - 1) for index in range(count)]
    drawn = [_oct(seed + index, place, fluid=fluid) for index, place in enumerate(places)]
    return [one.resize(size, Image.Resampling.BILINEAR).tobytes() for one in drawn]


def localizer(seed: int, eye: Eye, side: int) -> bytes:
    """Draw what an infrared camera sees of the middle, as grey pixels by row."""
    with Image.open(io.BytesIO(fundus(seed, eye, grey=True))) as picture:
        part = picture.crop((SIZE // 5, SIZE // 5, SIZE * 4 // 5, SIZE * 4 // 5)).convert("L")
        return part.resize((side, side), Image.Resampling.BICUBIC).tobytes()


def angiogram(seed: int, eye: Eye, phases: int) -> list[bytes]:
    """Draw one eye in the phases of an angiography, as JPEGs: vessels brighten, then fade."""
    with Image.open(io.BytesIO(fundus(seed, eye, grey=True))) as picture:
        base = ImageChops.multiply(ImageOps.invert(picture.convert("L")), _round_frame().convert("L"))
    made = []
    for phase in range(phases):
        light = 0.25 + 0.75 * math.sin(math.pi * (phase + 0.6) / (phases + 0.4))
        out = io.BytesIO()
        base.point(lambda v, k=light: int(v * k)).resize((768, 768)).save(out, "JPEG", quality=90)
        made.append(out.getvalue())
    return made


def _oct(seed: int, place: float, *, fluid: float) -> Image.Image:
    """One slice, ``place`` away from the fovea; 0 goes through it."""
    random, size = Random(seed), (768, 496)
    picture = Image.new("L", size, 14)
    draw = ImageDraw.Draw(picture)
    tilt = random.uniform(-0.03, 0.03)
    for x in range(size[0]):
        away = (x - size[0] / 2) / 95
        pit = math.exp(-away * away - place * place)
        lift = 70 * fluid * math.exp(-away * away / 2 - place * place / 2)
        top = 150 + tilt * (x - 384) + 0.00012 * (x - 384) ** 2 + 52 * pit - lift
        draw.line([(x, top + 100 * (1 - 0.78 * pit)), (x, top + 180)], fill=58)
        for begin, end, light in _LAYERS:
            # The inner layers thin out towards the pit; below it the outer ones rise a little.
            squeeze = (1 - 0.78 * pit) if end <= 116 else 1.0
            low, high = (
                (begin * squeeze, end * squeeze) if end <= 116 else (begin - 90 * pit * 0.62, end - 90 * pit * 0.62)
            )
            # Fluid lifts everything above the outermost layers, and is dark itself.
            low, high = (low + lift, high + lift) if begin >= 176 else (low, high)
            draw.line([(x, top + low), (x, top + high)], fill=light)
        if lift > 2:
            outer = top + 176 - 90 * pit * 0.62
            draw.line([(x, outer), (x, outer + lift)], fill=20)
    speckle = _noise(random, size, 1)
    picture = ImageChops.multiply(
        picture.filter(ImageFilter.GaussianBlur(1.6)), speckle.point(lambda v: 70 + v * 185 // 255)
    )
    return ImageChops.add(picture, speckle.point(lambda v: v // 10))


def _background(random: Random) -> Image.Image:
    glow = ImageOps.invert(Image.radial_gradient("L").resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    glow = glow.point(lambda v: min(255, 60 + v * 7 // 8))
    red = random.randint(-12, 12)
    picture = ImageOps.colorize(glow, (70, 14, 6), (222 + red, 112 + red // 2, 58), mid=(182 + red, 70, 32))
    # Broad blotches of the choroid, then fine grain.
    for cells, strength in ((14, 26), (60, 14), (SIZE // 2, 9)):
        blotches = _noise(random, (cells, cells), 1).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
        shade = blotches.point(lambda v, s=strength: 255 - s + v * s // 255)
        picture = ImageChops.multiply(picture, Image.merge("RGB", (shade, shade, shade)))
    macula = _spot(_at(_FOVEA), 0.115).point(lambda v: 255 - v * 105 // 255)
    pit = _spot(_at(_FOVEA), 0.035).point(lambda v: 255 - v * 60 // 255)
    dark = ImageChops.multiply(macula, pit)
    return ImageChops.multiply(picture, Image.merge("RGB", (dark.point(lambda v: (v + 255) // 2), dark, dark)))


def _with_disc(picture: Image.Image, random: Random) -> Image.Image:
    radius = random.uniform(0.058, 0.066)
    rim = _spot(_at(_DISC), radius, hard=0.82)
    picture = Image.composite(
        Image.new("RGB", picture.size, (243, 186, 108)), picture, rim.point(lambda v: v * 215 // 255)
    )
    cup = _spot(_at((_DISC[0] - 0.006, _DISC[1])), radius * random.uniform(0.38, 0.62), hard=0.6)
    picture = Image.composite(
        Image.new("RGB", picture.size, (253, 232, 178)), picture, cup.point(lambda v: v * 190 // 255)
    )
    # The vessels leave through the disc, so some of them show on it.
    trunks = _trunks(random)
    return Image.composite(Image.new("RGB", picture.size, (128, 34, 20)), picture, trunks)


def _with_lesions(picture: Image.Image, random: Random, count: int) -> Image.Image:
    dots, deposits = Image.new("L", picture.size), Image.new("L", picture.size)
    for _ in range(count):
        angle, away = random.uniform(0, math.tau), SIZE * random.uniform(0.06, 0.27)
        x, y = _at(_FOVEA)
        x, y = x + away * math.cos(angle), y + away * math.sin(angle)
        yellow = random.random() < 0.4
        radius = random.uniform(2.0, 4.5) if yellow else random.uniform(1.6, 3.4)
        ImageDraw.Draw(deposits if yellow else dots).ellipse([x - radius, y - radius, x + radius, y + radius], fill=235)
    picture = Image.composite(
        Image.new("RGB", picture.size, (104, 18, 14)), picture, dots.filter(ImageFilter.GaussianBlur(0.8))
    )
    return Image.composite(
        Image.new("RGB", picture.size, (250, 214, 128)), picture, deposits.filter(ImageFilter.GaussianBlur(0.9))
    )


def _vessels(random: Random, *, width: float, veins: bool) -> Image.Image:
    """A mask of the arcades with their branches and of short vessels towards the nose; drawn large, then halved."""
    mask = Image.new("L", (2 * SIZE, 2 * SIZE))
    draw = ImageDraw.Draw(mask)
    shift = 0.09 if veins else -0.09
    for up in (-1, 1):
        start = 1.0 + shift + random.uniform(-0.05, 0.05)
        _grow(
            draw, random, _at(_DISC), up * (math.pi / 2 + 0.25 * start), 12.5 * width, turn=up * 0.021 * start, steps=72
        )
        _grow(draw, random, _at(_DISC), up * (0.95 + shift), 8.5 * width, turn=-up * 0.012, steps=46)
        _grow(draw, random, _at(_DISC), up * (0.30 + shift), 5.0 * width, turn=up * 0.004, steps=34)
        _grow(draw, random, _at(_DISC), math.pi - up * (0.42 + shift), 3.6 * width, turn=up * 0.012, steps=26)
    small = mask.resize((SIZE, SIZE), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(0.7))
    return small.point(lambda v: v * 205 // 255)


def _grow(
    draw: ImageDraw.ImageDraw, random: Random, at: Point, heading: float, width: float, *, turn: float, steps: int
) -> None:
    """One vessel and, from it, its branches: it bends by ``turn`` a step, wavers, thins and ends."""
    x, y = at
    waver = 0.0
    for step in range(steps):
        waver = 0.82 * waver + random.gauss(0, 0.035)
        heading += turn + waver * 0.35
        nx, ny = x + 9.5 * math.cos(heading), y + 9.5 * math.sin(heading)
        thick = max(1.0, width * (1 - 0.72 * step / steps) * 1.35)
        draw.line([(2 * x, 2 * y), (2 * nx, 2 * ny)], fill=255, width=round(thick))
        draw.ellipse([2 * nx - thick / 2, 2 * ny - thick / 2, 2 * nx + thick / 2, 2 * ny + thick / 2], fill=255)
        x, y = nx, ny
        if thick > 2.6 and step > 5 and random.random() < 0.135:
            side = random.choice((-1, 1))
            rest = max(6, int((steps - step) * 0.62))
            branch = heading + side * random.uniform(0.45, 0.85)
            _grow(draw, random, (x, y), branch, thick * 0.5, turn=-side * 0.012, steps=rest)


def _trunks(random: Random) -> Image.Image:
    mask = Image.new("L", (2 * SIZE, 2 * SIZE))
    draw = ImageDraw.Draw(mask)
    for up in (-1, 1):
        for lean in (-0.2, 0.25):
            _grow(draw, random, _at(_DISC), up * (math.pi / 2 + lean), 8.5, turn=up * 0.02, steps=9)
    return mask.resize((SIZE, SIZE), Image.Resampling.LANCZOS).point(lambda v: v * 150 // 255)


def _round_frame() -> Image.Image:
    """The camera's aperture: a disc with a soft rim, cut straight above and below, with the orientation notch."""
    mask = Image.new("L", (SIZE, SIZE))
    draw = ImageDraw.Draw(mask)
    edge = SIZE * 0.012
    draw.ellipse([edge, edge, SIZE - edge, SIZE - edge], fill=255)
    for top in (0.0, SIZE * 0.955):
        draw.rectangle([0, top, SIZE, top + SIZE * 0.045], fill=0)
    x, y = SIZE * 0.868, SIZE * 0.145
    draw.polygon([(x, y), (x + 60, y - 60), (x + 60, y + 42), (x + 18, y + 30)], fill=0)
    mask = mask.filter(ImageFilter.GaussianBlur(2.2))
    return Image.merge("RGB", (mask, mask, mask))


def _spot(at: Point, radius: float, hard: float = 0.0) -> Image.Image:
    """A round spot of 255 fading to 0 at ``radius`` (a part of SIZE); ``hard``: the part of it that stays full."""
    mask = Image.new("L", (SIZE, SIZE))
    r = SIZE * radius * (0.55 + 0.42 * hard)
    ImageDraw.Draw(mask).ellipse([at[0] - r, at[1] - r * 1.06, at[0] + r, at[1] + r * 1.06], fill=255)
    return mask.filter(ImageFilter.GaussianBlur(SIZE * radius * (0.40 - 0.34 * hard)))


def _noise(random: Random, size: tuple[int, int], softness: float) -> Image.Image:
    return Image.frombytes("L", size, random.randbytes(size[0] * size[1])).filter(ImageFilter.GaussianBlur(softness))


def _at(part: Point) -> Point:
    return SIZE * (0.5 + part[0]), SIZE * (0.5 + part[1])
