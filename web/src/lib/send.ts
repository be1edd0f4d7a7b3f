/** One file's way to the store: in one PUT, or block by block; everything that passes is tried again. */
import type { Completion, Grant } from "./api.ts";
import type { Grants } from "./grants.ts";
import { FileChanged } from "./hasher.ts";
import { blockUrl, blocksDigest, concatenated, range } from "./plan.ts";
import type { Put, PutAnswer } from "./put.ts";
import { ATTEMPTS, delay, passes } from "./retry.ts";
import type { Slots } from "./slots.ts";

/** What a sender needs from outside; tests put their own in. */
export interface Line {
  readonly put: Put;
  readonly hash: (blob: Blob) => Promise<string>;
  readonly grants: Grants;
  readonly slots: Slots;
  /** Resolves at once while the browser is online; time spent offline uses up no attempts. */
  readonly online: () => Promise<void>;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
}

/** The store does not take it, and trying again would not help. `code` is what IT wants to hear. */
export class NotTaken extends Error {
  constructor(readonly code: string) {
    super(`The storage does not take this file (${code}).`);
  }
}

/** The name is taken: an earlier PUT of ours arrived although its answer was lost. The worker compares the bytes. */
const THERE_ALREADY = new Set(["BlobAlreadyExists", "UnauthorizedBlobOverwrite"]);

export class Sending {
  /** Block digests known so far and blocks that arrived: a second `run` after a failure sends only the rest. */
  private readonly digests: string[] = [];
  private readonly arrived = new Set<number>();
  private readonly moving = new Map<number, number>();
  private settled = 0;

  constructor(
    private readonly line: Line,
    private readonly id: string,
    private readonly file: Blob,
    private readonly digest: string | null,
    private readonly onProgress: (bytes: number) => void,
  ) {}

  /**
   * Sends what is missing and says what to tell the broker.
   *
   * Raises NotTaken, FileChanged, Problem (no grant), or the signal's reason.
   */
  async run(signal: AbortSignal): Promise<Completion> {
    const grant = await this.line.grants.take(this.id);
    return grant.blocks ? this.blocks(grant.blocks.size, grant.blocks.count, signal) : this.single(signal);
  }

  /** Blocks that the broker did not find after all are sent by the next `run`. */
  forget(indexes: readonly number[]): void {
    for (const index of indexes) if (this.arrived.delete(index)) this.settled -= this.slice(index).size;
  }

  private blockSize = 0;

  private async single(signal: AbortSignal): Promise<Completion> {
    const answer = await this.line.slots.run(() => this.persist(0, this.file, (grant) => grant.url, signal));
    return { id: this.id, ...(this.digest ? { digest: this.digest } : {}), ...(answer.etag ? { etag: answer.etag } : {}) };
  }

  private async blocks(size: number, count: number, signal: AbortSignal): Promise<Completion> {
    this.blockSize = size;
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const flying: Promise<unknown>[] = [];
    for (let index = 0; index < count && !both.aborted; index++) {
      // The next block is hashed while earlier ones fly; the slot is taken before more is read.
      const digest = (this.digests[index] ??= await this.line.hash(this.slice(index)));
      if (this.arrived.has(index)) continue;
      const give = await this.line.slots.take();
      const flight = this.persist(index, this.slice(index), (grant) => blockUrl(grant.url, index, digest), both);
      flying.push(flight.then(() => this.arrived.add(index)).finally(give).catch((error: unknown) => stop.abort(error)));
    }
    await Promise.all(flying);
    both.throwIfAborted();
    const whole = await this.line.hash(new Blob([concatenated(this.digests)]));
    return { id: this.id, digest: blocksDigest(size, whole), blocks: [...this.digests] };
  }

  /** One body until it is there: waits out what passes, renews the grant once when it has run out. */
  private async persist(index: number, body: Blob, url: (grant: Grant) => string, signal: AbortSignal): Promise<PutAnswer> {
    let renewed = false;
    for (let attempt = 0; ; attempt++) {
      await this.line.online();
      signal.throwIfAborted();
      const grant = await this.line.grants.take(this.id);
      const answer = await this.line.put({ url: url(grant), headers: grant.headers, body, signal, onProgress: (bytes) => this.report(index, bytes) });
      if ((answer.status >= 200 && answer.status < 300) || THERE_ALREADY.has(answer.code)) return this.settle(index, body, answer);
      this.report(index, 0);
      if (answer.status === 403 && !renewed) {
        renewed = true;
        await this.line.grants.renew(this.id);
        continue;
      }
      if (!passes(answer.status)) throw new NotTaken(answer.code || String(answer.status));
      if (answer.status === 0) await assertReadable(body);
      if (attempt + 1 >= ATTEMPTS) throw new NotTaken(answer.status ? String(answer.status) : "no answer");
      await this.line.sleep(delay(attempt, this.line.random(), answer.retryAfter));
    }
  }

  private settle(index: number, body: Blob, answer: PutAnswer): PutAnswer {
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

/** A file that changed on disk looks like a cut line to XMLHttpRequest; reading one byte tells them apart. */
async function assertReadable(body: Blob): Promise<void> {
  try {
    await body.slice(0, 1).arrayBuffer();
  } catch (error) {
    throw new FileChanged(error instanceof Error ? error.name : "");
  }
}
