"""Bytes as the sandbox's child sees a file, without the sandbox."""

from __future__ import annotations

import os
import tempfile

from broker.ingest.formats.seam import Bounds, Source

BOUNDS = Bounds(pixels=100_000_000, samples=600_000_000)


class Opened(Source):
    """A file that is gone when nobody holds it any longer."""

    def __init__(self, data: bytes, ending: str = "") -> None:
        self._own, path = tempfile.mkstemp()
        os.unlink(path)
        with open(self._own, "wb", closefd=False) as file:
            file.write(data)
        super().__init__(self._own, ending)

    def __del__(self) -> None:
        os.close(self._own)
