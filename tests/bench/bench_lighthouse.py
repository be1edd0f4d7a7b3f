"""How Lighthouse judges the pages where physicians read: performance, accessibility, best practices.

Run: python -m tests.bench.bench_lighthouse. Lighthouse is pinned with all its packages in ``lighthouse/`` beside this
file, and installed once into build/bench, so that neither the pages nor the tests need it. It is asked twice: as a
desk's computer, which is what a reading room has, and as a phone on a slow line. ``SAY=1`` names what cost points.
Exits 1 if a page has fewer points than it must.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser import files
from tests.browser.clinic import Clinic
from tests.chromium import ARGUMENTS, find_or_install
from tests.stack import free_port

ROOT = Path(__file__).parents[2]
PINS = Path(__file__).parent / "lighthouse"
LEAST = 95
CATEGORIES = ("performance", "accessibility", "best-practices")
WAYS = {"desk": ["--preset=desktop"], "phone": []}


def main() -> int:
    """Judge, print, and say whether every page has the points that it must have."""
    lighthouse, port, good = installed(), free_port(), True
    with tempfile.TemporaryDirectory() as place, Clinic(Path(place) / "clinic") as clinic:
        paths = filled(clinic)
        with sync_playwright() as playwright:
            # A profile of its own that Lighthouse shares, or nobody would be signed in there.
            context = playwright.chromium.launch_persistent_context(
                Path(place) / "profile",
                executable_path=find_or_install(),
                args=[*ARGUMENTS, f"--remote-debugging-port={port}"],
            )
            page = context.new_page()
            page.goto(f"{clinic.url}/sign-in")
            page.get_by_role("button", name="Physician").click()
            page.get_by_role("button", name="Sign out").wait_for()
            print(f"{'':14}{'':8}{''.join(f'{name:>16}' for name in CATEGORIES)}   points, at least {LEAST}")
            for what, path in paths.items():
                for way, options in WAYS.items():
                    points = judged(lighthouse, f"{clinic.url}{path}", port, options)
                    fits = min(points) >= LEAST
                    good &= fits
                    row = "".join(f"{one:16.0f}" for one in points)
                    print(f"{what:14}{way:8}{row}   {'' if fits else 'too few'}", flush=True)
            context.close()
    return 0 if good else 1


def installed() -> Path:
    """Install Lighthouse as it is pinned, unless it is there."""
    lock = (PINS / "package-lock.json").read_bytes()
    place = ROOT / "build" / "bench" / f"lighthouse-{hashlib.sha256(lock).hexdigest()[:12]}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(PINS, place)
        # Nothing of these packages runs while they are installed.
        command = ["npm", "ci", "--ignore-scripts", "--silent"]
        subprocess.run(command, cwd=place, env=environ(), check=True)
        (place / "done").touch()
    return place / "node_modules" / "lighthouse" / "cli" / "index.js"


def environ() -> dict[str, str]:
    """Node is the environment's own."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def filled(clinic: Clinic) -> dict[str, str]:
    """A patient with more than a page of scans, and a photograph that the worker has made pictures of."""
    person = clinic.patient("Light, Lucy")
    clinic.fill(person, 61, apart=timedelta(hours=6))
    [upload] = clinic.send(person, {"fundus.jpg": files.jpeg(2400, 1800)})
    [scan] = clinic.technician.get(f"/uploads/{upload}")["scans"]
    return {"gallery": "/gallery", "patient": f"/patients/{person.id}", "scan": f"/scans/{scan}"}


def judged(lighthouse: Path, url: str, port: int, options: list[str]) -> list[float]:
    """The points of one page, 0 to 100."""
    command = ["node", str(lighthouse), url, f"--port={port}", "--disable-storage-reset", "--output=json", "--quiet"]
    command += [f"--only-categories={','.join(CATEGORIES)}", *options]
    done = subprocess.run(command, env=environ(), capture_output=True, text=True, timeout=180)
    if done.returncode:
        raise SystemExit(done.stderr)
    report = json.loads(done.stdout)
    assert report["finalDisplayedUrl"] == url, report["finalDisplayedUrl"]
    if os.environ.get("SAY"):
        tell(report)
    return [100 * report["categories"][name]["score"] for name in CATEGORIES]


def tell(report: dict[str, Any]) -> None:
    for name in CATEGORIES:
        for reference in report["categories"][name]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and (audit["score"] or 0) < 1:
                print(f"    {name}: {audit['id']} {audit['score']} {audit.get('displayValue', '')}")
                for item in (audit.get("details") or {}).get("items", [])[:4]:
                    print("       ", json.dumps(item)[:300])


if __name__ == "__main__":
    sys.exit(main())
