/** What moves bytes on this page: one line to the store for all batches. */
import { Api, type Completion, type OrProblem, type Upload } from "../lib/api.ts";
import type { Tools } from "../lib/batch.ts";
import { Follow } from "../lib/follow.ts";
import { Gate } from "../lib/gate.ts";
import { Gather } from "../lib/gather.ts";
import { Grants } from "../lib/grants.ts";
import { Hasher } from "../lib/hasher.ts";
import { insist } from "../lib/insist.ts";
import { Keep } from "../lib/keep.ts";
import { put } from "../lib/put.ts";
import type { Line } from "../lib/send.ts";
import { Slots } from "../lib/slots.ts";

/** Requests in flight over all files; two of a browser's six connections stay free for pictures and pages. */
const IN_FLIGHT = 4;
/** Files at once: a little more, so that no slot waits for a file to begin. */
const FILES = 6;
/** Milliseconds that a file which is there waits to be told together with those that are still in flight. */
const TELL = 600;

export interface Engine {
  readonly tools: Tools;
  readonly keep: Keep;
  readonly hash: (file: Blob, idle: boolean) => Promise<string>;
}

export function makeEngine(worker: string, account: string): Engine {
  const hasher = new Hasher(new Worker(worker, { type: "module" }));
  const api = new Api();
  const keep = new Keep(account);
  const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const patience = { gate: lineGate(), sleep, random: Math.random, now: () => performance.now() };
  const line: Line = {
    ...patience, put, hash: (blob) => hasher.hash(blob),
    grants: new Grants((ids) => insist(patience, () => api.grants(ids))), slots: new Slots(IN_FLIGHT),
  };
  const lanes = new Slots(FILES);
  const complete = new Gather<Completion, OrProblem<Upload>>((items) => insist(patience, () => inOrder(items, api)), 100, TELL, () => lanes.idle);
  const follow = new Follow((ids) => api.uploads(ids), sleep);
  const tools: Tools = { api, line, follow, keep, lock, lanes, complete: (told) => complete.ask(told) };
  return { tools, keep, hash: (file, idle) => hasher.hash(file, { idle }) };
}

/** Closed while the browser has no network: that uses up nobody's patience. */
function lineGate(): Gate {
  const gate = new Gate();
  if (!navigator.onLine) gate.close("offline");
  addEventListener("offline", () => gate.close("offline"));
  addEventListener("online", () => gate.open("offline"));
  return gate;
}

/** Complete answers by id; who asked wants the answer at the place of the question. */
async function inOrder(items: readonly Completion[], api: Api): Promise<OrProblem<Upload>[]> {
  const answers = new Map((await api.complete(items)).map((answer) => [answer.id, answer]));
  return items.map(({ id }) => answers.get(id) ?? { id, problem: { title: "The service did not answer for this file" } });
}

/** The name of the lock that keeps two tabs from sending the same batch. The browser frees it when a tab dies. */
export const lockName = (batch: string): string => `upload:${batch}`;

function lock(batch: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    void navigator.locks.request(lockName(batch), { ifAvailable: true }, (held) => {
      if (!held) return resolve(null);
      return new Promise<void>((release) => resolve(release));
    });
  });
}
