"""The elements of a DICOM file that are read here, parsed by pydicom, and values out of them that are never trusted.

Whatever is missing, empty or not of its form is None: damaged text is no reason to refuse a picture.
"""

from __future__ import annotations

import codecs
import io
import warnings
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any

from pydicom import charset, config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from ...text import plain
from ...words import Rejection
from .dicom_walk import Layout
from .seam import Refused

# Names are read with the codec the file names, and Python would import it then.
for _name in {*charset.python_encoding.values(), "iso2022_jp_3", "euc_jp", "johab"}:
    codecs.lookup(_name)
config.settings.reading_validation_mode = config.IGNORE

TEXT_LENGTH = 200
_CHARACTER_SET = 0x0008_0005

#: The top-level elements that reach pydicom, and the bytes each may have; larger ones count as absent.
_SMALL, _LUT, _LARGE = 1 << 16, 1 << 18, 8 << 20
_WANTED: dict[int, int] = {
    **dict.fromkeys((0x0008_0005, 0x0008_0008, 0x0008_0012, 0x0008_0013, 0x0008_0016, 0x0008_0060), _SMALL),
    **dict.fromkeys((0x0008_002A, 0x0008_0022, 0x0008_0032, 0x0008_0023, 0x0008_0033, 0x0008_0021), _SMALL),
    **dict.fromkeys((0x0008_0031, 0x0008_0020, 0x0008_0030, 0x0008_0201), _SMALL),
    **dict.fromkeys((0x0008_0070, 0x0008_1090, 0x0008_103E, 0x0008_2218), _SMALL),
    **dict.fromkeys((0x0010_0010, 0x0010_0020, 0x0010_0021, 0x0010_0030, 0x0010_0040), _SMALL),
    **dict.fromkeys((0x0018_0012, 0x0018_0015), _SMALL),
    **dict.fromkeys((0x0020_0060, 0x0020_0062, 0x0024_0113), _SMALL),
    **dict.fromkeys((0x0022_0015, 0x0022_0017, 0x0022_0018, 0x0022_001A), _SMALL),
    **dict.fromkeys((0x0028_0002, 0x0028_0004, 0x0028_0006, 0x0028_0008, 0x0028_0010, 0x0028_0011), _SMALL),
    **dict.fromkeys((0x0028_0030, 0x0028_0100, 0x0028_0101, 0x0028_0102, 0x0028_0103), _SMALL),
    **dict.fromkeys((0x0018_0088, 0x0028_1050, 0x0028_1051, 0x0028_1052, 0x0028_1053, 0x0028_1056), _SMALL),
    **dict.fromkeys((0x0028_1101, 0x0028_1102, 0x0028_1103, 0x0028_1221, 0x0028_2110), _SMALL),
    **dict.fromkeys((0x0028_1201, 0x0028_1202, 0x0028_1203, 0x0028_3000, 0x0028_3010), _LUT),
    **dict.fromkeys((0x0028_2000, 0x5200_9229, 0x5200_9230), _LARGE),
    0x7FE0_0001: _LARGE,
}


class Header:
    """One data set: that of the file, or of an item in a sequence."""

    def __init__(self, data: Dataset, groups: Collection[int] = ()) -> None:
        self._data = data
        #: The groups of elements that the file has, also of those that are not read here.
        self.groups = groups

    @classmethod
    def read(cls, layout: Layout) -> Header:
        """Parse the wanted elements of a file, and no others. Raises Refused: DECODE."""
        pieces = {}
        for tag, most in _WANTED.items():
            place = layout.places.get(tag)
            if place is not None and place.end is not None and place.end - place.start <= most:
                pieces[tag] = layout.data.at(place.start, place.end - place.start)
        # A character set that is none makes pydicom give up: then the text is read as if none were named.
        for without in ((), (_CHARACTER_SET,)):
            raw = b"".join(piece for tag, piece in sorted(pieces.items()) if tag not in without)
            with warnings.catch_warnings(), suppress(ValueError, LookupError, TypeError, AttributeError):
                warnings.simplefilter("ignore")
                data = read_dataset(io.BytesIO(raw), not layout.explicit, layout.little)
                return cls(data, frozenset(tag >> 16 for tag in layout.places))
        raise Refused(Rejection.DECODE, "elements that cannot be read")

    def has(self, tag: int) -> bool:
        """Say whether the element is there with a value, even one that cannot be read."""
        try:
            return tag in self._data and not self._data[tag].is_empty
        except Exception:
            return True

    def values(self, tag: int) -> list[Any]:
        """All values of an element, as pydicom types them; none if they cannot be read."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = self._data[tag].value if tag in self._data else None
            except MemoryError:
                raise
            except Exception:
                # pydicom raises whatever comes up in converting broken values: ValueError, KeyError, struct.error.
                return []
        if value is None or value == "":
            return []
        return list(value) if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]

    def text(self, tag: int) -> str:
        """The first value as one line of printable text of at most 200 characters; empty if there is none."""
        return printable(next(iter(self.values(tag)), ""))

    def word(self, tag: int) -> str:
        """The first value of a code string, in capitals."""
        return self.text(tag).upper()

    def integer(self, tag: int) -> int | None:
        """The first value as a whole number."""
        value = next(iter(self.values(tag)), None)
        try:
            return int(str(value)) if value is not None else None
        except (ValueError, OverflowError):
            return None

    def numbers(self, tag: int) -> list[float]:
        """All values as finite numbers; none at all if one is not."""
        try:
            found = [float(value) for value in self.values(tag)]
        except (ValueError, TypeError, OverflowError):
            return []
        return found if all(abs(value) < 1e30 for value in found) else []

    def raw(self, tag: int) -> bytes:
        """The first value as bytes, for elements of bytes or words."""
        value = next(iter(self.values(tag)), b"")
        return value if isinstance(value, bytes) else b""

    def items(self, tag: int) -> Iterator[Header]:
        """The items of a sequence."""
        for item in self._sequence(tag):
            if isinstance(item, Dataset):
                yield Header(item)

    def first(self, tag: int) -> Header:
        """The first item of a sequence; one without elements if there is none."""
        return next(self.items(tag), Header(Dataset()))

    def _sequence(self, tag: int) -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = self._data[tag].value if tag in self._data else None
                return list(value) if value is not None and not isinstance(value, str | bytes) else []
            except MemoryError:
                raise
            except Exception:
                return []


def printable(value: object) -> str:
    """One line of text that can be seen; what is longer than 200 characters is cut."""
    return " ".join(plain(str(value)[: 4 * TEXT_LENGTH]).split())[:TEXT_LENGTH].strip()
