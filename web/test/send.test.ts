import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Grant } from "../src/lib/api.ts";
import { Grants } from "../src/lib/grants.ts";
import { FileChanged } from "../src/lib/hasher.ts";
import type { PutAnswer, PutOptions } from "../src/lib/put.ts";
import { Gate } from "../src/lib/gate.ts";
import { AnotherFile, type Line, NotTaken, Sending } from "../src/lib/send.ts";
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
  let clock = 0;
  const now = (): number => (clock += 1000);
  return { put, hash: sha, grants, slots: new Slots(4), gate: new Gate(), sleep: sleeps, random: () => 0, now, renewals, ...over };
}

const said = (digest: string | null) => async (): Promise<string | null> => digest;

test("a small file is one PUT and comes back with digest and ETag", async () => {
  const { put, puts } = store();
  const told = await new Sending(line(put), "u", new Blob(["abc"]), said("sha256:00"), () => undefined).run(never);
  assert.deepEqual(told, { id: "u", digest: "sha256:00", etag: '"e1"' });
  assert.deepEqual(puts, [{ url: "https://s/u?v=0", size: 3 }]);
});

test("what passes is tried again, and the bar never goes past the file", async () => {
  const { put, puts } = store([answer(0), answer(503), answer(429), answer(408)]);
  const seen: number[] = [];
  await new Sending(line(put), "u", new Blob(["abcd"]), said(null), (bytes) => seen.push(bytes)).run(never);
  assert.equal(puts.length, 5);
  assert.equal(seen.at(-1), 4);
  assert.ok(seen.every((bytes) => bytes <= 4));
});

test("a grant that ran out is renewed once and the same PUT repeated", async () => {
  const { put, puts } = store([answer(403, "AuthenticationFailed")]);
  const with403 = line(put);
  await new Sending(with403, "u", new Blob(["x"]), said(null), () => undefined).run(never);
  assert.deepEqual(with403.renewals, ["u"]);
  assert.deepEqual(puts.map(({ url }) => url), ["https://s/u?v=0", "https://s/u?v=1"]);
});

test("a second 403 is an answer, not a reason to go on", async () => {
  const { put, puts } = store([answer(403, "AuthorizationFailure"), answer(403, "AuthorizationFailure")]);
  const sending = new Sending(line(put), "u", new Blob(["x"]), said(null), () => undefined);
  await assert.rejects(sending.run(never), (error: unknown) => error instanceof NotTaken && error.code === "AuthorizationFailure");
  assert.equal(puts.length, 2);
});

test("a lost answer is no loss: the name being taken counts as arrived", async () => {
  for (const taken of [answer(409, "BlobAlreadyExists"), answer(403, "UnauthorizedBlobOverwrite")]) {
    const { put } = store([answer(0), taken]);
    const told = await new Sending(line(put), "u", new Blob(["x"]), said("sha256:1"), () => undefined).run(never);
    assert.deepEqual(told, { id: "u", digest: "sha256:1" });
  }
});

test("a file that never gets through is given up after ten attempts, but not within ten minutes", async () => {
  for (const [tick, tries] of [[1_000_000, 10], [10_000, 60]] as const) {
    const { put, puts } = store(Array.from({ length: 90 }, () => answer(503)));
    let clock = 0;
    const slow = line(put, { now: () => (clock += tick) });
    await assert.rejects(new Sending(slow, "u", new Blob(["x"]), said(null), () => undefined).run(never), /503/);
    assert.equal(puts.length, tries);
  }
});

test("a file that changed on disk is told apart from a cut line", async () => {
  const { put } = store([answer(0)]);
  const broken = new Blob(["x"]);
  broken.slice = () => ({ arrayBuffer: () => Promise.reject(Object.assign(new Error(), { name: "NotReadableError" })) }) as unknown as Blob;
  await assert.rejects(new Sending(line(put), "u", broken, said(null), () => undefined).run(never), (error: unknown) => error instanceof FileChanged);
});

test("a block plan sends each block under its own id and tells the digests in order", async () => {
  const { put, puts, most } = store();
  const file = new Blob(["aaaabbbbccccddddeeeeff"]);
  const told = await new Sending(line(put, {}, { size: 4, count: 6 }), "u", file, said(null), () => undefined).run(never);
  const digests = await Promise.all([0, 4, 8, 12, 16, 20].map((at) => sha(file.slice(at, at + 4))));
  assert.deepEqual(told.blocks, digests);
  assert.equal(told.digest, `sha256-blocks-4:${await sha(new Blob([Uint8Array.from(digests.join("").match(/../g)!, (pair) => parseInt(pair, 16))]))}`);
  assert.deepEqual(puts.map(({ size }) => size), [4, 4, 4, 4, 4, 2]);
  assert.equal(new Set(puts.map(({ url }) => url)).size, 6);
  assert.ok(most() <= 4);
});

