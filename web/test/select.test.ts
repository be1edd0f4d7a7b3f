import assert from "node:assert/strict";
import { test } from "node:test";
import { NONE, advance, all, extend, neighbour, only, toggle } from "../src/lib/select.ts";

const rows = ["a", "b", "c", "d", "e", "f"];
const chosen = (selection: { chosen: ReadonlySet<string> }): string => [...selection.chosen].join("");

test("Shift reaches from the anchor in both directions and can shrink again", () => {
  const at = only("c");
  assert.equal(chosen(extend(at, rows, "e")), "cde");
  assert.equal(chosen(extend(extend(at, rows, "e"), rows, "a")), "abc");
  assert.equal(chosen(extend(extend(at, rows, "e"), rows, "d")), "cd");
});

test("Ctrl adds and takes away single rows, Ctrl+A takes all", () => {
  assert.equal(chosen(toggle(toggle(only("a"), "c"), "a")), "c");
  assert.equal(chosen(all(rows)), "abcdef");
});

test("arrows stay within the list", () => {
  assert.equal(neighbour(NONE, rows, 1), "a");
  assert.equal(neighbour(only("f"), rows, 1), "f");
  assert.equal(neighbour(only("b"), rows, -1), "a");
  assert.equal(neighbour(NONE, [], 1), null);
});

test("after several rows got their eye, all that still need one are chosen", () => {
  const three = extend(only("a"), rows, "c");
  assert.equal(chosen(advance(three, rows, ["d", "e", "f"])), "def");
});

test("after one row got its eye, the next that needs one is chosen, and only that", () => {
  assert.equal(chosen(advance(only("b"), rows, ["a", "d", "e"])), "d");
  assert.equal(chosen(advance(only("f"), rows, ["a", "d"])), "a");
  assert.equal(chosen(advance(only("f"), rows, [])), "f");
});
