/**
 * Files of one patient on their way: declared a hundred at a time, sent, completed, followed to their end.
 * What a person sees of it is made elsewhere; every change is told by `changed`.
 */
import type { Api, Begun, Completion, Declared, OrProblem, Upload } from "./api.ts";
import { Problem, type State } from "./api.ts";
import { deliver } from "./deliver.ts";
import type { Follow } from "./follow.ts";
import { insist } from "./insist.ts";
import { fileName } from "./outside.ts";
import { singleDigest } from "./plan.ts";
import { type Line, Sending } from "./send.ts";
import type { Slots } from "./slots.ts";
import { explain } from "./text.ts";

export interface Item {
  readonly ref: string;
  readonly file: File;
  /** What a person said; null: nobody said anything, and what the file says counts. */
  readonly eye: string | null;
  readonly kind: string | null;
  readonly capturedAt: string | null;
  /** Hex SHA-256 of a file sent in one piece, null for a block plan. `fresh`: read the file again. */
  readonly digest: (fresh?: boolean) => Promise<string | null>;
  readonly handles: readonly FileSystemHandle[];
}

export interface Order {
  readonly patient: string;
  readonly note: string;
  readonly urgent: boolean;
}

export interface Tools {
  readonly api: Api;
  readonly line: Line;
  readonly complete: (told: Completion) => Promise<OrProblem<Upload>>;
  readonly follow: Follow;
  /** Files at once. */
  readonly lanes: Slots;
  readonly keep: { put(batch: string, handles: readonly FileSystemHandle[]): Promise<void>; drop(batch: string): Promise<void> };
  /** Keeps other tabs off a batch; gives the release, or null if another tab has it. */
  readonly lock: (batch: string) => Promise<(() => void) | null>;
}

/**
 * What is known of one file: the server's state, or one of the page's own before and beside it. `duplicate`: the very
 * bytes are stored for this patient already, so that nothing had to be sent.
 */
export type Phase = State | "waiting" | "sending" | "asked" | "failed" | "skipped" | "duplicate";

export class Entry {
  phase: Phase = "waiting";
  words = "Waiting";
  moved = 0;
  id: string | null = null;
  scans: readonly string[] = [];
  /** Sent a second time, because its bytes changed on the way. */
  resent = false;
  /** To be sent although the very bytes are stored already: somebody said so. */
  insisted = false;
  sending: Sending | null = null;
  again: (() => void) | null = null;

  constructor(
    readonly item: Item,
    readonly begun: Begun | null = null,
  ) {}

  get percent(): number {
    return this.item.file.size ? Math.min(100, Math.floor((100 * this.moved) / this.item.file.size)) : 0;
  }
}

interface Chunk {
  readonly batch: string;
  readonly entries: readonly Entry[];
  release: (() => void) | null;
  /** Being declared just now: a hundred files that ask again ask once. */
  busy: boolean;
  body: Promise<Parameters<Api["declare"]>[0]> | null;
}

/** Files of one declaration: their grants are made by one call, and are young when they are used. */
export const CHUNK = 100;
/** Milliseconds that a declaration waits for digests. Most are known by then: hashing begins when files are chosen. */
const HASHING = 150;
/** What the way itself may have done to a file: sending it once more is worth it. */
const WAYWARD: ReadonlySet<string> = new Set(["digest", "size", "changed", "unreadable"]);
/** The upload is gone for the service: the file is declared anew. */
const GONE: ReadonlySet<string> = new Set(["upload-expired", "upload-not-found", "digest-mismatch"]);
export const MOVING: ReadonlySet<Phase> = new Set(["waiting", "sending"]);
export const CHECKING: ReadonlySet<Phase> = new Set(["received", "verifying"]);
export const SAFE: ReadonlySet<Phase> = new Set(["stored", "duplicate"]);
export const BAD: ReadonlySet<Phase> = new Set(["rejected", "missing", "expired", "failed"]);

export class Batch {
  readonly entries: readonly Entry[];
  private readonly chunks: Chunk[] = [];
  private readonly stop = new AbortController();

  constructor(
    private readonly order: Order,
    items: readonly Item[],
    private readonly tools: Tools,
    private readonly changed: (entry: Entry) => void,
    begun: ReadonlyMap<string, Begun> = new Map(),
  ) {
    this.entries = items.map((item) => new Entry(item, begun.get(item.ref) ?? null));
    if (begun.size === 0) {
      for (let at = 0; at < items.length; at += CHUNK) this.chunks.push(chunk(crypto.randomUUID(), this.entries.slice(at, at + CHUNK)));
      return;
    }
    const byBatch = new Map<string, Entry[]>();
    for (const entry of this.entries) {
      const { batch } = begun.get(entry.item.ref)!;
      byBatch.set(batch, [...(byBatch.get(batch) ?? []), entry]);
    }
    for (const [batch, entries] of byBatch) this.chunks.push(chunk(batch, entries));
  }

