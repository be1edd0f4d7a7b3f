import assert from "node:assert/strict";
import { test } from "node:test";
import { AS_IS, table, words } from "../src/lib/adjust.ts";
import { FIT, type Matrix, type Point, type Size, align, apply, fitScale, invert, matrix, millimetres, oneToOne, pan, then, zoomAt } from "../src/lib/view.ts";

const SIZE: Size = [4000, 3000];
const PANE: Size = [900, 700];
let seed = 7;
const random = (low: number, high: number): number => low + (high - low) * (seed = (seed * 16807) % 2147483647) / 2147483647;
const near = (a: Point, b: Point, by = 1e-6): void => assert.ok(Math.hypot(a[0] - b[0], a[1] - b[1]) < by, `${a} is not ${b}`);
const views = Array.from({ length: 40 }, (_, n) => ({
  ...FIT, u: random(0.3, 0.7), v: random(0.3, 0.7), zoom: random(0.5, 4), turn: n % 4, flipX: n % 3 === 0, flipY: n % 5 === 0,
})); // prettier-ignore

test("the whole picture fits, in the middle, whichever way it is turned", () => {
  for (const turn of [0, 1, 2, 3]) {
    const m = matrix({ ...FIT, turn }, SIZE, PANE);
    near(apply(m, [2000, 1500]), [450, 350]);
    for (const corner of [[0, 0], [4000, 3000], [4000, 0]] as Point[]) {
      const [x, y] = apply(m, corner);
      assert.ok(x > -1e-6 && y > -1e-6 && x < 900 + 1e-6 && y < 700 + 1e-6);
    }
  }
});

test("the pixel under the cursor stays under it, zooming in and out", () => {
  for (const view of views) {
    const at: Point = [random(300, 600), random(250, 450)];
    const pixel = apply(invert(matrix(view, SIZE, PANE)), at);
    for (const factor of [1.25, 0.9]) near(apply(matrix(zoomAt(view, SIZE, PANE, at, factor), SIZE, PANE), pixel), at, 1e-3);
  }
});

test("the picture follows the hand, turned and mirrored too", () => {
  for (const view of views) {
    const before = apply(matrix(view, SIZE, PANE), [2000, 1500]);
    const after = apply(matrix(pan(view, SIZE, PANE, [20, -10]), SIZE, PANE), [2000, 1500]);
    near(after, [before[0] + 20, before[1] - 10], 1e-6);
  }
});

test("zoom has an end both ways and the middle stays on the picture", () => {
  let view = FIT;
  for (let n = 0; n < 200; n++) view = zoomAt(view, SIZE, PANE, [1, 1], 1.5);
  assert.ok(view.zoom * fitScale(SIZE, PANE, 0) <= 40.001);
  for (let n = 0; n < 200; n++) view = zoomAt(view, SIZE, PANE, [899, 1], 0.5);
  assert.equal(view.zoom, 0.25);
  assert.ok([view.u, view.v].every((part) => part >= 0 && part <= 1));
});

test("one to one is one pixel of the screen, on dense screens too", () => {
  for (const density of [1, 2]) {
    const [a, b] = matrix(oneToOne(FIT, SIZE, PANE, density), SIZE, PANE);
    assert.ok(Math.abs(Math.hypot(a, b) * density - 1) < 1e-9);
  }
});

test("a matrix and its inverse undo each other, and two are one", () => {
  for (const view of views) {
    const m = matrix(view, SIZE, PANE);
    near(apply(then(m, invert(m)), [123, 456]), [123, 456], 1e-6);
  }
});

test("two points align exactly, a third measures how well, none and one do not align", () => {
  const turned: Matrix = [0.8, 0.3, -0.3, 0.8, 40, -20];
  const points: Point[] = [[100, 100], [900, 300], [500, 800]];
  const pairs = points.map((point) => [apply(turned, point), point] as const);
  const two = align(pairs.slice(0, 2))!;
  assert.equal(two.residual, null);
  assert.ok(Math.abs(two.scale - Math.hypot(0.8, 0.3)) < 1e-9);
  for (const [first, second] of pairs) near(apply(two.matrix, second), first, 1e-6);
  assert.ok(align(pairs)!.residual! < 1e-9);
  const off = align([...pairs.slice(0, 2), [[pairs[2]![0][0] + 30, pairs[2]![0][1]], points[2]!]])!;
  assert.ok(off.residual! > 5 && off.residual! < 30);
  assert.equal(align(pairs.slice(0, 1)), null);
  assert.equal(align([[[1, 1], [5, 5]], [[2, 2], [5, 5]]]), null);
});

test("a distance takes row and column spacing as they are, which differ in OCT", () => {
  assert.equal(millimetres([0, 0], [100, 0], [0.004, 0.012]), 1.2);
  assert.equal(millimetres([0, 0], [0, 100], [0.004, 0.012]), 0.4);
});

test("adjustments are named, and the table bends as it says", () => {
  assert.deepEqual(words(AS_IS), []);
  assert.deepEqual(table(AS_IS, 3), [0, 0.5, 1]);
  assert.deepEqual(table({ ...AS_IS, invert: true }, 3), [1, 0.5, 0]);
  assert.ok(table({ ...AS_IS, gamma: 2 }, 3)[1]! > 0.6);
  assert.deepEqual(table({ ...AS_IS, contrast: 4 }, 5), [0, 0, 0.5, 1, 1]);
  assert.deepEqual(words({ ...AS_IS, green: true, brightness: 0.2 }), ["Green channel (simulated red-free)", "Brightness +20 %"]);
});
