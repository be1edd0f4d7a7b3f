import assert from "node:assert/strict";
import { test } from "node:test";
import { delay, passes, retryAfter } from "../src/lib/retry.ts";

test("cut lines, timeouts, throttling and server faults pass; refusals do not", () => {
  for (const status of [0, 408, 429, 500, 503, 507]) assert.ok(passes(status), String(status));
  for (const status of [400, 401, 403, 404, 409, 412, 413]) assert.ok(!passes(status), String(status));
});

test("the wait doubles, is jittered over its whole length and has a ceiling", () => {
  assert.equal(delay(0, 1), 500);
  assert.equal(delay(3, 0.5), 2000);
  assert.equal(delay(3, 0), 0);
  assert.equal(delay(40, 1), 20_000);
});

test("the server's Retry-After is the least that is waited", () => {
  assert.equal(delay(0, 0, 3), 3000);
  assert.equal(retryAfter("3"), 3);
  assert.equal(retryAfter(null), null);
  assert.equal(retryAfter("Wed, 21 Oct 2026 07:28:00 GMT"), null);
  assert.equal(retryAfter("86400"), 60);
});
