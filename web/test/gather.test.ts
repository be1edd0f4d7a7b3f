import assert from "node:assert/strict";
import { test } from "node:test";
import { Gather } from "../src/lib/gather.ts";

test("questions of the same moment become one call, a hundred at most", async () => {
  const calls: number[][] = [];
  const gather = new Gather<number, number>(async (items) => (calls.push(items), items.map((item) => item * 2)), 100, 5);
  const answers = await Promise.all(Array.from({ length: 250 }, (_, index) => gather.ask(index)));
  assert.deepEqual(answers, Array.from({ length: 250 }, (_, index) => index * 2));
  assert.deepEqual(calls.map((call) => call.length), [100, 100, 50]);
});

test("a call that fails fails for all who asked", async () => {
  const gather = new Gather<number, number>(() => Promise.reject(new Error("down")), 100, 1);
  await assert.rejects(gather.ask(1), /down/);
});

test("who asks last does not wait for others, and takes those along who do", async () => {
  const calls: number[][] = [];
  let last = false;
  const gather = new Gather<number, number>(async (items) => (calls.push(items), items), 100, 3_600_000, () => last);
  const first = gather.ask(1);
  last = true;
  assert.deepEqual(await Promise.all([first, gather.ask(2)]), [1, 2]);
  assert.deepEqual(calls, [[1, 2]]);
});
