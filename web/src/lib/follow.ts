/** What becomes of what was sent: one question for many uploads, less often as time goes by. */
import type { Upload } from "./api.ts";

/** Uploads asked about by one question. */
const MOST = 100;
const SOON = 1_000;
const LATE = 5_000;
const FINAL: ReadonlySet<string> = new Set(["stored", "rejected", "expired", "missing"]);

export class Follow {
  /** Oldest first: that is the order in which they are checked. */
  private readonly open = new Map<string, (upload: Upload) => void>();
  private running = false;

  constructor(
    private readonly ask: (ids: string[]) => Promise<Upload[]>,
    private readonly sleep: (milliseconds: number) => Promise<void>,
  ) {}

  /** Calls `learn` for every answer about this upload until nothing more can happen to it. */
  add(id: string, learn: (upload: Upload) => void): void {
    this.open.set(id, learn);
    if (!this.running) void this.run();
  }

  get waiting(): number {
    return this.open.size;
  }

  private async run(): Promise<void> {
    this.running = true;
    for (let quiet = 0; this.open.size > 0; ) {
      await this.sleep(Math.min(SOON + quiet * 250, LATE));
      const uploads = await this.ask([...this.open.keys()].slice(0, MOST)).catch(() => []);
      let ended = 0;
      for (const upload of uploads) {
        const learn = this.open.get(upload.id);
        if (FINAL.has(upload.state)) ended += Number(this.open.delete(upload.id));
        learn?.(upload);
      }
      // While things happen, the rest is asked about soon.
      quiet = ended > 0 ? 0 : quiet + 1;
    }
    this.running = false;
  }
}