test("a second run sends only the blocks that have not arrived", async () => {
  const { put, puts } = store([answer(201), answer(400, "InvalidInput")]);
  const sending = new Sending(line(put, { slots: new Slots(1) }, { size: 4, count: 3 }), "u", new Blob(["aaaabbbbcc"]), said(null), () => undefined);
  await assert.rejects(sending.run(never), /InvalidInput/);
  const before = puts.length;
  const told = await sending.run(never);
  assert.equal(told.blocks?.length, 3);
  assert.ok(puts.length - before <= 2, `${puts.length - before} blocks were sent again`);
});

test("blocks the broker did not find are sent again", async () => {
  const { put, puts } = store();
  const sending = new Sending(line(put, {}, { size: 4, count: 3 }), "u", new Blob(["aaaabbbbcc"]), said(null), () => undefined);
  await sending.run(never);
  sending.forget([1]);
  await sending.run(never);
  assert.deepEqual(puts.map(({ size }) => size), [4, 4, 2, 4]);
});

test("an aborted run stops and says why", async () => {
  const stop = new AbortController();
  const { put } = store(Array.from({ length: 9 }, () => answer(503)));
  const sending = new Sending(line(put, { sleep: async () => stop.abort(new Error("removed")) }), "u", new Blob(["x"]), said(null), () => undefined);
  await assert.rejects(sending.run(stop.signal), /removed/);
});

test("when the store says it is too much, fewer are in flight, and more again when it goes well", async () => {
  const script = [answer(503), ...Array.from({ length: 30 }, () => answer(201))];
  const { put } = store(script);
  const limits: number[] = [];
  const slots = new Slots(4, () => 0);
  const watched: Line["put"] = async (options) => (limits.push(slots.limit), put(options));
  await new Sending(line(watched, { slots }, { size: 1, count: 30 }), "u", new Blob(["x".repeat(30)]), said(null), () => undefined).run(never);
  assert.equal(Math.min(...limits), 2);
  assert.equal(slots.limit, 4);
});

test("the emulator's word for a taken name counts only where a PUT may have arrived", async () => {
  const taken = answer(403, "AuthorizationPermissionMismatch");
  const first = store([taken, taken]);
  await assert.rejects(new Sending(line(first.put), "u", new Blob(["x"]), said(null), () => undefined).run(never), NotTaken);
  const lost = store([answer(0), taken]);
  await new Sending(line(lost.put), "u", new Blob(["x"]), said(null), () => undefined).run(never);
  assert.equal(lost.puts.length, 2);
});

test("a pause breaks off what flies, costs no attempt, and what is sent afterwards is whole", async () => {
  const gate = new Gate();
  let puts = 0;
  const put: Line["put"] = ({ signal }) =>
    puts++ === 0
      ? new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)))
      : Promise.resolve(answer(201));
  const run = new Sending(line(put, { gate }), "u", new Blob(["x"]), said("sha256:1"), () => undefined).run(never);
  await new Promise((resolve) => setTimeout(resolve, 5));
  gate.close("paused");
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(puts, 1);
  gate.open("paused");
  assert.equal((await run).digest, "sha256:1");
  assert.equal(puts, 2);
});

test("of an upload that was begun elsewhere only missing blocks are sent, and what is there is proved first", async () => {
  const { put, puts } = store();
  const file = new Blob(["aaaabbbbccccdd"]);
  const arrived = await Promise.all([0, 2].map(async (index) => ({ index, digest: await sha(file.slice(index * 4, index * 4 + 4)) })));
  const plan = { size: 4, count: 4 };
  const seen: number[] = [];
  const told = await new Sending(line(put, {}, plan), "u", file, said(null), (bytes) => seen.push(bytes), { digest: null, arrived }).run(never);
  assert.deepEqual(puts.map(({ size }) => size), [4, 2]);
  assert.equal(told.blocks?.length, 4);
  assert.equal(seen.at(-1), 14);
});

test("another file with the same name and size is refused before a byte of it is sent", async () => {
  const { put, puts } = store();
  const arrived = [{ index: 3, digest: await sha(new Blob(["dd"])) }];
  const other = new Sending(line(put, {}, { size: 4, count: 4 }), "u", new Blob(["aaaabbbbccccxx"]), said(null), () => undefined, { digest: null, arrived });
  await assert.rejects(other.run(never), AnotherFile);
  const single = new Sending(line(put), "u", new Blob(["x"]), said("sha256:1"), () => undefined, { digest: "sha256:2", arrived: [] });
  await assert.rejects(single.run(never), AnotherFile);
  assert.deepEqual(puts, []);
});

test("an upload that was completed meanwhile needs no more bytes: complete says how it stands", async () => {
  const { put, puts } = store();
  const past = new Grants(async (ids) => ids.map((id) => ({ id, problem: { type: "/problems/illegal-move", status: 409 } })));
  const told = await new Sending(line(put, { grants: past }), "u", new Blob(["x"]), said(null), () => undefined).run(never);
  assert.deepEqual(told, { id: "u" });
  assert.deepEqual(puts, []);
});
