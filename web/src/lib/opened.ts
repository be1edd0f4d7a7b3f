/**
 * What was really shown to somebody: pictures that were painted in a visible part of a visible page, and of stacks how
 * many different slices. A placeholder is never painted, so it never counts.
 */

/** Milliseconds between two tellings while slices go by. */
const EVERY = 2_000;

/** The picture that stands for a stack until its slices come: it is one of them, nobody knows which. */
export const PREVIEW = -1;

export interface Seen {
  readonly id: string;
  /** Different slices that were shown; 1 for a picture. */
  readonly slices: number;
}

export class Opened {
  private readonly seen = new Map<string, Set<number>>();
  private readonly untold = new Set<string>();
  private telling: Promise<void> = Promise.resolve();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` keeps what was seen; `last` is true when the page is being left. */
  constructor(private readonly tell: (seen: readonly Seen[], last: boolean) => Promise<void>) {}

  /** Somebody sees this slice of this scan now; a picture has only slice 0. */
  note(scan: string, slice: number): void {
    const slices = this.seen.get(scan) ?? new Set();
    if (slices.has(slice)) return;
    this.seen.set(scan, slices.add(slice));
    this.untold.add(scan);
    // The first is told at once: whoever signs next must not be asked about what is on the screen.
    if (slices.size === 1) void this.flush();
    else this.timer ??= setTimeout(() => void this.flush(), EVERY);
  }

  /** Tell what is not told yet, and wait until all of it is kept. What could not be kept is told the next time. */
  async flush(last = false): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const some = [...this.untold];
    this.untold.clear();
    if (some.length) {
      const told = this.tell(some.map((id) => ({ id, slices: counted(this.seen.get(id)!) })), last).catch(() => {
        for (const id of some) this.untold.add(id);
      });
      this.telling = Promise.all([this.telling, told]).then(() => undefined);
    }
    await this.telling;
  }
}

const counted = (slices: ReadonlySet<number>): number => Math.max(1, slices.size - Number(slices.has(PREVIEW)));
