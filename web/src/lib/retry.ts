/** Which failures pass by themselves, and how long to wait before trying again. */

export const ATTEMPTS = 10;
const BASE = 500;
const CAP = 20_000;

/** 0 stands for "no answer": the line was cut, or the request stalled. */
export function passes(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/**
 * Milliseconds before attempt `n + 1`: full jitter, so that many browsers do not come back at the same moment.
 * A Retry-After of the server is the least that is waited.
 */
export function delay(n: number, random: number, retryAfter: number | null = null): number {
  const jittered = random * Math.min(CAP, BASE * 2 ** n);
  return Math.max(jittered, (retryAfter ?? 0) * 1000);
}

/** Seconds of a Retry-After header, or null. Dates are not sent by the stores we talk to. */
export function retryAfter(header: string | null): number | null {
  const seconds = Number(header);
  return header !== null && Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 60) : null;
}
