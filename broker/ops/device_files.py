"""Files as two devices of the demo would write them: an OCT volume (.vol), a visual field (PDF). Numbers in, bytes out.

Sources: the header of Heidelberg's raw export as ``ingest/formats/vol.py`` reads it; ISO 32000-1, 7.5.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random

from ..words import Eye
from . import fundus

SLICES, WIDTH, HEIGHT, SIDE = 25, 384, 248, 384
_FILETIME_START, _OLE_START = datetime(1601, 1, 1), date(1899, 12, 30)
#: Millimetres: a volume of 5.8 by 5.8, 3.87 micrometres deep a pixel of a full slice.
_WIDE, _DEEP, _FINE = 5.8, 2 * 0.00387, 5.8 / SIDE
#: Reflectivity is the fourth power of what is shown.
_REFLECTIVITY = [(value / 255) ** 4 for value in range(256)]


def volume(seed: int, eye: Eye, *, mrn: str, born: date, exam: datetime, fluid: float = 0.0) -> bytes:
    """Make an OCT volume of 25 slices with its infrared picture; slice 1 lies lowest."""
    ticks = (exam - _FILETIME_START) // timedelta(microseconds=1) * 10
    head = struct.pack(
        "<12s 3i 3d 2i 2d i d 4s Q 2i 16s 16s i 24s d i 24s d",
        b"HSF-OCT-103", *(WIDTH, SLICES, HEIGHT, _WIDE / WIDTH, _WIDE / SLICES, _DEEP),
        *(SIDE, SIDE, _FINE, _FINE, 20, 0.0, eye.value.encode(), ticks),
        *(3, 61440, b"demo", b"", 86, mrn.encode(), float((born - _OLE_START).days), 145, b"", 42_746.0),
    )  # fmt: skip
    out = bytearray(head.ljust(2048, b"\0") + fundus.localizer(seed, eye, SIDE))
    for index, grey in enumerate(fundus.oct_volume(seed, SLICES, (WIDTH, HEIGHT), fluid=fluid)):
        height = (0.9 - 0.8 * index / (SLICES - 1)) * _WIDE
        out += struct.pack("<12s i 4d", b"HSF-BS-103", 256, 0.1 * _WIDE, height, 0.9 * _WIDE, height).ljust(256, b"\0")
        out += array("f", (_REFLECTIVITY[value] for value in grey)).tobytes()
    return bytes(out)


def visual_field(seed: int, eye: Eye, day: str, *, deepest: int) -> bytes:
    """Make a visual field of two pages: sensitivities in decibels, then the same as grey squares.

    ``deepest``: by how many decibels the upper nasal quadrant is below normal.
    """
    random = Random(seed)
    nasal = -1 if eye is Eye.OD else 1
    points = [(x, y) for y in range(21, -22, -6) for x in range(-27, 28, 6) if x * x + y * y < 27 * 27]
    loss = {at: deepest * (at[1] > 0 and at[0] * nasal > 0) for at in points}
    values = {at: max(0, 31 - (abs(at[0]) + abs(at[1])) // 6 - loss[at] + random.randint(-1, 1)) for at in points}
    numbers = [_text(297 + 9 * x, 430 + 9 * y, 12, str(value)) for (x, y), value in values.items()]
    squares = [f"{v / 34:.2f} g {272 + 9 * x} {407 + 9 * y} 50 50 re f" for (x, y), v in values.items()]
    title = [
        _text(60, 780, 20, f"Visual field 24-2, {eye.value}"),
        _text(60, 755, 12, f"{day}. Made-up values, in dB."),
    ]
    return _pdf(["\n".join([*title, *numbers]), "\n".join([*title, *squares])])


def _text(x: int, y: int, size: int, words: str) -> str:
    return f"BT /F {size} Tf 0 g {x} {y} Td ({words}) Tj ET"


def _pdf(pages: Sequence[str]) -> bytes:
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(pages)))
    made = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for index, content in enumerate(pages):
        made.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> "
            f"/Contents {5 + 2 * index} 0 R >>"
        )
        made.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(made, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(made) + 1}\n0000000000 65535 f \n{table}trailer\n<< /Size {len(made) + 1} /Root 1 0 R >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF\n".encode()
