"""The search for secrets at a run's end finds them, fails the run, and repeats none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIGNATURE, TOKEN, PASSWORD = "sig=" + "Ab1%2B" * 8, "ois_" + "x" * 43, "planted words 7"
INNER = """
from tests.canaries import planted, read, watch

def test_a_process_writes(tmp_path):
    planted({password!r})
    folder = tmp_path / "stack"
    folder.mkdir()
    watch(folder)
    (folder if {watched} else tmp_path).joinpath({name!r}).write_text({text!r})
    read("http://localhost/page", {page!r})

def test_another_one_writes_nothing():
    pass
"""


def run(
    folder: Path, *options: str, name: str = "web.log", text: str = "", page: str = "", watched: bool = False
) -> subprocess.CompletedProcess[str]:
    """A run of its own, of two tests, of which one leaves a file and sees a page."""
    inner = INNER.format(password=PASSWORD, name=name, text=text, page=page, watched=watched)
    (folder / "test_inner.py").write_text(inner)
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}", *options]
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=100, check=False)
    shutil.rmtree(folder / "tmp")  # or the search at the end of this run would find it as well
    return done


@pytest.mark.parametrize(
    ("name", "text", "watched"),
    [
        ("web.log", f"GET /a?{SIGNATURE}&x", False),
        ("catalog.sqlite-wal", f"row {TOKEN} row", False),
        ("some.json", f'{{"said": "{PASSWORD}"}}', True),
    ],
)
def test_a_run_that_leaves_a_secret_fails_although_its_tests_pass(
    tmp_path: Path, name: str, text: str, watched: bool
) -> None:
    done = run(tmp_path, name=name, text=text, watched=watched)
    assert done.returncode == 1, done.stdout
    assert "2 passed" in done.stdout
    assert f"{name}: " in done.stdout
    assert not [secret for secret in (SIGNATURE, TOKEN, PASSWORD) if secret in done.stdout]


def test_a_password_on_a_page_fails_the_run_too(tmp_path: Path) -> None:
    done = run(tmp_path, page=f"<p>{PASSWORD}</p>")
    assert done.returncode == 1, done.stdout
    assert "http://localhost/page: a password" in done.stdout
    assert PASSWORD not in done.stdout


def test_what_a_worker_of_the_run_left_is_found_too(tmp_path: Path) -> None:
    done = run(tmp_path, "-n", "2", name="worker.log", text=SIGNATURE)
    assert (done.returncode, done.stdout.count("worker.log: sig=")) == (1, 1), done.stdout


@pytest.mark.parametrize(
    ("name", "text"), [("web.log", "sig=[removed] token"), ("notes.txt", SIGNATURE), ("demo.json", SIGNATURE)]
)
def test_a_run_that_leaves_none_passes(tmp_path: Path, name: str, text: str) -> None:
    done = run(tmp_path, name=name, text=text, watched=name == "demo.json")
    assert done.returncode == 0, done.stdout
