import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Grant } from "../src/lib/api.ts";
import { Grants } from "../src/lib/grants.ts";
import { FileChanged } from "../src/lib/hasher.ts";
import type { PutAnswer, PutOptions } from "../src/lib/put.ts";
import { type Line, NotTaken, Sending } from "../src/lib/send.ts";
import { Slots } from "../src/lib/slots.ts";

const sha = async (blob: Blob): Promise<string> => createHash("sha256").update(new Uint8Array(await blob.arrayBuffer())).digest("hex");
const answer = (status: number, code = ""): PutAnswer => ({ status, code, etag: status === 201 ? '"e1"' : null, retryAfter: null });
const never = new AbortController().signal;

/** A store that answers from a script, one entry a PUT, and 201 when the script is over. */
function store(script: PutAnswer[] = []) {
  const puts: { url: string; size: number }[] = [];
  let flying = 0;
  let most = 0;
  const put = async ({ url, body, onProgress }: PutOptions): Promise<PutAnswer> => {
    puts.push({ url, size: body.size });
    most = Math.max(most, ++flying);
    onProgress(Math.floor(body.size / 2));
    await Promise.resolve();
    flying--;
    return script.shift() ?? answer(201);
  };
  return { put, puts, most: () => most };
}

function line(put: Line["put"], over: Partial<Line> = {}, blocks: Grant["blocks"] = null): Line & { renewals: string[] } {
  const renewals: string[] = [];
  const grants = new Grants(async (ids) => {
    renewals.push(...ids);
    return ids.map((id) => ({ id, grant: { method: "PUT", url: `https://s/${id}?v=${renewals.length}`, headers: {}, expires_in: 900, blocks } }));
  });
  grants.hold("u", { method: "PUT", url: "https://s/u?v=0", headers: {}, expires_in: 900, blocks });
  const sleeps = async (): Promise<void> => undefined;
  return { put, hash: sha, grants, slots: new Slots(4), online: sleeps, sleep: sleeps, random: () => 0, renewals, ...over };
}

test("a small file is one PUT and comes back with digest and ETag", async () => {
  const { put, puts } = store();
  const said = await new Sending(line(put), "u", new Blob(["abc"]), "sha256:00", () => undefined).run(never);
  assert.deepEqual(said, { id: "u", digest: "sha256:00", etag: '"e1"' });
  assert.deepEqual(puts, [{ url: "https://s/u?v=0", size: 3 }]);
});

test("what passes is tried again, and the bar never goes past the file", async () => {
  const { put, puts } = store([answer(0), answer(503), answer(429), answer(408)]);
  const seen: number[] = [];
  await new Sending(line(put), "u", new Blob(["abcd"]), null, (bytes) => seen.push(bytes)).run(never);
  assert.equal(puts.length, 5);
  assert.equal(seen.at(-1), 4);
  assert.ok(seen.every((bytes) => bytes <= 4));
});

test("a grant that ran out is renewed once and the same PUT repeated", async () => {
  const { put, puts } = store([answer(403, "AuthenticationFailed")]);
  const with403 = line(put);
  await new Sending(with403, "u", new Blob(["x"]), null, () => undefined).run(never);
  assert.deepEqual(with403.renewals, ["u"]);
  assert.deepEqual(puts.map(({ url }) => url), ["https://s/u?v=0", "https://s/u?v=1"]);
});

test("a second 403 is an answer, not a reason to go on", async () => {
  const { put, puts } = store([answer(403, "AuthorizationFailure"), answer(403, "AuthorizationFailure")]);
  const sending = new Sending(line(put), "u", new Blob(["x"]), null, () => undefined);
  await assert.rejects(sending.run(never), (error: unknown) => error instanceof NotTaken && error.code === "AuthorizationFailure");
  assert.equal(puts.length, 2);
});

test("a lost answer is no loss: the name being taken counts as arrived", async () => {
  for (const taken of [answer(409, "BlobAlreadyExists"), answer(403, "UnauthorizedBlobOverwrite")]) {
    const { put } = store([answer(0), taken]);
    const said = await new Sending(line(put), "u", new Blob(["x"]), "sha256:1", () => undefined).run(never);
    assert.deepEqual(said, { id: "u", digest: "sha256:1" });
  }
});

test("a file that never gets through is given up after ten attempts", async () => {
  const { put, puts } = store(Array.from({ length: 50 }, () => answer(503)));
  await assert.rejects(new Sending(line(put), "u", new Blob(["x"]), null, () => undefined).run(never), /503/);
  assert.equal(puts.length, 10);
});

test("a file that changed on disk is told apart from a cut line", async () => {
  const { put } = store([answer(0)]);
  const broken = new Blob(["x"]);
  broken.slice = () => ({ arrayBuffer: () => Promise.reject(Object.assign(new Error(), { name: "NotReadableError" })) }) as unknown as Blob;
  await assert.rejects(new Sending(line(put), "u", broken, null, () => undefined).run(never), (error: unknown) => error instanceof FileChanged);
});

test("a block plan sends each block under its own id and tells the digests in order", async () => {
  const { put, puts, most } = store();
  const file = new Blob(["aaaabbbbccccddddeeeeff"]);
  const said = await new Sending(line(put, {}, { size: 4, count: 6 }), "u", file, null, () => undefined).run(never);
  const digests = await Promise.all([0, 4, 8, 12, 16, 20].map((at) => sha(file.slice(at, at + 4))));
  assert.deepEqual(said.blocks, digests);
  assert.equal(said.digest, `sha256-blocks-4:${await sha(new Blob([Uint8Array.from(digests.join("").match(/../g)!, (pair) => parseInt(pair, 16))]))}`);
  assert.deepEqual(puts.map(({ size }) => size), [4, 4, 4, 4, 4, 2]);
  assert.equal(new Set(puts.map(({ url }) => url)).size, 6);
  assert.ok(most() <= 4);
});

test("a second run sends only the blocks that have not arrived", async () => {
  const { put, puts } = store([answer(201), answer(400, "InvalidInput")]);
  const sending = new Sending(line(put, { slots: new Slots(1) }, { size: 4, count: 3 }), "u", new Blob(["aaaabbbbcc"]), null, () => undefined);
  await assert.rejects(sending.run(never), /InvalidInput/);
  const before = puts.length;
  const said = await sending.run(never);
  assert.equal(said.blocks?.length, 3);
  assert.ok(puts.length - before <= 2, `${puts.length - before} blocks were sent again`);
});

test("blocks the broker did not find are sent again", async () => {
  const { put, puts } = store();
  const sending = new Sending(line(put, {}, { size: 4, count: 3 }), "u", new Blob(["aaaabbbbcc"]), null, () => undefined);
  await sending.run(never);
  sending.forget([1]);
  await sending.run(never);
  assert.deepEqual(puts.map(({ size }) => size), [4, 4, 2, 4]);
});

test("an aborted run stops and says why", async () => {
  const stop = new AbortController();
  const { put } = store(Array.from({ length: 9 }, () => answer(503)));
  const sending = new Sending(line(put, { sleep: async () => stop.abort(new Error("removed")) }), "u", new Blob(["x"]), null, () => undefined);
  await assert.rejects(sending.run(stop.signal), /removed/);
});
