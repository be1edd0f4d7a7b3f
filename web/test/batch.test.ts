import assert from "node:assert/strict";
import { test } from "node:test";
import { type Api, type Completion, type Declared, Problem, type State, type Upload } from "../src/lib/api.ts";
import { Batch, CHUNK, type Entry, type Item, type Tools } from "../src/lib/batch.ts";
import { Follow } from "../src/lib/follow.ts";
import { Gate } from "../src/lib/gate.ts";
import { Grants } from "../src/lib/grants.ts";
import type { PutAnswer } from "../src/lib/put.ts";
import { Slots } from "../src/lib/slots.ts";

type Body = Parameters<Api["declare"]>[0];

const item = (name: string): Item => ({
  ref: name, file: new File([name], name), eye: "OD", kind: "", capturedAt: null, handles: [],
  digest: async () => "ab".repeat(32),
});
const upload = (id: string, state: State, reason: string | null = null): Upload => ({ id, ref: "", state, sentence: state, reason, scans: [] });

/** A service that takes everything; what a test wants otherwise it puts over it. */
function service(over: { declare?: (body: Body) => Partial<Declared> | Error; ends?: (id: string) => Upload; locked?: boolean; put?: () => PutAnswer } = {}) {
  const declared: Body[] = [];
  const told: string[] = [];
  const abandoned: string[] = [];
  const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.min(milliseconds, 2)));
  const grant = { method: "PUT", url: "https://s/x?v", headers: {}, expires_in: 900, blocks: null };
  const api = {
    declare: async (body: Body): Promise<Declared[]> => {
      declared.push(body);
      const how = over.declare?.(body) ?? {};
      if (how instanceof Error) throw how;
      return body.files.map(({ ref }) => ({ ref, id: `${ref}-${declared.length}`, state: "pending", grant, duplicate_of: null, stored_elsewhere: false, reason: null, sentence: "Waiting", ...how }));
    },
    abandon: async (id: string) => void abandoned.push(id),
  } as unknown as Api;
  const put = async (): Promise<PutAnswer> => over.put?.() ?? { status: 201, code: "", etag: null, retryAfter: null };
  let clock = 0;
  const line = {
    put, hash: async () => "cd".repeat(32), grants: new Grants(async () => []), slots: new Slots(4),
    gate: new Gate(), sleep: pause, random: () => 0, now: () => (clock += 1_000_000),
  };
  const kept: string[] = [];
  const tools: Tools = {
    api, line, lanes: new Slots(6),
    follow: new Follow(async (ids) => ids.map((id) => over.ends?.(id) ?? upload(id, "stored")), () => pause(1)),
    complete: async ({ id }: Completion) => (told.push(id), upload(id, "received")),
    keep: { put: async (batch) => void kept.push(batch), drop: async () => undefined },
    lock: async () => (over.locked ? null : () => undefined),
  };
  return { tools, declared, told, abandoned };
}

