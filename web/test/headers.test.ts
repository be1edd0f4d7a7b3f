/** The browser's half of the table of cases; the worker's is tests/unit/ingest/test_headers.py. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, CASES, NOTHING, answer } from "./cases.ts";

for (const one of CASES) {
  test(`the browser answers as the table says: ${one.name}`, () => {
    const limits = Object.keys(one.browser ?? {}).filter((what) => what !== "why");
    const nothing = Object.fromEntries(limits.map((what) => [what, NOTHING[what as keyof Answer]]));
    assert.deepEqual(answer(one), { ...NOTHING, ...one.expect, ...nothing });
  });
}
