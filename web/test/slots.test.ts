import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "../src/lib/slots.ts";

test("never more than the given number run at once, and all run in order", async () => {
  const slots = new Slots(4);
  let running = 0;
  let most = 0;
  const started: number[] = [];
  const work = (index: number) => async (): Promise<void> => {
    started.push(index);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, (index * 7) % 5));
    running--;
  };
  const order = Array.from({ length: 40 }, (_, index) => index);
  await Promise.all(order.map((index) => slots.run(work(index))));
  assert.equal(most, 4);
  assert.deepEqual(started, order);
});

test("a slot comes back when the work fails, and only once", async () => {
  const slots = new Slots(1);
  await assert.rejects(slots.run(() => Promise.reject(new Error("no"))));
  const give = await slots.take();
  give();
  give();
  await slots.take();
  let second = false;
  void slots.take().then(() => (second = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(!second);
});

test("several signs of one moment halve the number once; a run of good requests brings them back one by one", () => {
  let now = 0;
  const slots = new Slots(4, () => now);
  slots.struggled();
  slots.struggled();
  assert.equal(slots.limit, 2);
  now = 5_000;
  slots.struggled();
  now = 10_000;
  slots.struggled();
  assert.equal(slots.limit, 1);
  for (let run = 0; run < 7; run++) slots.went();
  assert.equal(slots.limit, 1);
  slots.went();
  assert.equal(slots.limit, 2);
  for (let run = 0; run < 100; run++) slots.went();
  assert.equal(slots.limit, 4);
});

test("slots are idle when nothing is in flight", async () => {
  const slots = new Slots(2);
  assert.ok(slots.idle);
  const give = await slots.take();
  assert.ok(!slots.idle);
  give();
  assert.ok(slots.idle);
});