const order = { patient: "p", note: "", urgent: false };
async function until(test: () => boolean): Promise<void> {
  for (let tries = 0; !test(); tries++) {
    if (tries > 2000) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
const all = (batch: Batch, phase: Entry["phase"]): boolean => batch.entries.every((entry) => entry.phase === phase);

test("a long list is declared a hundred at a time, each declaration under its own id, and ends stored", async () => {
  const { tools, declared, told } = service();
  const batch = new Batch(order, Array.from({ length: 230 }, (_, index) => item(`f${index}`)), tools, () => undefined);
  await batch.start();
  await until(() => all(batch, "stored"));
  assert.deepEqual(declared.map(({ files }) => files.length), [CHUNK, CHUNK, 30]);
  assert.equal(new Set(declared.map(({ batch: id }) => id)).size, 3);
  assert.equal(new Set(told).size, 230);
  assert.ok(!batch.moving);
});

test("a folder goes on where the service asks it to wait, and every file of it is stored", async () => {
  let asked = 0;
  const { tools, declared, told } = service({ declare: () => (asked++ % 3 === 2 ? {} : new Problem(429, "too-many", "Wait", "", {}, 1)) });
  const batch = new Batch(order, Array.from({ length: 530 }, (_, index) => item(`f${index}`)), tools, () => undefined);
  await batch.start();
  await until(() => all(batch, "stored"));
  assert.equal(declared.length, 18);
  assert.equal(new Set(declared.map(({ batch: id }) => id)).size, 6);
  assert.equal(new Set(told).size, 530);
});

test("a file that is there frees its lane before the broker has been told", async () => {
  const { tools } = service();
  const told: string[] = [];
  const batch = new Batch(order, Array.from({ length: 20 }, (_, index) => item(`f${index}`)), {
    ...tools, lanes: new Slots(2), complete: ({ id }) => (told.push(id), new Promise(() => undefined)),
  }, () => undefined);
  await batch.start();
  await until(() => told.length === 20);
  assert.ok(batch.moving);
});

test("the next hundred are hashed while those before them fly", async () => {
  const { tools, declared } = service();
  const hashed = new Set<string>();
  let land = (): void => undefined;
  const items = Array.from({ length: 250 }, (_, index) => item(`f${index}`)).map((one) => ({
    ...one, digest: async () => (hashed.add(one.ref), "ab".repeat(32)),
  }));
  const put = tools.line.put;
  const held = new Promise<void>((resolve) => (land = resolve));
  const batch = new Batch(order, items, { ...tools, line: { ...tools.line, put: (options) => held.then(() => put(options)) } }, () => undefined);
  void batch.start();
  await until(() => hashed.size === 200);
  assert.equal(declared.length, 1);
  land();
  await until(() => all(batch, "stored"));
});

test("bytes that changed on the way are sent once more by themselves, and only once", async () => {
  for (const [wrong, phase] of [[1, "stored"], [9, "rejected"]] as const) {
    let ended = 0;
    const { tools, declared } = service({ ends: (id) => (ended++ < wrong ? upload(id, "rejected", "digest") : upload(id, "stored")) });
    const batch = new Batch(order, [item("a")], tools, () => undefined);
    await batch.start();
    await until(() => all(batch, phase));
    assert.equal(declared.length, 2);
    assert.notEqual(declared[0]!.batch, declared[1]!.batch);
  }
});

test("a file that is no picture is not sent again", async () => {
  const { tools, declared } = service({ ends: (id) => upload(id, "rejected", "type") });
  const batch = new Batch(order, [item("a")], tools, () => undefined);
  await batch.start();
  await until(() => all(batch, "rejected"));
  assert.equal(declared.length, 1);
});

test("a declaration that was refused for its form is made anew, under the same id", async () => {
  let bad = true;
  const { tools, declared } = service({ declare: () => (bad ? new Problem(422, "invalid", "No", "No") : {}) });
  const batch = new Batch(order, [item("a"), item("b")], tools, () => undefined);
  await batch.start();
  assert.ok(all(batch, "failed"));
  bad = false;
  batch.retry();
  await until(() => all(batch, "stored"));
  assert.equal(declared.length, 2);
  assert.notEqual(declared[0], declared[1]);
  assert.equal(declared[0]!.batch, declared[1]!.batch);
});

test("a declaration that failed is said again under the same id, once for all its files", async () => {
  let down = true;
  const { tools, declared } = service({ declare: () => (down ? new Problem(409, "batch-closed", "No", "No") : {}) });
  const batch = new Batch(order, Array.from({ length: 20 }, (_, index) => item(`f${index}`)), tools, () => undefined);
  await batch.start();
  assert.ok(all(batch, "failed"));
  down = false;
  batch.retry();
  await until(() => all(batch, "stored"));
  assert.equal(declared.length, 2);
  assert.equal(declared[0], declared[1]);
});

test("a file that is stored for another patient is asked about before a byte is sent, and skipped ones are given up", async () => {
  let puts = 0;
  const { tools, abandoned } = service({ declare: () => ({ stored_elsewhere: true }), put: () => (puts++, { status: 201, code: "", etag: null, retryAfter: null }) });
  const batch = new Batch(order, [item("a")], tools, () => undefined);
  await batch.start();
  assert.ok(all(batch, "asked") && batch.moving);
  await batch.skip(batch.entries[0]!);
  assert.ok(all(batch, "skipped") && !batch.moving);
  assert.deepEqual([puts, abandoned], [0, ["a-1"]]);
});

test("a file that is stored for this patient already is safe without a byte, and sent only if somebody insists", async () => {
  let puts = 0;
  const twin = { state: "expired", reason: "duplicate", sentence: "Already stored", duplicate_of: "x", grant: null } as const;
  const { tools, declared, abandoned } = service({
    declare: ({ files }) => (files[0]!.again ? { duplicate_of: "x", stored_elsewhere: true } : twin),
    put: () => (puts++, { status: 201, code: "", etag: null, retryAfter: null }),
  });
  const batch = new Batch(order, [item("a")], tools, () => undefined);
  await batch.start();
  assert.ok(all(batch, "duplicate") && !batch.moving);
  assert.deepEqual([batch.entries[0]!.words, batch.entries[0]!.percent, puts, abandoned], ["Already stored", 100, 0, []]);
  batch.insist(batch.entries[0]!);
  await until(() => all(batch, "stored"));
  assert.equal(puts, 1);
  assert.deepEqual(declared.map(({ files }) => files[0]!.again), [undefined, true]);
  assert.notEqual(declared[0]!.batch, declared[1]!.batch);
});

test("a file that was settled as a duplicate while it was away is safe when it comes back", async () => {
  const { tools } = service({ ends: (id) => upload(id, "expired", "duplicate") });
  const batch = new Batch(order, [item("a")], tools, () => undefined);
  await batch.start();
  await until(() => all(batch, "duplicate"));
});

test("what another tab sends is left to it", async () => {
  const { tools, declared } = service({ locked: true });
  const batch = new Batch(order, [item("a")], tools, () => undefined);
  await batch.start();
  assert.ok(all(batch, "failed"));
  assert.match(batch.entries[0]!.words, /Another tab/);
  assert.equal(declared.length, 0);
});
