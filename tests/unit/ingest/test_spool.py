"""The spool: private, empty after each file, and cleared of what dead processes left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from broker.ingest.spool import Spool

ROOT = Path(__file__).parents[3]
LEAVE = """
import sys, os, pathlib
from broker.ingest.spool import Spool
spool = Spool(pathlib.Path(sys.argv[1]))
with spool.place() as place:
    place.original.write_bytes(b"a patient's picture")
    os._exit(9)
"""


def leave(folder: Path) -> None:
    """Have a process die with a file in its spool."""
    done = subprocess.run([sys.executable, "-c", LEAVE, str(folder)], cwd=ROOT, check=False)
    assert done.returncode == 9


def test_what_a_dead_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    leave(tmp_path)
    assert list(tmp_path.rglob("original"))
    spool = Spool(tmp_path)
    assert not list(tmp_path.rglob("original"))
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_living_process_has_is_left_alone(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    with first.place() as place:
        place.original.write_bytes(b"x")
        second = Spool(tmp_path)
        assert place.original.exists()
        second.close()
        assert place.original.exists()
    first.close()


def test_a_place_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "deep" / "work")
    with spool.place() as place:
        assert place.out.is_dir()
        assert not place.original.exists()
        assert {path.stat().st_mode & 0o777 for path in (place.out, place.out.parent)} == {0o700}
        (place.out / "deep").mkdir()
    assert not place.out.exists()
    spool.close()
