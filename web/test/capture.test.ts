import assert from "node:assert/strict";
import { test } from "node:test";
import { clinicTime, day, moment, timeRefusal } from "../src/lib/capture.ts";
import { inOrder } from "../src/lib/names.ts";

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

test("a time with an offset is put as the clinic's clock showed it, one without stays as it is", () => {
  process.env["TZ"] = "Europe/Berlin";
  assert.equal(clinicTime("2026-03-10T23:30:00-03:30"), "2026-03-11T04:00");
  assert.equal(clinicTime("2026-07-10T10:20:30.250000+00:00"), "2026-07-10T12:20");
  assert.equal(clinicTime("2026-07-10T10:20:30Z"), "2026-07-10T12:20");
  assert.equal(clinicTime("2026-03-10T23:30:59"), "2026-03-10T23:30");
  assert.equal(clinicTime("2026-03-10"), "2026-03-10");
});

test("names are ordered as people count", () => {
  assert.deepEqual(["OD_10", "OD_1", "OD_0", "OD_2"].sort(inOrder), ["OD_0", "OD_1", "OD_2", "OD_10"]);
});
