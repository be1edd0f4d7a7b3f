/** Grants by upload id, renewed at two thirds of their life and when the store says that one has run out. */
import { type Grant, type OrProblem, Problem } from "./api.ts";
import { Gather } from "./gather.ts";

interface Held {
  readonly grant: Grant;
  readonly renewAt: number;
}

export class Grants {
  private readonly held = new Map<string, Held>();
  private readonly renewing = new Map<string, Promise<Grant>>();
  private readonly calls: Gather<string, OrProblem<{ id: string; grant: Grant }>>;

  /** `now` is monotonic, in milliseconds: a wrong wall clock on a clinic PC must not matter. */
  constructor(
    renew: (ids: string[]) => Promise<OrProblem<{ id: string; grant: Grant }>[]>,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.calls = new Gather(renew);
  }

  hold(id: string, grant: Grant): void {
    this.held.set(id, { grant, renewAt: this.now() + (grant.expires_in * 1000 * 2) / 3 });
  }

  /** A grant that is good for a while. Raises Problem if the broker gives none. */
  async take(id: string): Promise<Grant> {
    const held = this.held.get(id);
    return held && this.now() < held.renewAt ? held.grant : this.renew(id);
  }

  /** A fresh grant; those who ask for the same upload meanwhile share one renewal. */
  async renew(id: string): Promise<Grant> {
    const running = this.renewing.get(id);
    if (running) return running;
    const renewal = this.calls
      .ask(id)
      .then((answer) => {
        if ("problem" in answer) throw Problem.from(answer.problem);
        this.hold(id, answer.grant);
        return answer.grant;
      })
      .finally(() => this.renewing.delete(id));
    this.renewing.set(id, renewal);
    return renewal;
  }

  drop(id: string): void {
    this.held.delete(id);
  }
}
