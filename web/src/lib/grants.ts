/** Grants by upload id, renewed at two thirds of their life and when the store says that one has run out. */
import { type Grant, type OrProblem, Problem } from "./api.ts";

interface Held {
  readonly grant: Grant;
  readonly renewAt: number;
}

type Answer = OrProblem<{ id: string; grant: Grant }>;

/** Grants renewed by one call. */
const MOST = 100;
/** Milliseconds for which others may join a renewal. */
const JOIN = 20;

export class Grants {
  private readonly held = new Map<string, Held>();
  private readonly wanted = new Map<string, { resolve: (grant: Grant) => void; reject: (error: unknown) => void }[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `now` is monotonic, in milliseconds: a wrong wall clock on a clinic PC must not matter. */
  constructor(
    private readonly ask: (ids: string[]) => Promise<Answer[]>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  hold(id: string, grant: Grant): void {
    this.held.set(id, { grant, renewAt: this.now() + (grant.expires_in * 1000 * 2) / 3 });
  }

  /** A grant that is good for a while. Raises Problem if the broker gives none. */
  async take(id: string): Promise<Grant> {
    const held = this.held.get(id);
    return held && this.now() < held.renewAt ? held.grant : this.renew(id);
  }

  /** A fresh grant; all who ask at about the same moment share one call. */
  renew(id: string): Promise<Grant> {
    return new Promise((resolve, reject) => {
      const asked = this.wanted.get(id);
      if (asked) return void asked.push({ resolve, reject });
      this.wanted.set(id, [{ resolve, reject }]);
      this.timer ??= setTimeout(() => this.flush(), JOIN);
    });
  }

  drop(id: string): void {
    this.held.delete(id);
  }

  private flush(): void {
    this.timer = undefined;
    const due = [...this.wanted].slice(0, MOST);
    for (const [id] of due) this.wanted.delete(id);
    if (this.wanted.size > 0) this.timer = setTimeout(() => this.flush(), 0);
    // Those next in the queue are as old: they are renewed along, or a long batch would ask once a file.
    const along = this.old(MOST - due.length, new Set(due.map(([id]) => id)));
    const renewal = this.ask([...due.map(([id]) => id), ...along]).then((answers) => {
      for (const answer of answers) if (!("problem" in answer)) this.hold(answer.id, answer.grant);
      return new Map(answers.map((answer) => [answer.id, answer]));
    });
    for (const [id, askers] of due) {
      renewal.then((answers) => this.settle(answers.get(id), askers)).catch((error: unknown) => askers.forEach(({ reject }) => reject(error)));
    }
  }

  private settle(answer: Answer | undefined, askers: readonly { resolve: (grant: Grant) => void; reject: (error: unknown) => void }[]): void {
    if (answer && !("problem" in answer)) return askers.forEach(({ resolve }) => resolve(answer.grant));
    const problem = answer ? Problem.from(answer.problem) : new Problem(0, "no-answer", "The service did not answer for this file", "");
    askers.forEach(({ reject }) => reject(problem));
  }

  private old(most: number, but: ReadonlySet<string>): string[] {
    const found: string[] = [];
    for (const [id, { renewAt }] of this.held) {
      if (found.length >= most) break;
      if (renewAt <= this.now() && !but.has(id) && !this.wanted.has(id)) found.push(id);
    }
    return found;
  }
}
