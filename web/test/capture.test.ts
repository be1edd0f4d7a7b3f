import assert from "node:assert/strict";
import { test } from "node:test";
import { day, moment, timeRefusal } from "../src/lib/capture.ts";
import { cleanName, inOrder } from "../src/lib/names.ts";

const NOW = Date.parse("2026-11-22T09:30:00Z");
const HOUR = 3_600_000;
const local = (time: number): string => {
  const when = new Date(time);
  return new Date(time - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

test("a time before 1850, before the birth, or more than a fast clock ahead is refused with a sentence", () => {
  assert.equal(timeRefusal("2026-03-12T10:32", "1957-03-21", NOW), null);
  assert.match(timeRefusal("1849-12-31T23:59", null, NOW)!, /before 1850/);
  assert.match(timeRefusal("0026-03-12T10:32", null, NOW)!, /before 1850/);
  assert.match(timeRefusal("1957-03-20T23:59", "1957-03-21", NOW)!, /before the patient was born/);
  assert.equal(timeRefusal("1957-03-21T00:00", "1957-03-21", NOW), null);
  assert.equal(timeRefusal(local(NOW + 25 * HOUR), null, NOW), null);
  assert.match(timeRefusal(local(NOW + 27 * HOUR), null, NOW)!, /in the future/);
  for (const text of ["", "2026-03-12", "12026-03-12T10:32", "2026-02-30T25:00"]) assert.match(timeRefusal(text, null, NOW)!, /day and the time/, text);
});

test("times are written as on every page, with an offset where the file has one", () => {
  assert.equal(day("1957-03-01"), "1 Mar 1957");
  assert.equal(moment("2026-03-12T10:32:15.250000"), "12 Mar 2026 10:32");
  assert.equal(moment("2026-03-12T10:32:15+01:00"), "12 Mar 2026 10:32 (+01:00)");
  assert.equal(moment("2026-03-12T10:32Z"), "12 Mar 2026 10:32 (UTC)");
  assert.equal(moment("2026-03-12"), "12 Mar 2026");
});

test("a file name is shown and declared without what nobody can see", () => {
  assert.equal(cleanName("OD\u202egpj.exe"), "ODgpj.exe");
  assert.equal(cleanName("a\u0000\u0009b\u0085\u2066c\u2069\u200f\u061c.jpg"), "abc.jpg");
  assert.equal(cleanName("\ud800x.jpg"), "x.jpg");
  assert.equal(cleanName("\u202e"), "file");
  assert.equal(cleanName("שלום עולם 📷.jpg"), "שלום עולם 📷.jpg");
  assert.equal(cleanName("x".repeat(600)).length, 500);
});

test("names are ordered as people count", () => {
  assert.deepEqual(["OD_10", "OD_1", "OD_0", "OD_2"].sort(inOrder), ["OD_0", "OD_1", "OD_2", "OD_10"]);
});
