/**
 * Requests in flight over all files; who asks first goes first. Their number shrinks when the store says that it is
 * too much (half of them at once) and grows again one by one, so that nobody has to choose it for a line.
 */

/** Requests in a row that must go well before one more is tried. */
const RUN = 8;
/** Answers "too much" within this time, in milliseconds, are one sign: they belong to requests sent at once. */
const SAME_SIGN = 1_000;

export class Slots {
  private readonly queue: (() => void)[] = [];
  private taken = 0;
  private good = 0;
  private struggledAt = -Infinity;
  private allowed: number;

  constructor(
    private readonly most: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.allowed = most;
  }

  /** How many may be in flight just now. */
  get limit(): number {
    return this.allowed;
  }

  /** Nothing is in flight, and nothing waits. */
  get idle(): boolean {
    return this.taken === 0;
  }

  /** Resolves with the function that gives the slot back; calling that twice does no harm. */
  async take(): Promise<() => void> {
    if (this.taken < this.allowed) this.taken++;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.taken--;
      this.admit();
    };
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const give = await this.take();
    try {
      return await work();
    } finally {
      give();
    }
  }

  /** The store said 503 or 429. */
  struggled(): void {
    this.good = 0;
    if (this.now() - this.struggledAt < SAME_SIGN) return;
    this.struggledAt = this.now();
    this.allowed = Math.max(1, Math.floor(this.allowed / 2));
  }

  /** A request went well. */
  went(): void {
    if (this.allowed >= this.most || ++this.good < RUN) return;
    this.good = 0;
    this.allowed++;
    this.admit();
  }

  private admit(): void {
    while (this.taken < this.allowed && this.queue.length > 0) {
      this.taken++;
      this.queue.shift()!();
    }
  }
}
