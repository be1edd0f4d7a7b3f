import assert from "node:assert/strict";
import { test } from "node:test";
import { type Item, PATIENCE, atMost, unseen } from "../src/lib/signing.ts";

const picture = (slices: number): Item => ({ kind: "Colour fundus", slices, frames: 1, opened: slices ? "opened" : "not opened" });
const volume = (slices: number): Item => ({ kind: "OCT", slices, frames: 128, opened: `${slices} of 128 slices` });

// The same cases, with the same words, stand in tests/unit/pages/test_signing.py: the page says first what this says later.
test("the button says how many were not opened, and how much of a volume was", () => {
  assert.equal(unseen([]), "");
  assert.equal(unseen([picture(1), volume(128)]), "");
  assert.equal(unseen([picture(0), picture(1), picture(0)]), "2 of 3 not opened");
  assert.equal(unseen([picture(1), volume(1)]), "OCT: 1 of 128 slices");
  assert.equal(unseen([picture(0), volume(1), volume(0)]), "2 of 3 not opened; OCT: 1 of 128 slices");
  assert.equal(unseen([volume(1), volume(12)]), "2 not seen whole");
});

test("what is never answered holds a review back for seconds only", async () => {
  assert.ok(PATIENCE <= 3_000);
  await atMost(new Promise(() => undefined), 5);
  assert.equal(await atMost(Promise.resolve("kept"), 60_000), "kept");
  await assert.rejects(atMost(Promise.reject(new Error("no")), 60_000));
});
