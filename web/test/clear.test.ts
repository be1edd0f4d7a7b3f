import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NOTHING, type Sums, add, mayClear } from "../src/lib/clear.ts";

interface Case {
  readonly sent: Partial<Sums>;
  readonly today?: boolean;
  readonly answer: readonly [string, string] | null;
}

const cases: Case[] = JSON.parse(readFileSync("../tests/may_clear.json", "utf8"));

test("whether the card may be cleared is answered in the words of the service", () => {
  assert.ok(cases.length > 10);
  for (const { sent, today, answer } of cases) {
    const found = mayClear({ ...NOTHING, ...sent }, today);
    assert.deepEqual(found && [found.kind, found.text], answer);
  }
});

test("a page of several batches is answered for all of them", () => {
  const sums = [{ ...NOTHING, safe: 3 }, { ...NOTHING, safe: 2, checking: 1 }].reduce(add, NOTHING);
  assert.equal(mayClear(sums)?.text, "Not yet: 1 is being checked. Keep the card.");
});
