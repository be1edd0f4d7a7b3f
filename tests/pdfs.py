"""Small PDF files written by hand, good and hostile."""

from __future__ import annotations

import zlib

A4 = (595, 842)

Objects = dict[int, bytes]


def pdf(*pages: bytes, size: tuple[float, float] = A4, box: str = "", **extra: bytes) -> bytes:
    """A document with one page for each content stream; ``extra``: entries of the catalog, or of all pages."""
    return written(objects(*pages, size=size, box=box, **extra))


def objects(*pages: bytes, size: tuple[float, float] = A4, box: str = "", **extra: bytes) -> Objects:
    """The numbered objects of such a document: 1 the catalog, 2 the page tree, 3 a font, from 10 on the pages."""
    media = box or f"[0 0 {size[0]} {size[1]}]"
    kids = b" ".join(b"%d 0 R" % (10 + 2 * index) for index in range(len(pages)))
    made = {
        1: b"<< /Type /Catalog /Pages 2 0 R " + extra.get("catalog", b"") + b" >>",
        2: b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % len(pages),
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    resources = b"<< /Font << /F 3 0 R >> " + extra.get("resources", b"") + b" >>"
    for index, content in enumerate(pages):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox " + media.encode() + b" /Resources " + resources
        made[10 + 2 * index] = page + b" /Contents %d 0 R " % (11 + 2 * index) + extra.get("page", b"") + b" >>"
        made[11 + 2 * index] = stream(content)
    return made


def written(made: Objects, trailer: bytes = b"") -> bytes:
    """The file of some objects, with its table of where they lie."""
    out, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", {}
    for number, body in sorted(made.items()):
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start, count = len(out), max(made) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % count
    for number in range(1, count):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return out + b"trailer\n<< /Size %d /Root 1 0 R " % count + trailer + b" >>\nstartxref\n%d\n%%%%EOF\n" % start


def stream(content: bytes, entries: bytes = b"", *, packed: bool = False) -> bytes:
    """A stream object."""
    if packed:
        content, entries = zlib.compress(content, 9), entries + b" /Filter /FlateDecode"
    return b"<< /Length %d " % len(content) + entries + b" >>\nstream\n" + content + b"\nendstream"


def box(red: float, green: float, blue: float, at: str = "0 0 595 842") -> bytes:
    """A filled rectangle."""
    return f"{red} {green} {blue} rg {at} re f\n".encode()


def text(words: str, size: int = 40) -> bytes:
    """Black words in the middle of the page."""
    return f"0 0 0 rg BT /F {size} Tf 60 400 Td ({words}) Tj ET\n".encode()


def locked() -> bytes:
    """A document that asks for a password."""
    entries = b"/Filter /Standard /V 1 /R 2 /P -4 /O <" + b"ab" * 32 + b"> /U <" + b"cd" * 32 + b">"
    made = objects(box(1, 0, 0))
    made[4] = b"<< " + entries + b" >>"
    return written(made, b"/Encrypt 4 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]")


def script() -> bytes:
    """A document that runs a script when it is opened, launches a program, and asks for a form's calculation."""
    action = b"<< /S /JavaScript /JS (app.alert\\(1\\);while\\(1\\){}) >>"
    launch = b"<< /S /Launch /F (/bin/sh) >>"
    field = b"<< /FT /Tx /T (a) /V (b) /Rect [0 0 9 9] /Subtype /Widget /AA << /C " + action + b" >> >>"
    form = b"/OpenAction " + action + b" /AcroForm << /Fields [" + field + b"] >> /AA << /WC " + launch + b" >>"
    return pdf(box(0, 0, 1), catalog=form)


def circling_pages() -> bytes:
    """A page tree that contains itself."""
    made = objects(box(1, 0, 0))
    made[2] = b"<< /Type /Pages /Kids [2 0 R 10 0 R] /Count 2 >>"
    return written(made)


def circling_forms() -> bytes:
    """A drawing that draws itself, ten times over."""
    made = objects(b"/X Do", resources=b"/XObject << /X 5 0 R >>")
    entries = b"/Type /XObject /Subtype /Form /BBox [0 0 600 850] /Resources << /XObject << /X 5 0 R >> >>"
    made[5] = stream(b"/X Do " * 10, entries)
    return written(made)


def huge_image(side: int = 60_000) -> bytes:
    """An image of an absurd size that unpacks to nothing like it."""
    made = objects(b"595 0 0 842 0 0 cm /X Do", resources=b"/XObject << /X 5 0 R >>")
    entries = b"/Type /XObject /Subtype /Image /ColorSpace /DeviceRGB /BitsPerComponent 8 /Width %d /Height %d"
    made[5] = stream(bytes(1 << 20), entries % (side, side), packed=True)
    return written(made)


def counted(count: int) -> bytes:
    """A document that claims ``count`` pages and has one."""
    made = objects(box(1, 0, 0))
    made[2] = b"<< /Type /Pages /Kids [10 0 R] /Count %d >>" % count
    return written(made)


def packed_drawing(size: int = 200 << 20) -> bytes:
    """A page whose drawing orders unpack a thousandfold."""
    made = objects(b"")
    made[11] = stream(b" " * size, packed=True)
    return written(made)
