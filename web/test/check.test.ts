import assert from "node:assert/strict";
import { test } from "node:test";
import { checkClock, checkStore, stopped } from "../src/lib/check.ts";

const refuse = (): Promise<never> => Promise.reject(new TypeError("Failed to fetch"));

test("a store that refuses readably is well; blocked and without a CORS rule are told apart", async () => {
  const well = await checkStore("https://a.blob/x", "https://us", async () => new Response("", { status: 403 }));
  assert.equal(well, null);
  assert.equal((await checkStore("https://a.blob/x", "https://us", refuse))?.code, "E-HOST");
  const cors = await checkStore("https://a.blob/x", "https://us", async (_, init) => (init?.mode === "no-cors" ? new Response("") : refuse()));
  assert.equal(cors?.code, "E-CORS");
  assert.match(cors!.text, /https:\/\/us .* a\.blob/);
});

test("a clock is remarked on from five minutes on, in its direction", () => {
  assert.equal(checkClock(0, 299_000), null);
  assert.equal(checkClock(null, 0), null);
  assert.match(checkClock(0, 47 * 60_000)!.text, /47 minutes fast/);
  assert.match(checkClock(47 * 60_000, 0)!.text, /47 minutes slow/);
});

test("checking has stopped when no worker has lived for a minute, by the service's clock", () => {
  assert.equal(stopped({ worker: 1_000, now: 60_000 }), null);
  assert.equal(stopped({ worker: null, now: 60_000 }), null);
  assert.equal(stopped({ worker: 1_000, now: 62_000 })?.getTime(), 1_000);
});
