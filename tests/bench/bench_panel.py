"""How much of what a browser can send the upload page sends, beside a bare loop of PUTs in the same browser.

Run: python -m tests.bench.bench_panel. Both read the same files from disk and have four requests in flight; the page
also hashes, declares, completes and draws. Its time runs from the press of Send, which comes as soon as the files are
listed, to the end of the last PUT. The worker is stopped. ``ROUNDS``: how often each is run, in turns (3); the median
of the rounds' ratios counts: what else the machine does then slows both. Exits 1 if a limit is missed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from playwright.sync_api import CDPSession, Page, Request, sync_playwright

from broker.blocks import block_id, plan_for
from tests.browser.far import FarClinic
from tests.chromium import ARGUMENTS, find_or_install

MIB = 1 << 20
ROUNDS = int(os.environ.get("ROUNDS", "3"))
#: Name, sizes of the files, bytes a second of the line (0: loopback), least part of the bare loop's speed.
CASES = (
    ("60 x 4 MiB, loopback", [4 * MIB] * 60, 0, 0.75),
    ("512 MiB, loopback", [512 * MIB], 0, 0.85),
    ("60 x 4 MiB, 25 MiB/s", [4 * MIB] * 60, 25 * MIB, 0.95),
    ("512 MiB, 25 MiB/s", [512 * MIB], 25 * MIB, 0.95),
)
MOST_GROWTH, LONGEST_TASK = 150 * MIB, 50.0
#: Milliseconds that one sending may take, and between two looks at it: looking costs the two cores, too.
LIMIT_MILLISECONDS, LOOK = 300_000, 250

WATCH = """
window.longest = 0;
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) window.longest = Math.max(window.longest, one.duration);
}).observe({ type: "longtask", buffered: true });
performance.setResourceTimingBufferSize(5000);
const note = (event) => { if (event.target.closest?.("[data-send]")) window.begun = performance.now(); };
document.addEventListener("click", note, true);
"""
BARE = """async ({ requests }) => {
  const files = document.querySelector("#bare").files;
  const put = ({ url, headers, file, start, end }) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.onload = () => (request.status === 201 ? resolve() : reject(new Error(String(request.status))));
    request.onerror = () => reject(new Error("line"));
    request.send(files[file].slice(start, end));
  });
  const queue = [...requests];
  const begun = performance.now();
  const lane = async () => { for (let one; (one = queue.shift()); ) await put(one); };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return performance.now() - begun;
}"""
ADD = """() => {
  const input = Object.assign(document.createElement("input"), { id: "bare", type: "file", multiple: true });
  document.body.append(input);
}"""
PRESS = """async (count) => {
  const until = async (test) => { while (!test()) await new Promise((resolve) => setTimeout(resolve, 5)); };
  const rows = () => document.querySelectorAll("[data-rows] .file");
  // Each press is a task of its own, as a person's are.
  const press = async (act) => { act(); await new Promise((resolve) => setTimeout(resolve)); };
  await until(() => rows().length === count);
  await press(() => rows()[0].dispatchEvent(new MouseEvent("click", { bubbles: true })));
  await press(() => rows()[count - 1].dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey: true })));
  await press(() => document.querySelector('.bar [data-eye="OD"]').click());
  await press(() => document.querySelector("[data-send]").click());
}"""
ENDED = """() => Math.max(...performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/intake/") && !name.includes("00000000-0000-7000"))
  .map(({ responseEnd }) => responseEnd)) - window.begun"""


@dataclass
class Run:
    """One sending by the page: milliseconds, growth of the renderer in bytes, longest task in ms, calls that mint."""

    milliseconds: float
    growth: int
    longest: float
    minted: int


def main() -> int:
    """Measure all cases, print the table, say whether the limits hold."""
    good = True
    print(
        f"{'':22} {'bare MiB/s':>10} {'page MiB/s':>10} {'ratio':>6} {'limit':>6}"
        f" {'memory +':>9} {'longest task':>13} {'mints':>6}"
    )
    with (
        tempfile.TemporaryDirectory() as place,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=find_or_install(), args=list(ARGUMENTS)) as browser,
    ):
        for number, (name, sizes, rate, least) in enumerate(CASES):
            folder = Path(place) / str(number)
            with FarClinic(folder, far=rate > 0) as clinic:
                clinic.technician.get("/health")
                clinic.worker.stop()
                clinic.line.rate = rate
                page = browser.new_context().new_page()
                page.add_init_script(WATCH)
                page.goto(f"{clinic.url}/sign-in")
                page.get_by_role("button", name="Technician").click()
                bare, runs = rounds(clinic, page, folder, sizes)
                page.context.close()
            good &= told(name, sum(sizes), least, len(sizes), bare, runs)
    print("all limits hold" if good else "LIMIT MISSED")
    return 0 if good else 1


def rounds(clinic: FarClinic, page: Page, folder: Path, sizes: Sequence[int]) -> tuple[list[float], list[Run]]:
    """Run both in turns, each time on files that nobody has seen."""
    bare, runs = [], []
    for number in range(ROUNDS):
        for kind in ("bare", "page"):
            paths = made(folder / f"{kind}{number}", sizes)
            if kind == "bare":
                bare.append(measure_bare(clinic, page, paths))
            else:
                runs.append(measure_page(clinic, page, paths))
            for path in paths:
                path.unlink()
    return bare, runs


def made(folder: Path, sizes: Sequence[int]) -> list[Path]:
    folder.mkdir()
    paths = []
    for number, size in enumerate(sizes):
        paths.append(folder / f"f{number}.fda")
        with paths[-1].open("wb") as out:
            for _ in range(size // MIB):
                out.write(secrets.token_bytes(MIB))
    return paths


def measure_bare(clinic: FarClinic, page: Page, paths: list[Path]) -> float:
    """The same PUTs without anything around them; gives milliseconds."""
    patient = clinic.patient("Bare, Uma")
    declared = [
        {"ref": path.name, "filename": path.name, "size": path.stat().st_size, "eye": "OD", "kind": "oct"}
        for path in paths
    ]
    body = {"batch": str(uuid4()), "patient": patient.id, "files": declared}
    offers = clinic.technician.post("/uploads", body)["uploads"]
    requests = [one for number, offer in enumerate(offers) for one in puts(number, offer["grant"], paths[number])]
    page.goto(f"{clinic.url}/upload")
    page.locator("upload-panel[data-ready]").wait_for()
    page.evaluate(ADD)
    page.locator("#bare").set_input_files(paths)
    return float(page.evaluate(BARE, {"requests": requests}))


def puts(file: int, grant: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    size = path.stat().st_size
    plan = plan_for(size)
    common = {"file": file, "headers": grant["headers"]}
    if plan is None:
        return [common | {"url": grant["url"], "start": 0, "end": size}]
    # No hash is computed here: any name of the right length will do.
    names = [
        quote(block_id(index, hashlib.sha256(bytes([index % 256])).digest()), safe="") for index in range(plan.count)
    ]
    return [
        common
        | {
            "url": f"{grant['url']}&comp=block&blockid={name}",
            "start": index * plan.size,
            "end": min((index + 1) * plan.size, size),
        }
        for index, name in enumerate(names)
    ]


def measure_page(clinic: FarClinic, page: Page, paths: list[Path]) -> Run:
    """Send by the page, as fast as anybody could press its buttons."""
    patient = clinic.patient("Page, Uma")
    page.goto(f"{clinic.url}/upload")
    page.locator("upload-panel[data-ready]").wait_for()
    page.get_by_role("combobox", name="record number").fill(patient.mrn)
    page.get_by_role("option", name=patient.name).click()
    minted: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith(("/uploads", "/uploads/grants")):
            minted.append(request.url)

    page.on("request", note)
    browser = page.context.browser
    assert browser is not None
    protocol = browser.new_browser_cdp_session()
    before = peak = renderer(protocol)
    page.evaluate("() => { window.longest = 0; }")
    page.locator("[data-input]").set_input_files(paths)
    page.evaluate(PRESS, len(paths))
    total = page.locator(".batch [data-total]")
    wanted = f"{len(paths)} of {len(paths)} file"
    for _ in range(LIMIT_MILLISECONDS // LOOK):
        peak = max(peak, renderer(protocol))
        if wanted in (total.text_content() or ""):
            break
        page.wait_for_timeout(LOOK)
    protocol.detach()
    page.remove_listener("request", note)
    assert wanted in (total.text_content() or ""), total.text_content()
    return Run(float(page.evaluate(ENDED)), peak - before, float(page.evaluate("() => window.longest")), len(minted))


def renderer(protocol: CDPSession) -> int:
    """Resident bytes of the largest renderer that is ours: its private pages, as the kernel counts them."""
    processes = protocol.send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = [anonymous(one["id"]) for one in processes if one["type"] == "renderer"]
    return max(sizes, default=0)


def anonymous(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0].split()[1]) * 1024 if found else 0


def told(name: str, size: int, least: float, count: int, bare: list[float], runs: list[Run]) -> bool:
    """Print a line; say whether its limits hold."""
    plain, page = statistics.median(bare) / 1000, statistics.median(run.milliseconds for run in runs) / 1000
    growth, longest = max(run.growth for run in runs), max(run.longest for run in runs)
    minted = max(run.minted for run in runs)
    ratio = statistics.median(one / run.milliseconds for one, run in zip(bare, runs, strict=True))
    print(
        f"{name:22} {size / MIB / plain:10.1f} {size / MIB / page:10.1f} {ratio:6.2f} {least:6.2f}"
        f" {growth / MIB:5.0f} MiB {longest:10.0f} ms {minted:6}", flush=True,
    )  # fmt: skip
    return ratio >= least and growth <= MOST_GROWTH and longest <= LONGEST_TASK and minted <= -(-count // 100)


if __name__ == "__main__":
    sys.exit(main())