  /** Ids under which the files were declared: for the receipt. */
  get batches(): string[] {
    return this.chunks.filter(({ entries }) => entries.some(({ id }) => id)).map(({ batch }) => batch);
  }

  get moving(): boolean {
    return this.entries.some(({ phase }) => MOVING.has(phase) || phase === "asked");
  }

  /** Declares and sends everything; returns when all is declared. Asking again after a failure is the same act. */
  async start(): Promise<void> {
    for (const one of this.chunks) {
      // Hashed while those before it fly: so its duplicates are known before it is declared.
      for (const { item } of one.entries) void item.digest().catch(() => undefined);
      while (this.ahead() >= CHUNK && !this.stop.signal.aborted) await this.tools.line.sleep(150);
      if (this.stop.signal.aborted) return;
      await this.begin(one);
    }
  }

  /** Sends every file that failed again. */
  retry(): void {
    for (const entry of this.entries) if (entry.phase === "failed") entry.again?.();
  }

  async skip(entry: Entry): Promise<void> {
    this.set(entry, "skipped", "Skipped, nothing was sent.");
    this.settle(entry);
    if (entry.id) await this.tools.api.abandon(entry.id).catch(() => undefined);
  }

  send(entry: Entry): void {
    this.set(entry, "waiting", "Waiting");
    void this.deliver(entry);
  }

  /** Sends a file whose very bytes are stored for this patient already. */
  insist(entry: Entry): void {
    entry.insisted = true;
    this.anew(entry);
  }

  /** Declared, or about to be, and not yet sent. */
  private ahead(): number {
    return this.entries.filter(({ phase, id }) => id !== null && MOVING.has(phase)).length;
  }

  private async begin(one: Chunk): Promise<void> {
    if (one.busy) return;
    one.busy = true;
    await this.declare(one);
    one.busy = false;
  }

  private async declare(one: Chunk): Promise<void> {
    one.release ??= await this.tools.lock(one.batch);
    const open = one.entries.filter(({ phase }) => phase === "waiting" || phase === "failed");
    if (!one.release) return this.fail(open, new Problem(409, "elsewhere", "", "Another tab of this browser is sending these files."), one);
    for (const entry of open) this.set(entry, "waiting", "Waiting");
    if (one.entries[0]?.begun) return this.goOn(one);
    try {
      const body = await (one.body ??= this.describe(one));
      if (body.files.length === 0) return;
      const declared = await insist(this.tools.line, () => this.tools.api.declare(body));
      const byRef = new Map(declared.map((answer) => [answer.ref, answer]));
      void this.tools.keep.put(one.batch, [...new Set(one.entries.flatMap(({ item }) => item.handles))]);
      for (const entry of open) if (entry.phase === "waiting") this.accept(entry, byRef.get(entry.item.ref));
    } catch (error) {
      // What was refused for its form would be refused again: the next one is made anew.
      if (error instanceof Problem && error.status === 422) one.body = null;
      this.fail(open.filter(({ phase }) => phase === "waiting"), error, one);
    }
  }

  private goOn(one: Chunk): void {
    for (const entry of one.entries) {
      if (entry.phase !== "waiting") continue;
      entry.id = entry.begun!.id;
      this.send(entry);
    }
  }

  private fail(entries: readonly Entry[], error: unknown, one: Chunk): void {
    for (const entry of entries) {
      entry.again = () => void (entry.phase === "failed" && this.begin(one));
      this.set(entry, "failed", explain(error));
    }
  }

  /** The declaration's body: made once, because a repeated declaration must be the same; anew only if it was refused for its form. */
  private async describe({ batch, entries }: Chunk): Promise<Parameters<Api["declare"]>[0]> {
    const soon = this.tools.line.sleep(HASHING).then(() => null);
    const described = await Promise.all(entries.map((entry) => this.describeOne(entry, soon)));
    const { note, urgent, patient } = this.order;
    return { batch, patient, ...(note ? { note } : {}), ...(urgent ? { urgent } : {}), files: described.flatMap((one) => one ?? []) };
  }

  private async describeOne(entry: Entry, soon: Promise<null>) {
    const { ref, file, eye, kind, capturedAt, digest } = entry.item;
    try {
      // A digest that is known in time finds duplicates before a byte is sent; else it is told when the file is there.
      const hex = await Promise.race([digest(), soon]);
      return {
        ref, filename: fileName(file.name), size: file.size,
        ...(file.type ? { media_type: file.type } : {}), ...(eye ? { eye } : {}), ...(kind ? { kind } : {}),
        ...(capturedAt ? { captured_at: capturedAt } : {}), ...(hex ? { digest: singleDigest(hex) } : {}),
        ...(entry.insisted ? { again: true } : {}),
      };
    } catch (error) {
      entry.again = null;
      this.set(entry, "failed", explain(error));
      return null;
    }
  }

