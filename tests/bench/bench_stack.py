"""What a volume of 128 slices costs the browser that shows it.

Run: python -m tests.bench.bench_stack. A volume as the worker packs one (768 x 496 pixels, speckle, WebP) is opened
over a slow line. Counted are the bytes that had arrived when the first slice was drawn; the time a step spends in
scripts, as Chromium counts it, with all that belongs to it until the next picture; and by how much the renderer has
grown when every slice has been shown. Exits 1 if a limit is missed.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import CDPSession, Page, sync_playwright

from broker import names
from broker.ingest.render import pack
from broker.ingest.render.stack import outward
from broker.names import Rendition
from broker.words import Kind
from tests.bench.bench_panel import MIB, renderer
from tests.browser.clinic import Person
from tests.browser.far import FarClinic
from tests.chromium import ARGUMENTS, find_or_install
from tests.unit.pages import shelf

COUNT, WIDTH, HEIGHT = 128, 768, 496
#: Part of the pack that may have arrived when the first slice is drawn; milliseconds of a step; growth in bytes.
FIRST, STEP_MS, GROWTH = 0.1, 4.0, 250 * MIB
SLOW = MIB
STEPS = 100

WATCH = """
window.arrived = 0;
const fetched = window.fetch;
window.fetch = async (...asked) => {
  const answer = await fetched(...asked);
  if (!String(asked[0]).includes("frames.zip")) return answer;
  window.total = Number(answer.headers.get("Content-Length"));
  const count = new TransformStream({ transform(part, out) { window.arrived += part.length; out.enqueue(part); } });
  return new Response(answer.body.pipeThrough(count), answer);
};
const drawn = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
  if (source instanceof ImageBitmap) window.first ??= window.arrived;
  return drawn.call(this, source, ...rest);
};
"""
PAINTED = "() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))"


def main() -> int:
    """Measure, print, and say whether the limits hold."""
    with (
        tempfile.TemporaryDirectory() as place,
        FarClinic(Path(place)) as clinic,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=find_or_install(), args=list(ARGUMENTS)) as browser,
    ):
        scan, size = volume(clinic, clinic.patient("Stack, Stan"))
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{clinic.url}/sign-in")
        page.get_by_role("button", name="Physician").click()
        page.get_by_role("button", name="Sign out").wait_for()
        protocol = page.context.new_cdp_session(page)
        protocol.send("Performance.enable")
        whole = browser.new_browser_cdp_session()
        before = renderer(whole)
        page.add_init_script(WATCH)
        clinic.line.rate_down = SLOW
        page.goto(f"{clinic.url}/scans/{scan}")
        page.wait_for_function("() => window.first !== undefined", timeout=60_000)
        first = page.evaluate("() => window.first / window.total")
        clinic.line.rate_down = 0
        page.wait_for_selector("oct-stack[data-loaded]", timeout=60_000)
        steps, peak = walk(page, protocol, whole)
    grown = peak - before
    print(f"pack of {COUNT} frames: {size / MIB:.1f} MiB")
    good = told("arrived when the first slice was drawn", 100 * first, 100 * FIRST, "%")
    good &= told(f"scripts of a step, median of {STEPS}", statistics.median(steps), STEP_MS, "ms")
    good &= told("growth of the renderer", grown / MIB, GROWTH / MIB, "MiB")
    return 0 if good else 1


def volume(clinic: FarClinic, person: Person) -> tuple[str, int]:
    """Put a volume into catalog and vault; its id, and the bytes of its pack."""
    random = np.random.default_rng(1)
    frames = [pack.Frame(number, webp(random), None) for number in outward(COUNT, COUNT // 2)]
    head: dict[str, object] = {
        "version": 1, "count": COUNT, "width": WIDTH, "height": HEIGHT, "middle": COUNT // 2, "lossy": True,
        "spacing_mm": None, "localizer": None,
    }  # fmt: skip
    data = b"".join(pack.pieces(head, frames))
    picture: dict[str, Any] = {"media_type": "image/webp", "width": WIDTH, "height": HEIGHT, "bytes": 1}
    renditions = {"thumbnail": picture, "display": picture}
    facts = shelf.facts(width=WIDTH, height=HEIGHT, frames=COUNT, renditions=renditions)
    made = clinic.put(person, kind=Kind.OCT, facts=facts)
    blob = names.rendition(made.id, Rendition.FRAMES, pack.MEDIA_TYPE)
    clinic.parts.store.vault.put(blob, data, pack.MEDIA_TYPE)
    renditions["frames"] = picture | {"media_type": pack.MEDIA_TYPE}
    shelf.put(clinic.parts, [replace(made, facts=facts)])
    return made.id, len(data)


def webp(random: np.random.Generator) -> bytes:
    """One slice: a bright band in speckle."""
    depth = np.exp(-(((np.arange(HEIGHT) - 200) / 60) ** 2))[:, None]
    pixels = (40 + 170 * depth) * random.gamma(4, 0.25, (HEIGHT, WIDTH))
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "WEBP", quality=90, method=0)
    return out.getvalue()


def walk(page: Page, protocol: CDPSession, whole: CDPSession) -> tuple[list[float], int]:
    """Step from the first slice through all: milliseconds of scripts for each of the last, and the most memory."""
    page.keyboard.press("Home")
    page.evaluate(PAINTED)
    taken, peak = [], 0
    for number in range(COUNT - 1):
        began = scripts(protocol)
        page.keyboard.press("ArrowDown")
        page.evaluate(PAINTED)
        taken.append(scripts(protocol) - began)
        if number % 8 == 0:
            peak = max(peak, renderer(whole))
    assert page.locator("[data-position]").text_content() == f"{COUNT}/{COUNT}"
    return taken[-STEPS:], max(peak, renderer(whole))


def scripts(protocol: CDPSession) -> float:
    """Milliseconds that the page has spent in scripts."""
    metrics = {one["name"]: one["value"] for one in protocol.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ScriptDuration"]) * 1000


def told(what: str, found: float, most: float, unit: str) -> bool:
    """Print a line; say whether the limit holds."""
    print(f"{what:42} {found:8.1f} {unit:4} at most {most:g}{'' if found <= most else '   TOO MUCH'}")
    return found <= most


if __name__ == "__main__":
    sys.exit(main())
