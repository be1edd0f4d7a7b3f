/** One file's way to the store: in one PUT, or block by block; everything that passes is tried again. */
import { type Completion, type Grant, Problem } from "./api.ts";
import type { Grants } from "./grants.ts";
import { FileChanged } from "./hasher.ts";
import type { Patience } from "./insist.ts";
import { blockUrl, blocksDigest, concatenated, range, singleDigest } from "./plan.ts";
import type { Put, PutAnswer } from "./put.ts";
import { delay, hopeless, passes, tooMuch } from "./retry.ts";
import { Slots } from "./slots.ts";

/** What a sender needs from outside; tests put their own in. */
export interface Line extends Patience {
  readonly put: Put;
  readonly hash: (blob: Blob) => Promise<string>;
  readonly grants: Grants;
  readonly slots: Slots;
}

/** What is already known of an upload that was begun before, maybe on another computer. */
export interface Begun {
  /** As it was declared; null if it was not known then. */
  readonly digest: string | null;
  readonly arrived: readonly { readonly index: number; readonly digest: string }[];
}

/** The store does not take it, and trying again would not help. `code` is what IT wants to hear. */
export class NotTaken extends Error {
  constructor(readonly code: string) {
    super(`The storage does not take this file (${code}).`);
  }
}

/** The file has the name and the size of the one that was begun, and other bytes: perhaps another patient's. */
export class AnotherFile extends Error {}

/** The name is taken: an earlier PUT of ours arrived although its answer was lost. The worker compares the bytes. */
const THERE_ALREADY = new Set(["BlobAlreadyExists", "UnauthorizedBlobOverwrite"]);
/** The emulator's word for it; on Azure it means a wrong grant. So it counts only where a PUT may have arrived. */
const MAYBE_THERE = "AuthorizationPermissionMismatch";
/** Blocks of one file that are hashed and wait, or fly. */
const AHEAD = 5;

export class Sending {
  /** Block digests known so far and blocks that arrived: a second `run` after a failure sends only the rest. */
  private readonly digests: string[] = [];
  private readonly arrived = new Set<number>();
  private readonly moving = new Map<number, number>();
  private settled = 0;
  private blockSize = 0;
  private proved = false;

  constructor(
    private readonly line: Line,
    private readonly id: string,
    private readonly file: Blob,
    /** The digest of a file sent in one piece, as soon as it is known. */
    private readonly digest: () => Promise<string | null>,
    private readonly onProgress: (bytes: number) => void,
    private readonly begun: Begun | null = null,
  ) {}

  /**
   * Sends what is missing and says what to tell the broker.
   *
   * Raises AnotherFile, NotTaken, FileChanged, Problem (no grant), or the signal's reason.
   */
  async run(signal: AbortSignal): Promise<Completion> {
    let plan: Grant["blocks"] = null;
    try {
      plan = (await this.line.grants.take(this.id)).blocks;
    } catch (error) {
      if (!isPast(error)) throw error;
      return { id: this.id };
    }
    if (!plan) return this.single(signal);
    this.blockSize = plan.size;
    await this.prove(signal);
    return this.blocks(plan.size, plan.count, signal);
  }

  /** Blocks that the broker did not find after all are sent by the next `run`. */
  forget(indexes: readonly number[]): void {
    for (const index of indexes) if (this.arrived.delete(index)) this.settled -= this.slice(index).size;
  }

  private async single(signal: AbortSignal): Promise<Completion> {
    if (this.begun?.digest && this.begun.digest !== (await this.digest())) throw new AnotherFile();
    // Hashed while it flies, where that has not been done yet.
    const [answer, digest] = await Promise.all([this.persist(0, this.file, (grant) => grant.url, signal), this.digest()]);
    // An ETag cannot always be read; the broker does without.
    return { id: this.id, ...(digest ? { digest } : {}), ...(answer?.etag ? { etag: answer.etag } : {}) };
  }

  /** Compares with the blocks that are there, before one byte is added to them: name and size prove nothing. */
  private async prove(signal: AbortSignal): Promise<void> {
    if (this.proved || !this.begun) return;
    const known = new Map<number, Set<string>>();
    for (const { index, digest } of this.begun.arrived) known.set(index, (known.get(index) ?? new Set()).add(digest));
    for (const [index, digests] of known) {
      signal.throwIfAborted();
      const digest = (this.digests[index] = await this.line.hash(this.slice(index)));
      if (!digests.has(digest)) throw new AnotherFile();
      this.arrived.add(index);
      this.settled += this.slice(index).size;
      this.report(index, 0);
    }
    this.proved = true;
  }

