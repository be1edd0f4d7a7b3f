/** A call to the broker that is said again until it is answered: every one of them is the same act when repeated. */
import { Problem } from "./api.ts";
import type { Gate } from "./gate.ts";
import { delay, hopeless, passes } from "./retry.ts";

export interface Patience {
  readonly gate: Gate;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
}

/** Raises the last Problem when it does not pass by itself, or not for minutes. */
export async function insist<T>({ gate, sleep, random, now }: Patience, call: () => Promise<T>): Promise<T> {
  let since = now();
  for (let attempt = 0; ; ) {
    await gate.passed();
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Problem) || !passes(error.status)) throw error;
      // What failed because there was no line says nothing about the service.
      if (gate.closed) [attempt, since] = [0, now()];
      else if (hopeless(++attempt, now() - since)) throw error;
      await sleep(delay(attempt, random(), error.retryAfter));
    }
  }
}
