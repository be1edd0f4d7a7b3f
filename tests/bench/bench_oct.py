"""What a volume costs: CPU of the sandbox for 128 B-scans of 768 x 496 pixels, beside the bare library calls.

Run as ``python -m tests.bench.bench_oct``. The bare loop reads each B-scan from the file, makes it 8-bit grey and
encodes it, and makes thumbnail, display picture and localizer with the same libraries and settings; it checks nothing,
packs nothing and is in no child. Both as a Heidelberg .vol export and as DICOM. CPU seconds, so that what else the
machine does matters little; medians of ``ROUNDS`` (5), in turns. Exits 1 if a limit is missed.
"""

from __future__ import annotations

import io
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian

from broker.ingest.sandbox import Sandbox
from broker.ops import fundus
from tests import dicoms, heidelberg

ROUNDS = int(os.environ.get("ROUNDS", "5"))
COUNT, HEIGHT, WIDTH, SIDE = 128, 496, 768, 768
#: Files in one run of the sandbox: its start is taken off, and must not be most of what is measured.
FILES = 2
LEAST_OF_BARE = 0.8

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def main() -> int:
    """Measure both, print a table, say whether the limits hold."""
    good = True
    slices = fundus.oct_volume(1, COUNT, (WIDTH, HEIGHT))
    grey = np.stack([np.frombuffer(one, np.uint8).reshape(HEIGHT, WIDTH) for one in slices])
    localizer = heidelberg.slo(SIDE, SIDE)
    with tempfile.TemporaryDirectory(prefix="bench-oct-") as name:
        folder = Path(name)
        vol, dcm = folder / "a.vol", folder / "a.dcm"
        values = (grey / np.float32(255)) ** 4
        vol.write_bytes(heidelberg.vol(values.astype(np.float32), localizer=localizer, slice_header=1000))
        volume = dicoms.tomography(COUNT, HEIGHT, WIDTH, ExplicitVRLittleEndian, PixelData=grey.tobytes())
        dcm.write_bytes(volume)
        start = 2048 + SIDE * SIDE
        kinds: list[tuple[Path, Callable[[], Iterator[Bytes]], Bytes | None]] = [
            (vol, lambda: floats(vol, start), localizer),
            (dcm, lambda: plain(dcm, volume.index(grey[0].tobytes())), None),
        ]
        print(f"{'':28}{'bare s':>8}{'ours s':>8}{'ratio':>8}{'limit':>8}")
        for path, frames, slo in kinds:
            rounds = [(bare(frames(), slo), ours(path, folder)) for _ in range(ROUNDS)]
            plain_s, ours_s = (statistics.median(column) for column in zip(*rounds, strict=True))
            ratio = plain_s / ours_s
            print(f"{COUNT} frames, {path.suffix:<16}{plain_s:8.2f}{ours_s:8.2f}{ratio:8.2f}{LEAST_OF_BARE:8.2f}")
            good &= ratio >= LEAST_OF_BARE
    print("all limits hold" if good else "LIMIT MISSED")
    return 0 if good else 1


def floats(path: Path, at: int) -> Iterator[Bytes]:
    """The B-scans of the .vol file: reflectivity, shown as its fourth root."""
    with path.open("rb") as file:
        file.seek(at)
        for _ in range(COUNT):
            file.seek(1000, os.SEEK_CUR)
            values = np.frombuffer(file.read(4 * WIDTH * HEIGHT), "<f4").reshape(HEIGHT, WIDTH)
            shown = np.where(values < 1e30, values, np.float32(0))
            np.clip(shown, 0, 1, out=shown)
            np.sqrt(np.sqrt(shown, out=shown), out=shown)
            yield (shown * 255 + 0.5).astype(np.uint8)


def plain(path: Path, at: int) -> Iterator[Bytes]:
    """The frames of the DICOM file as they lie there."""
    with path.open("rb") as file:
        file.seek(at)
        for _ in range(COUNT):
            yield np.frombuffer(file.read(WIDTH * HEIGHT), np.uint8).reshape(HEIGHT, WIDTH)


def bare(frames: Iterator[Bytes], localizer: Bytes | None) -> float:
    """CPU seconds of decoding, resizing and encoding in a loop."""
    began = time.process_time()
    for index, values in enumerate(frames):
        image = Image.fromarray(values)
        image.save(io.BytesIO(), "WEBP", quality=90, method=0)
        if index == COUNT // 2:
            image.save(io.BytesIO(), "JPEG", quality=90, subsampling=0)
            small = image.resize((384, 248), Image.Resampling.LANCZOS, reducing_gap=3.0)
            small.save(io.BytesIO(), "WEBP", quality=80)
    if localizer is not None:
        Image.fromarray(localizer).save(io.BytesIO(), "JPEG", quality=90, subsampling=0)
    return time.process_time() - began


def ours(path: Path, folder: Path) -> float:
    """CPU seconds of the sandbox's processes for one file: those of several, without those of the start."""
    return (children(path, folder, FILES) - children(path, folder, 0)) / FILES


def children(path: Path, folder: Path, count: int) -> float:
    """CPU seconds of a sandbox that examines the file ``count`` times, from its start to its end."""
    before = used()
    with Sandbox() as box:
        for _ in range(count):
            with tempfile.TemporaryDirectory(dir=folder) as out:
                verdict = box.examine(path, Path(out), filename=path.name)
                assert [scan.frames for scan in verdict.scans] == [COUNT], verdict
    return used() - before


def used() -> float:
    """CPU seconds of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
