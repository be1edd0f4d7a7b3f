/** By which rules a time in a file is believed. The same as the worker's: broker/ingest/facts.py says why. */

/** When the file is read, in milliseconds since 1970, and how many minutes the clinic is ahead of UTC. */
export interface Clock {
  readonly now: number;
  readonly zone: number;
}

/** A time as a file writes it: `at` is YYYY-MM-DDTHH:MM:SS with a fraction of six digits or none, `offset` +HH:MM or "". */
export interface Moment {
  readonly at: string;
  readonly offset: string;
}

/** The part of the facts that is about time. */
export interface Captured {
  readonly capturedAt: string | null;
  readonly source: string | null;
  readonly doubtful: boolean;
  readonly beforeBirth: boolean;
}

export const UNKNOWN: Captured = { capturedAt: null, source: null, doubtful: false, beforeBirth: false };

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** A clock this far ahead, and not more, is a fast one. */
const FAST_CLOCK = 26 * HOUR;
/** What a clock may be ahead without anybody caring. */
const DRIFT = 5 * MINUTE;
/** Years on whose first of January clocks begin that were never set. */
const CLOCKS_BEGIN = new Set(["1970", "1980", "2000"]);

/** The time with its source as far as it can be believed. `born` is ISO, or "" where the file does not say. */
export function believed({ at, offset }: Moment, source: string, clock: Clock, born = ""): Captured {
  const day = at.slice(0, 10);
  // Without an offset it is local to the device, and here compared as if it were UTC: the clock may stand in any zone.
  const future = instant(at, offset, 0) - clock.now > FAST_CLOCK;
  if (at < "1950" || future || clockBegins(at)) return UNKNOWN;
  if (born !== "" && day <= born) return { ...UNKNOWN, beforeBirth: day < born };
  return { capturedAt: at + offset, source, doubtful: instant(at, offset, clock.zone) - clock.now > DRIFT, beforeBirth: false };
}

/** Midnight sharp: a date whose time of day nobody wrote down. */
export const timeless = ({ capturedAt }: Captured): boolean => capturedAt?.slice(11, 26) === "00:00:00" || /T00:00:00[+-]/.test(capturedAt ?? "");

/** The second of midnight on any 1 January, and the first hour of some. */
function clockBegins(at: string): boolean {
  return at.slice(4, 11) === "-01-01T" && (at.slice(11, 19) === "00:00:00" || (CLOCKS_BEGIN.has(at.slice(0, 4)) && at.slice(11, 13) === "00"));
}

/** In milliseconds since 1970; `zone` is that of a time without an offset. */
function instant(at: string, offset: string, zone: number): number {
  const utc = Date.parse(`${at.slice(0, 19)}Z`);
  const [, sign, hours, minutes] = /^([+-])(\d\d):(\d\d)$/.exec(offset) ?? [];
  const east = hours ? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) : zone;
  return utc - east * MINUTE;
}

/** `20261120`, also with points or dashes, as `2026-11-20`; "" if it is no day. */
export function isoDay(text: string): string {
  const [, year, month, day] = /^(\d{4})[.-]?(\d\d)[.-]?(\d\d)$/.exec(text) ?? [];
  return year ? realDay(`${year}-${month}-${day}`) : "";
}

/** The day itself if the calendar has it, else "". */
export function realDay(iso: string): string {
  const date = new Date(`${iso}T00:00:00Z`);
  return iso >= "0001" && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(iso) ? iso : "";
}

/** `093015.2`, `0930` or `09:30:15` as `09:30:15.200000`, without a fraction that is none; "" if it is no time of day. */
export function isoTime(text: string): string {
  const [, hour, minute = "00", second = "00", fraction = ""] = /^(\d\d):?(?:(\d\d):?(?:(\d\d)(?:\.(\d{1,6}))?)?)?$/.exec(text) ?? [];
  if (!hour || hour > "23" || minute > "59") return "";
  const parts = fraction.padEnd(6, "0");
  // A leap second has no place in most calendars.
  return `${hour}:${minute}:${second > "59" ? "59" : second}${parts === "000000" ? "" : `.${parts}`}`;
}
