"""Seeded mutants of good files, through the real sandbox: no death, no excess, and nothing undecoded is let in.

FUZZ=1 tries 2,000 of them.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.ingest.sandbox import Sandbox
from broker.words import Rejection
from tests import hostile

MUTANTS = 2_000 if os.environ.get("FUZZ") else 100
#: Seconds for one small file. A shared machine needs slack; what must not happen is a decoder that goes on for ever.
LONGEST = 5.0


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def mutant(luck: random.Random, data: bytes) -> bytes:
    """Damage a file as transfers, bad disks and attackers do: flips, cuts, doubled, moved and foreign pieces."""
    out = bytearray(data)
    for _ in range(luck.choice((1, 1, 2, 4, 16))):
        # Headers decide what is allocated, so they are hit more often than pixels.
        at = luck.randrange(min(len(out), luck.choice((64, 512, len(out))))) if out else 0
        length = luck.choice((1, 2, 4, 64))
        act = luck.randrange(5)
        if act == 0:
            out[at : at + 1] = bytes([luck.randrange(256)])
        elif act == 1:
            out[at : at + length] = luck.choice((b"\xff", b"\x00", b"\x7f", b"\x80")) * length
        elif act == 2:
            del out[at : at + length]
        elif act == 3:
            out[at:at] = out[at : at + length]
        elif out:
            del out[luck.randrange(len(out)) :]
    return bytes(out)


def test_no_mutant_kills_or_outgrows_its_decoder_or_is_let_in_undecoded(sandbox: Sandbox, tmp_path: Path) -> None:
    luck = random.Random(20261122)
    originals = list(hostile.good())
    spool, out = tmp_path / "spool", tmp_path / "out"
    out.mkdir()
    refused = 0
    for number in range(MUTANTS):
        case = luck.choice(originals)
        spool.write_bytes(mutant(luck, case.make()))
        started = time.monotonic()
        verdict = sandbox.examine(spool, out, filename=case.filename)
        what = f"mutant {number} of {case.name}: {verdict}"
        assert time.monotonic() - started < LONGEST, what
        assert verdict.rejection is not Rejection.DECODER_DIED, what
        if verdict.rejection is None:
            # Damage may hit only a comment or a pixel. Then every scan was drawn, or the file says why not.
            assert verdict.scans, what
            assert verdict.no_preview or all(scan.renditions for scan in verdict.scans), what
        else:
            refused += 1
            assert not verdict.scans, what
        for left in out.iterdir():
            left.unlink()
    assert sandbox.peak_bytes < 1_500 << 20
    assert refused > MUTANTS // 4, "the damage does not reach the decoders"