  private accept(entry: Entry, declared: Declared | undefined): void {
    if (!declared) return this.set(entry, "failed", "The service did not answer for this file. Your file is still with you.");
    entry.id = declared.id;
    if (declared.state !== "pending") return this.arrived(entry, phaseOf(declared), declared.sentence);
    if (declared.grant) this.tools.line.grants.hold(declared.id, declared.grant);
    if (!declared.stored_elsewhere || entry.insisted) return this.send(entry);
    this.set(entry, "asked", "This very file is already stored for another patient. Is this the right patient?");
  }

  private async deliver(entry: Entry): Promise<void> {
    const { line, lanes, complete } = this.tools;
    const digest = async (): Promise<string | null> => {
      const hex = await entry.item.digest();
      return hex && singleDigest(hex);
    };
    const run = async (): Promise<Completion> => {
      const begun = await this.proof(entry);
      entry.sending ??= new Sending(line, entry.id!, entry.item.file, digest, (moved) => this.move(entry, moved), begun);
      return entry.sending.run(this.stop.signal);
    };
    try {
      // Its lane is free as soon as its bytes are there: while the broker is told, the next file moves.
      const answer = await deliver(() => lanes.run(run), (blocks) => entry.sending?.forget(blocks), complete);
      this.arrived(entry, phaseOf(answer), answer.sentence);
    } catch (error) {
      entry.again = error instanceof Problem && GONE.has(error.slug) ? () => this.anew(entry) : () => this.send(entry);
      this.set(entry, "failed", explain(error));
    }
  }

  /** What is there of an upload that was begun before; asked when its turn comes. */
  private async proof(entry: Entry): Promise<{ digest: string | null; arrived: NonNullable<Begun["blocks"]> } | null> {
    if (!entry.begun || entry.sending) return null;
    const now = await insist(this.tools.line, () => this.tools.api.begun(entry.id!));
    return { digest: now.digest, arrived: now.blocks ?? [] };
  }

  /** Declares one file once more, under a new id. */
  private anew(entry: Entry): void {
    entry.sending = null;
    entry.moved = 0;
    const fresh = chunk(crypto.randomUUID(), [entry]);
    this.chunks.push(fresh);
    this.set(entry, "waiting", "Sending once more");
    void entry.item.digest(true).then(() => this.begin(fresh), (error: unknown) => this.fail([entry], error, fresh));
  }

  private move(entry: Entry, moved: number): void {
    entry.moved = moved;
    if (MOVING.has(entry.phase)) this.set(entry, "sending", `Sending ${entry.percent} %`);
  }

  private arrived(entry: Entry, phase: Phase, sentence: string): void {
    entry.moved = entry.item.file.size;
    this.set(entry, phase, sentence);
    this.tools.line.grants.drop(entry.id!);
    this.settle(entry);
    if (CHECKING.has(phase)) this.tools.follow.add(entry.id!, (upload) => this.learn(entry, upload));
  }

  private learn(entry: Entry, upload: Upload): void {
    if (upload.id !== entry.id || upload.state === "pending" || !CHECKING.has(entry.phase)) return;
    if (upload.state === "rejected" && WAYWARD.has(upload.reason ?? "") && !entry.resent) {
      entry.resent = true;
      return this.anew(entry);
    }
    if (upload.state === entry.phase) return;
    entry.scans = upload.scans;
    this.set(entry, phaseOf(upload), upload.sentence);
  }

  private set(entry: Entry, phase: Phase, words: string): void {
    entry.phase = phase;
    entry.words = words;
    if (phase !== "failed") entry.again = null;
    this.changed(entry);
  }

  /** When a declaration's last file has moved, other tabs may have it, and nothing of it need be kept. */
  private settle(entry: Entry): void {
    const one = this.chunks.findLast(({ entries }) => entries.includes(entry));
    if (!one || one.entries.some(({ phase }) => MOVING.has(phase) || phase === "asked" || phase === "failed")) return;
    one.release?.();
    one.release = null;
    void this.tools.keep.drop(one.batch);
  }
}

const phaseOf = ({ state, reason }: Pick<Upload, "state" | "reason">): Phase => (state === "expired" && reason === "duplicate" ? "duplicate" : state);

const chunk = (batch: string, entries: readonly Entry[]): Chunk => ({ batch, entries, release: null, busy: false, body: null });
