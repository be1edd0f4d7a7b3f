import assert from "node:assert/strict";
import { test } from "node:test";
import { EYES, alone, typing } from "../src/lib/keys.ts";
import { bytes, files } from "../src/lib/text.ts";

test("single keys are left alone while somebody types", () => {
  assert.ok(typing({ tagName: "INPUT", type: "search" }));
  assert.ok(typing({ tagName: "TEXTAREA" }));
  assert.ok(!typing({ tagName: "INPUT", type: "checkbox" }));
  assert.ok(!typing({ tagName: "BUTTON" }));
});

test("keys with Ctrl, Alt or Command belong to the browser", () => {
  assert.ok(!alone({ key: "1", ctrlKey: true, altKey: false, metaKey: false }));
  assert.ok(alone({ key: "1", ctrlKey: false, altKey: false, metaKey: false }));
  assert.deepEqual(["1", "2", "3", "0"].map((key) => EYES[key]), ["OD", "OS", "OU", "unknown"]);
});

test("sizes and counts read naturally", () => {
  assert.equal(bytes(512), "512 B");
  assert.equal(bytes(1_500), "1.5 kB");
  assert.equal(bytes(999_900), "1.0 MB");
  assert.equal(bytes(48_000_000), "48 MB");
  assert.equal(files(1), "1 file");
});
