import assert from "node:assert/strict";
import { test } from "node:test";
import { beside, shift } from "../src/lib/beside.ts";

test("volumes with the same number of slices go slice by slice", () => {
  for (let slice = 0; slice < 25; slice++) assert.equal(beside(slice, 25, 25), slice);
});

test("volumes with other numbers of slices meet at both ends and in the middle", () => {
  assert.deepEqual([0, 12, 24].map((slice) => beside(slice, 25, 49)), [0, 24, 48]);
  assert.deepEqual([0, 24, 48].map((slice) => beside(slice, 49, 25)), [0, 12, 24]);
});

test("one slice lies in the middle of many", () => {
  assert.equal(beside(0, 1, 25), 12);
  assert.equal(beside(20, 25, 1), 0);
});

test("what somebody has shifted stays shifted, and nothing runs over an end", () => {
  const moved = shift([12, 25], [15, 25]);
  assert.equal(beside(10, 25, 25, moved), 13);
  assert.equal(beside(24, 25, 25, moved), 24);
  assert.equal(beside(0, 25, 25, shift([12, 25], [9, 25])), 0);
});

test("what rounding to whole slices leaves over is no shift", () => {
  for (let slice = 0; slice < 25; slice++) assert.equal(shift([slice, 25], [beside(slice, 25, 49), 49]), 0);
  for (let slice = 0; slice < 49; slice++) assert.equal(shift([slice, 49], [beside(slice, 49, 25), 25]), 0);
});
