import assert from "node:assert/strict";
import { test } from "node:test";
import { fileName, plain } from "../src/lib/outside.ts";

test("a name loses what cannot be seen, and keeps the letters of every script", () => {
  assert.equal(plain("scan\u202egpj.jpg"), "scangpj.jpg");
  assert.equal(plain("a\u2066b\u2069\ufeff\u200e\u{e0041}.jpg"), "ab.jpg");
  assert.equal(plain("a\tb\u2028c"), "a b c");
  assert.equal(plain("a\ud800b"), "ab");
  for (const name of ["סריקה.jpg", "علی\u200cرضا.jpg", "右眼 🙂.jpg", "👩\u200d⚕️.jpg", "Müller (1).JPG"]) assert.equal(plain(name), name);
});

test("a file is declared under at most 500 characters, and never under none", () => {
  assert.equal(fileName("x".repeat(600)).length, 500);
  assert.equal(fileName("\u202e"), "file");
  // Half a character at the end would be no text that anybody can read.
  assert.equal(fileName(`${"x".repeat(499)}🙂`), "x".repeat(499));
});
