import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../src/lib/api.ts";
import { Grants } from "../src/lib/grants.ts";

const grant = (url: string) => ({ method: "PUT", url, headers: {}, expires_in: 900, blocks: null });

test("a grant is renewed at two thirds of its life, not before", async () => {
  let now = 0;
  let renewals = 0;
  const grants = new Grants(async (ids) => ids.map((id) => ({ id, grant: grant(`fresh${++renewals}`) })), () => now);
  grants.hold("a", grant("first"));
  now = 599_000;
  assert.equal((await grants.take("a")).url, "first");
  now = 601_000;
  assert.equal((await grants.take("a")).url, "fresh1");
  assert.equal((await grants.take("a")).url, "fresh1");
});

test("many who find their grants old share one call, and one upload is asked for once", async () => {
  const calls: string[][] = [];
  const grants = new Grants(async (ids) => (calls.push(ids), ids.map((id) => ({ id, grant: grant(id) }))), () => 0);
  const urls = await Promise.all(["a", "b", "a", "c"].map((id) => grants.take(id)));
  assert.deepEqual(urls.map(({ url }) => url), ["a", "b", "a", "c"]);
  assert.deepEqual(calls, [["a", "b", "c"]]);
});

test("an upload that gets no grant any more raises its problem", async () => {
  const problem = { type: "/problems/upload-expired", status: 410, title: "Too late" };
  const grants = new Grants(async (ids) => ids.map((id) => ({ id, problem })), () => 0);
  await assert.rejects(grants.take("a"), (error: unknown) => error instanceof Problem && error.slug === "upload-expired" && error.status === 410);
});

test("those that wait in the queue and are as old are renewed along, a hundred by one call", async () => {
  let now = 0;
  const calls: string[][] = [];
  const grants = new Grants(async (ids) => (calls.push(ids), ids.map((id) => ({ id, grant: grant(`new-${id}`) }))), () => now);
  for (let index = 0; index < 250; index++) grants.hold(`u${index}`, grant("old"));
  now = 700_000;
  for (let index = 0; index < 250; index++) assert.equal((await grants.take(`u${index}`)).url, `new-u${index}`);
  assert.deepEqual(calls.map((ids) => ids.length), [100, 100, 50]);
});

test("a renewal that fails fails for those who asked, and the next one asks again", async () => {
  let calls = 0;
  const grants = new Grants(async (ids) => {
    if (calls++ === 0) throw new Problem(503, "storage-unavailable", "No", "");
    return ids.map((id) => ({ id, grant: grant(id) }));
  });
  await assert.rejects(grants.take("a"), Problem);
  assert.equal((await grants.take("a")).url, "a");
});
