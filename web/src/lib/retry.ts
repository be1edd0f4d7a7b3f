/** Which failures pass by themselves, how long to wait before trying again, and when to give up. */

const ATTEMPTS = 10;
/** Milliseconds for which trying goes on in any case: a switch that restarts, a lift, a short power cut of the line. */
const PATIENCE = 600_000;
const BASE = 500;
const CAP = 20_000;

/** 0 stands for "no answer": the line was cut, or the request stalled. */
export function passes(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** The server asks for less: fewer requests at once help. */
export const tooMuch = (status: number): boolean => status === 503 || status === 429;

/** Whether to give up after `attempts` failures in a row, the first of which is `since` milliseconds ago. */
export const hopeless = (attempts: number, since: number): boolean => attempts >= ATTEMPTS && since >= PATIENCE;

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
