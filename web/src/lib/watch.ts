/** When a session locks: what the server says about it, and when to ask. No DOM in here. */

export interface State {
  readonly locked: boolean;
  /** Seconds until it locks if nobody touches anything, counted by the server. */
  readonly locks_in: number;
  readonly account: string;
  /** How its person opens it again: a password, a password with a code, the provider's page, or a mere click. */
  readonly by: "password" | "code" | "provider" | "click";
}

/** What the page shows: its own content, the lock, or that the session is over. */
export type Face = "open" | "locked" | "over";

export interface Means {
  /** Ask for the state, telling whether somebody touched something; "over" if there is no such session any more. */
  readonly ask: (touched: boolean) => Promise<State | "over">;
  readonly show: (face: Face, by: State["by"]) => void;
  readonly now: () => number;
  readonly later: (milliseconds: number, act: () => void) => void;
}

/** Touches are told at most this often, and a locked page looks this often whether it was opened elsewhere (ms). */
const TELL = 20_000;
const LOOK = 3_000;

export class Watch {
  private touched = false;
  private face: Face = "open";
  private by: State["by"] = "password";
  private locksAt = Infinity;

  constructor(
    private readonly means: Means,
    private readonly account: string,
  ) {}

  /** A key or the pointer: told with the next look, unless the page is locked. */
  touch(): void {
    this.touched ||= this.face === "open";
  }

  /** Ask, show what follows, and come back by itself. */
  async look(): Promise<void> {
    const touched = this.touched;
    this.touched = false;
    const state = await this.means.ask(touched).catch(() => null);
    if (state) this.take(state);
    else {
      this.touched ||= touched;
      // No answer: the page locks when it would have, because nobody can say otherwise.
      if (this.means.now() >= this.locksAt) this.turn("locked");
    }
    if (this.face !== "over") this.means.later(this.pause(), () => void this.look());
  }

  take(state: State | "over"): void {
    // Somebody else signed in meanwhile, in another tab: this page is not theirs.
    if (state === "over" || state.account !== this.account) return this.turn("over");
    this.by = state.by;
    this.locksAt = this.means.now() + state.locks_in * 1000;
    this.turn(state.locked ? "locked" : "open");
  }

  private turn(face: Face): void {
    if (face === this.face) return;
    this.face = face;
    this.means.show(face, this.by);
  }

  private pause(): number {
    if (this.face === "locked") return LOOK;
    const left = this.locksAt - this.means.now();
    return Math.max(500, Math.min(TELL, left + 250));
  }
}
