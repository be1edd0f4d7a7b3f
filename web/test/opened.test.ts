import assert from "node:assert/strict";
import { test } from "node:test";
import { Opened, PREVIEW, type Seen } from "../src/lib/opened.ts";

function listener(): { told: Seen[][]; lasts: boolean[]; opened: Opened; fail: { next: boolean } } {
  const [told, lasts, fail] = [[] as Seen[][], [] as boolean[], { next: false }];
  const opened = new Opened(async (seen, last) => {
    if (fail.next) {
      fail.next = false;
      throw new Error("no answer");
    }
    told.push([...seen]);
    lasts.push(last);
  });
  return { told, lasts, opened, fail };
}

test("a picture is told at once, and once", async () => {
  const { told, opened } = listener();
  opened.note("a", 0);
  opened.note("a", 0);
  await opened.flush();
  assert.deepEqual(told, [[{ id: "a", slices: 1 }]]);
});

test("of a stack it counts different slices, however often they are shown", async () => {
  const { told, opened } = listener();
  for (const slice of [PREVIEW, 12, 13, 12, 14, 13]) opened.note("oct", slice);
  await opened.flush();
  assert.deepEqual(told, [[{ id: "oct", slices: 1 }], [{ id: "oct", slices: 3 }]]);
});

test("what could not be kept is told again, also when the page is left", async () => {
  const { told, lasts, opened, fail } = listener();
  fail.next = true;
  opened.note("a", 0);
  await opened.flush();
  assert.deepEqual(told, []);
  await opened.flush(true);
  assert.deepEqual([told, lasts], [[[{ id: "a", slices: 1 }]], [true]]);
  await opened.flush(true);
  assert.equal(told.length, 1);
});
