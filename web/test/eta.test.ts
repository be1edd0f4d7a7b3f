import assert from "node:assert/strict";
import { test } from "node:test";
import { Eta, duration } from "../src/lib/eta.ts";

test("nothing is said in the first five seconds, then the last twenty seconds count", () => {
  const eta = new Eta();
  for (let at = 0; at <= 4_000; at += 500) eta.note(at, at * 10);
  assert.equal(eta.left(1000), null);
  for (let at = 5_000; at <= 60_000; at += 500) eta.note(at, 50_000 + (at - 5_000) * 2);
  assert.equal(Math.round(eta.speed!), 2_000);
  assert.equal(Math.round(eta.left(20_000)!), 10);
});

test("what stands still has no time left to tell", () => {
  const eta = new Eta();
  for (let at = 0; at <= 30_000; at += 1000) eta.note(at, 7);
  assert.equal(eta.left(10), null);
});

test("times are said as people say them", () => {
  for (const [seconds, text] of [[3, "less than a minute"], [60, "1 minute"], [250, "4 minutes"], [3600, "1 hour"], [4800, "1 hour 20 minutes"], [7150, "2 hours"]] as const) {
    assert.equal(duration(seconds), text);
  }
});
