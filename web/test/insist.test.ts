import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../src/lib/api.ts";
import { Gate } from "../src/lib/gate.ts";
import { insist } from "../src/lib/insist.ts";

const patience = (over = {}) => {
  let clock = 0;
  return { gate: new Gate(), sleep: async (): Promise<void> => undefined, random: () => 0, now: () => (clock += 100_000), ...over };
};
const down = new Problem(503, "storage-unavailable", "No", "");

test("a call that fails for a while is answered in the end", async () => {
  const script = [down, new Problem(0, "no-answer", "", ""), new Problem(429, "too-many", "", "")];
  assert.equal(await insist(patience(), async () => { const next = script.shift(); if (next) throw next; return 7; }), 7);
});

test("what would not be answered otherwise is not asked again", async () => {
  let calls = 0;
  await assert.rejects(insist(patience(), async () => { calls++; throw new Problem(422, "invalid", "", ""); }), Problem);
  assert.equal(calls, 1);
});

test("after ten times and ten minutes it is given up", async () => {
  let calls = 0;
  await assert.rejects(insist(patience(), async () => { calls++; throw down; }), Problem);
  assert.equal(calls, 10);
});

test("without a line nothing is asked, and a Retry-After is waited for", async () => {
  const gate = new Gate();
  gate.close("offline");
  const slept: number[] = [];
  let calls = 0;
  const run = insist(patience({ gate, sleep: async (ms: number) => void slept.push(ms) }), async () => {
    if (calls++ === 0) throw new Problem(429, "too-many", "", "", {}, 3);
    return calls;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(calls, 0);
  gate.open("offline");
  assert.equal(await run, 2);
  assert.deepEqual(slept, [3000]);
});