  private async blocks(size: number, count: number, signal: AbortSignal): Promise<Completion> {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const window = new Slots(AHEAD);
    const flying: Promise<unknown>[] = [];
    for (let index = 0; index < count && !both.aborted; index++) {
      if (this.arrived.has(index) && this.digests[index]) continue;
      // The next block is hashed while earlier ones fly, and no more are read than can soon be sent.
      const give = await window.take();
      const digest = (this.digests[index] ??= await this.line.hash(this.slice(index)));
      const flight = this.persist(index, this.slice(index), (grant) => blockUrl(grant.url, index, digest), both);
      flying.push(flight.then(() => this.arrived.add(index)).finally(give).catch((error: unknown) => stop.abort(error)));
    }
    await Promise.all(flying);
    both.throwIfAborted();
    const whole = await this.line.hash(new Blob([concatenated(this.digests)]));
    return { id: this.id, digest: blocksDigest(size, whole), blocks: [...this.digests] };
  }

  /** One body until it is there: waits out what passes, renews the grant once when it has run out. Null: it was there. */
  private async persist(index: number, body: Blob, url: (grant: Grant) => string, signal: AbortSignal): Promise<PutAnswer | null> {
    let [renewed, unsure, attempts, since] = [false, this.begun !== null, 0, this.line.now()];
    for (;;) {
      const answer = await this.attempt(index, body, url, signal);
      if (answer === "past") return this.settle(index, body, null);
      if (answer !== "paused") {
        if (answer.status >= 200 && answer.status < 300) {
          this.line.slots.went();
          return this.settle(index, body, answer);
        }
        if (THERE_ALREADY.has(answer.code) || (unsure && answer.code === MAYBE_THERE)) return this.settle(index, body, null);
      }
      this.report(index, 0);
      if (answer === "paused") {
        [unsure, since] = [true, this.line.now()];
        continue;
      }
      if (answer.status === 403 && !renewed) {
        renewed = true;
        await this.line.grants.renew(this.id);
        continue;
      }
      if (!passes(answer.status)) throw new NotTaken(answer.code || String(answer.status));
      unsure = true;
      if (answer.status === 0) await assertReadable(body);
      if (tooMuch(answer.status)) this.line.slots.struggled();
      renewed = false;
      if (hopeless(++attempts, this.line.now() - since)) throw new NotTaken(answer.status ? String(answer.status) : "no answer");
      await this.line.sleep(delay(attempts - 1, this.line.random(), answer.retryAfter));
    }
  }

  /** One PUT in a slot. The grant is taken last: what waits in a queue grows old there. */
  private async attempt(index: number, body: Blob, url: (grant: Grant) => string, signal: AbortSignal): Promise<PutAnswer | "paused" | "past"> {
    const { gate, slots, grants, put } = this.line;
    await gate.passed(signal);
    const give = await slots.take();
    try {
      signal.throwIfAborted();
      if (gate.closed) return "paused";
      const breaker = gate.signal;
      const grant = await grants.take(this.id);
      const either = AbortSignal.any([signal, breaker]);
      const answer = await put({ url: url(grant), headers: grant.headers, body, signal: either, onProgress: (bytes) => this.report(index, bytes) });
      return answer.status === 0 && gate.closed ? "paused" : answer;
    } catch (error) {
      if (isPast(error)) return "past";
      if (gate.closed && !signal.aborted) return "paused";
      throw error;
    } finally {
      give();
    }
  }

  private settle(index: number, body: Blob, answer: PutAnswer | null): PutAnswer | null {
    this.moving.delete(index);
    this.settled += body.size;
    this.report(index, 0);
    return answer;
  }

  private report(index: number, bytes: number): void {
    if (bytes) this.moving.set(index, bytes);
    else this.moving.delete(index);
    let total = this.settled;
    for (const part of this.moving.values()) total += part;
    this.onProgress(Math.min(total, this.file.size));
  }

  private slice(index: number): Blob {
    return this.file.slice(...range(index, this.blockSize, this.file.size));
  }
}

/** The digest of a file as it is declared and told, where it is sent in one piece. */
export const digestOf = async (hash: (blob: Blob) => Promise<string>, file: Blob): Promise<string> => singleDigest(await hash(file));

/** The upload is past waiting for bytes: somebody, or an earlier call of ours, completed it. Complete says how it stands. */
function isPast(error: unknown): boolean {
  return error instanceof Problem && error.slug === "illegal-move";
}

/** A file that changed on disk looks like a cut line to XMLHttpRequest; reading one byte tells them apart. */
async function assertReadable(body: Blob): Promise<void> {
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw new FileChanged(error instanceof Error ? error.name : "");
  }
}
